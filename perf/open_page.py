"""How long Chromium takes to open pages of `mmlubench report`, and to filter and search them: PAGE …

Needs the extra `browser` and Chromium (CHROMIUM, else `chromium` on the PATH). Each page is opened from disk, offline,
in a new tab. `ready` is the time in ms from the start of loading until the questions are listed and can be filtered.
Without PAGE, runs of 14,042 and 196,588 made-up cases with replies of 200 words are written and their pages opened.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.made_logs import write_logs
from tests.made_runs import made_entries, write_run

_FILTER = """() => {
  document.getElementById('clear').click();
  const start = performance.now();
  document.querySelector('#filter-outcome input').click();
  return performance.now() - start;
}"""
_SEARCH = """async () => {
  document.getElementById('clear').click();
  const words = document.getElementById('filter-q');
  const progress = document.getElementById('progress');
  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  words.value = 'words that nobody said';
  words.dispatchEvent(new Event('input'));
  const start = performance.now();
  await pause(400);
  while (progress.textContent) await pause(20);
  return performance.now() - start - 200;
}"""


def made_pages(folder: Path) -> list[Path]:
    """Write runs with the shape of MMLU and of MMMLU, and their pages; print the processor time of each page."""
    languages = [f"L{number:02}_XX" for number in range(14)]
    shapes: dict[str, dict[str, Any]] = {"mmlu": {}, "mmmlu": {"languages": languages, "benchmark": "mmmlu"}}
    return [_made_page(folder, name, shape) for name, shape in shapes.items()]


def _made_page(folder: Path, name: str, shape: dict[str, Any]) -> Path:
    from mmlubench.reports.page.page import page
    from mmlubench.reports.page.shown import PageRun
    from mmlubench.run.archive import RunArchive

    entries = made_entries(1, 0.7, model="made-up", **shape)
    write_logs(write_run(folder / name, entries), entries)
    run = RunArchive(folder / name)
    shown = PageRun(run.manifest, run.summary, entries, run.path, "finished")
    started = time.process_time()
    content = page([shown], "all")
    print(
        f"{name}: {len(entries):,} cases, {len(content) / 1e6:.1f} MB, {time.process_time() - started:.2f} s of CPU"
    )
    file = folder / f"{name}.html"
    file.write_text(content)
    return file


def main(pages: list[Path]) -> None:
    """Open each page three times."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        browser.new_page().close()
        for file in pages:
            for _ in range(3):
                context = browser.new_context(offline=True, viewport={"width": 1440, "height": 900})
                tab = context.new_page()
                tab.goto(file.absolute().as_uri(), wait_until="commit")
                tab.wait_for_selector("html[data-ready]", timeout=120_000)
                ready = tab.evaluate("document.documentElement.dataset.ready")
                heap = tab.evaluate("performance.memory.usedJSHeapSize / 1e6")
                filtered, searched = tab.evaluate(_FILTER), tab.evaluate(_SEARCH)
                print(
                    f"{file.name}: ready {ready} ms, heap {heap:.0f} MB, filter {filtered:.0f} ms, "
                    f"full-text search {searched:.0f} ms"
                )
                context.close()
        browser.close()


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as made:
        main(given or made_pages(Path(made)))

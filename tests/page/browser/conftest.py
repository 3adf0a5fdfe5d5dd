"""Pages in a real browser, offline. The tests skip where there is no Chromium, or no playwright to drive it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(
    scope="module"
)  # not longer: playwright keeps an event loop running, in which no run of ours can start
def browser() -> Iterator[Browser]:
    why = "needs playwright: pip install 'mmlubench[browser]'"
    playwright = pytest.importorskip("playwright.sync_api", reason=why)
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium, such as Debian's: apt-get install chromium; or its path in CHROMIUM")
    with playwright.sync_playwright() as driver:
        # A sandbox needs rights that containers seldom have; the only pages are ours.
        started = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


class Tab:
    """A page of ours in a tab; an error of its script fails the test."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        page.on(
            "request", lambda asked: self.problems.append(asked.url) if self.is_remote(asked.url) else None
        )
        page.on("dialog", lambda dialog: self.problems.append(dialog.message))

    @staticmethod
    def is_remote(url: str) -> bool:
        return not url.startswith(("file:", "blob:", "data:"))

    def open(self, file: Path, address: str = "") -> Tab:
        self.page.goto("about:blank")  # a new # alone would not load the page again
        self.page.goto(file.as_uri() + address)
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)
        return self

    def settle(self) -> None:
        """Wait until nothing is searched, saved or unpacked any more."""
        self.page.wait_for_timeout(300)
        self.wait("document.getElementById('progress').textContent === ''")

    def wait(self, condition: str) -> None:
        """Wait until a condition of JavaScript holds; the page's own policy forbids playwright to wait for it."""
        for _ in range(400):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"this did not come true: {condition}")

    @property
    def count(self) -> str:
        return self.text("#count")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    @property
    def hash(self) -> str:
        return str(self.page.evaluate("decodeURIComponent(location.hash)"))

    @property
    def rows(self) -> list[str]:
        return list(self.page.locator(".row").all_inner_texts())


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Open a tab, offline, of that width and colour scheme."""
    made: list[tuple[Any, Tab]] = []

    def opened(width: int = 1440, scheme: Any = "light") -> Tab:
        context = browser.new_context(
            offline=True, color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        made.append((context, Tab(context.new_page())))
        return made[-1][1]

    yield opened
    problems = [problem for _, one in made for problem in one.problems]
    for context, _ in made:
        context.close()
    assert problems == []


def write_page(folder: Path, *names: str) -> Path:
    """Write the page of runs under a folder with `mmlubench report`."""
    file = folder / "page.html"
    runs = [str(folder / name) for name in names]
    ended = CliRunner().invoke(main, ["report", *runs, "--html", str(file)], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return file

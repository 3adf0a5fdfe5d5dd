"""The page of `mmlubench lab explore`: narrow and wide, light and dark, to a screen reader, and in all languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.datasets import load
from mmlubench.schema import Entry, Outcome, Usage
from tests.made_runs import write_run


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample in 14 languages, with a run that is never right."""
    folder = tmp_path_factory.mktemp("exploration")
    entries = [
        Entry(
            one.id, one.benchmark, one.subject, one.category, "a-model-of-a-long-name", Outcome.WRONG, one.answer,
            "D" if one.answer != "D" else "A", "cue", 0.1, Usage(), language=one.language,
        )
        for one in load("mmmlu", "sample", examples=False).questions
    ]  # fmt: skip
    run, file = write_run(folder / "run", entries), folder / "page.html"
    arguments = ["lab", "explore", "mmmlu", "--data", "sample", "--run", str(run), "--html", str(file)]
    ended = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(tab, page, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs 'mmlubench[browser]'")
    shown = tab(width, scheme).page
    shown.goto(page.as_uri())
    for details in shown.locator("details").all():
        details.evaluate("element => { element.open = true; }")
    found: Any = axe.Axe().run(shown)
    told = [
        (one["id"], [node["html"][:150] for node in one["nodes"]][:3]) for one in found.response["violations"]
    ]
    assert told == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_every_heading_is_linked_and_tables_have_their_plots(tab, page):
    shown = tab(1440).page
    shown.goto(page.as_uri())
    links = shown.locator("nav.contents a").all_inner_texts()
    assert links == shown.locator("section h2").all_inner_texts()
    assert shown.locator("table.plotted svg.plot").count() > 50
    arabic = shown.locator("td .text").first
    assert arabic.get_attribute("dir") == "auto"

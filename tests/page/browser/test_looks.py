"""How the page looks: narrow and wide, light and dark, with and without scripts, on paper, and to a screen reader."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mmlubench.schema import Entry
from tests.made_logs import write_logs
from tests.made_runs import made_entries, write_run
from tests.page.browser.conftest import write_page

SIZES = [60, 50, 40, 30]
LOOKS = [(width, scheme) for width in (360, 1440) for scheme in ("light", "dark")]


def with_probabilities(entries: list[Entry]) -> list[Entry]:
    made = []
    for entry in entries:
        values = entry.to_dict()
        other = next(letter for letter in "ABCD" if letter != entry.prediction)
        values["probabilities"] = {entry.prediction: 0.75, other: 0.25}
        made.append(
            Entry.from_dict(
                {**values, "probabilities": {**dict.fromkeys("ABCD", 0.0), **values["probabilities"]}}
            )
        )
    return made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of one run, of two, of many models, and of a run without a case."""
    found = {}
    for name, models in (("one", 1), ("two", 2), ("many", 5), ("empty", 0)):
        folder = tmp_path_factory.mktemp(name)
        for number in range(models):
            made = made_entries(
                number, 0.6, model=f"a-model-of-a-long-name-{number}", sizes=SIZES, errors=number
            )
            made = with_probabilities(made) if name == "one" else made
            write_logs(write_run(folder / f"run-{number}", made, mock=name == "two"), made, words=20)
        if not models:
            write_run(folder / "run-0", [])
        found[name] = write_page(folder, *(f"run-{number}" for number in range(max(models, 1))))
    return found


@pytest.mark.parametrize("name", ["one", "two", "many", "empty"])
@pytest.mark.parametrize(("width", "scheme"), LOOKS, ids=[f"{w}-{s}" for w, s in LOOKS])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(tab, pages, name, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs 'mmlubench[browser]'")
    page = tab(width, scheme).open(pages[name])
    page.page.wait_for_timeout(200)
    for details in page.page.locator("details").all():
        details.evaluate("element => { element.open = true; }")
    found: Any = axe.Axe().run(page.page)
    told = [
        (one["id"], [node["html"][:150] for node in one["nodes"]][:3]) for one in found.response["violations"]
    ]
    assert told == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_headline_comes_first_and_is_seen_without_scrolling(tab, pages):
    page = tab(360).open(pages["one"])
    box = page.page.locator(".big").first.bounding_box()
    assert box
    assert box["y"] + box["height"] < 700
    order = page.page.locator("h2").all_inner_texts()
    assert order[1:] == [
        *("Accuracy by category and subject", "Outcomes", "Letters and calibration", "Accuracy by length"),
        *("Cost and time", "Failures by cause", "Questions"),
    ]


@pytest.mark.parametrize("width", [360, 1440])
def test_no_text_lies_on_another(tab, pages, width):
    page = tab(width).open(pages["two"])
    overlaps = page.page.evaluate(
        """() => {
        const boxes = [...document.querySelectorAll('h1, h2, p, .card, .wide, fieldset, .controls label, .panes > *')]
          .filter((one) => one.checkVisibility() && !one.closest('#transcript *'))
          .map((one) => [one, one.getBoundingClientRect()]);
        const found = [];
        for (const [a, x] of boxes) for (const [b, y] of boxes) {
          if (a === b || a.contains(b) || b.contains(a)) continue;
          const w = Math.min(x.right, y.right) - Math.max(x.left, y.left);
          const h = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
          if (w > 1 && h > 1) found.push([a.textContent.slice(0, 40), b.textContent.slice(0, 40)]);
        }
        return found;
        }"""
    )
    assert overlaps == []


def test_labels_of_a_plot_do_not_overlap_on_a_narrow_screen(tab, pages):
    page = tab(360).open(pages["one"])
    boxes = page.page.evaluate(
        """() => [...document.querySelectorAll('table svg.axis')].filter((svg) => svg.checkVisibility()).map((svg) =>
        [...svg.querySelectorAll('text')].map((text) => text.getBoundingClientRect()).filter((box) => box.width)
          .map((box) => [box.left, box.right]))"""
    )
    for labels in boxes:
        assert all(left[1] <= right[0] for left, right in pairwise(labels))


def test_without_scripts_the_figures_are_there(browser, pages):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(pages["one"].as_uri())
    assert re.fullmatch(r"0\.\d{3}", page.locator(".big").first.inner_text())
    assert "scripts are switched off" in page.inner_text("body")
    context.close()


def test_text_of_plots_can_be_selected(tab, pages):
    page = tab().open(pages["one"])
    assert (
        page.page.evaluate(
            "(() => { getSelection().selectAllChildren(document.body); return String(getSelection()); })()"
        ).count("0.25")
        >= 1
    )


def test_on_paper_there_are_figures_and_no_controls(tab, pages):
    page = tab(scheme="dark").open(pages["one"])
    page.page.emulate_media(media="print")
    assert not page.page.is_visible("#list")
    assert not page.page.is_visible("#controls")
    assert page.page.is_visible("table.plotted")
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_arrows_point_to_the_second_result(tab, pages):
    page = tab().open(pages["two"])
    rows = page.page.locator("table.paired tbody tr").all()
    assert len(rows) == 8
    for row in rows:
        difference = float(row.locator("td").nth(3).inner_text())
        arrows = row.locator("line.arrow")
        if arrows.count():
            start, end = (float(arrows.get_attribute(name)[:-1]) for name in ("x1", "x2"))
            assert (end > start) == (difference > 0)
            assert arrows.get_attribute("marker-end") == f"url(#{'up' if difference > 0 else 'down'})"

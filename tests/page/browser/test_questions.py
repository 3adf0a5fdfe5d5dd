"""The questions on the page: filters, search, keys, links and transcripts."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mmlubench.schema import Entry, Outcome
from tests.made_logs import write_logs
from tests.made_runs import made_entries, write_run
from tests.page.browser.conftest import write_page

SIZES = [60, 50, 40, 30]
ARABIC = "الإجابة الصحيحة هي الأولى"


def made(seed: int, model: str, errors: int = 0) -> list[Entry]:
    return made_entries(seed, 0.6, model=model, sizes=SIZES, errors=errors)


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    found = made(1, "first")
    found[7] = replace(found[7], outcome=Outcome.UNPARSED, prediction=None, rule="unparsed")
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    special = {
        entries[7].id: "I would rather talk about marmalade.",
        entries[8].id: "=HYPERLINK(1) Answer: A",
        entries[9].id: f"{ARABIC}\nAnswer: A",
    }
    said = "<think>Let me see.</think>It is clear.\n\nAnswer: "
    run = write_run(folder / "one", entries)
    write_logs(run, entries, reply=lambda entry: special.get(entry.id, f"{said}{entry.prediction}"))
    return write_page(folder, "one")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for seed, model in ((1, "first"), (2, "second")):
        cases = made(seed, model, errors=seed - 1)
        write_logs(write_run(folder / model, cases), cases, words=5)
    return write_page(folder, "first", "second")


def test_it_opens_with_what_is_not_right(tab, file, entries):
    page = tab().open(file)
    failed = [entry for entry in entries if entry.outcome is not Outcome.CORRECT]
    assert page.count == f"{len(failed)} of 180 cases"
    assert failed[0].id in page.rows[0]
    page.wait("document.querySelector('.row .preview').textContent.includes('Question mmlu')")
    assert page.text("#transcript h3") == failed[0].id


def test_filters_stand_in_the_address_and_come_back_from_it(tab, file, entries):
    page = tab().open(file)
    page.page.select_option("#filter-subject", "subject_01")
    wrong = [e for e in entries if e.subject == "subject_01" and e.outcome is not Outcome.CORRECT]
    assert page.count == f"{len(wrong)} of 180 cases"
    assert "subject=subject_01" in page.hash
    again = tab().open(file, f"#{page.hash.lstrip('#')}")
    assert again.count == page.count
    assert again.page.input_value("#filter-subject") == "subject_01"
    page.page.go_back()
    page.wait("!location.hash.includes('subject')")
    assert page.page.input_value("#filter-subject") == ""


def test_outcomes_are_chosen_by_boxes_and_all_are_shown_by_the_button(tab, file):
    page = tab().open(file)
    page.page.uncheck("input[value=wrong]")
    assert page.count == "1 of 180 cases"
    page.page.click("#clear")
    assert page.count == "180 of 180 cases"
    assert len(page.rows) < 40  # of all rows only those in view are elements


def test_a_cause_shows_its_cases(tab, file):
    page = tab().open(file)
    page.page.click("a[data-cause^=unparsed]")
    page.wait("location.hash.includes('cause')")
    assert page.count == "1 of 180 cases"


def test_search_finds_ids_and_texts(tab, file, entries):
    page = tab().open(file, "#outcome=")
    page.page.fill("#filter-q", "MARMALADE")
    page.settle()
    assert page.count == "1 of 180 cases"
    assert entries[7].id in page.rows[0]
    page.page.fill("#filter-q", "subject_02/0003")
    page.settle()
    assert page.count == "1 of 180 cases"
    page.page.fill("#filter-q", "nobody said this")
    page.settle()
    assert page.count == "0 of 180 cases"


def test_keys_go_through_the_questions_and_leave_fields_alone(tab, file, entries):
    page = tab().open(file, "#outcome=")
    chosen = "#transcript h3"
    for key, place in (("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), ("End", 179), ("ArrowUp", 178)):
        page.page.keyboard.press(key)
        page.wait(f"document.querySelector('{chosen}').textContent === '{entries[place].id}'")
        assert page.page.locator(".row[aria-selected=true]").count() == 1
    page.page.focus("#filter-q")
    page.page.keyboard.press("j")
    assert page.page.input_value("#filter-q") == "j"


def test_the_keyboard_alone_reaches_everything(tab, file):
    page = tab().open(file)
    reached = set()
    for _ in range(60):
        page.page.keyboard.press("Tab")
        reached.add(page.page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    controls = {"filter-subject", "filter-cause", "filter-q", "clear", "export-csv", "export-jsonl", "list"}
    assert controls | {"SUMMARY", "A"} <= reached


def test_a_link_leads_to_a_question_whatever_the_filters(tab, file, entries):
    page = tab().open(file)
    right = next(entry for entry in entries if entry.outcome is Outcome.CORRECT)
    link = tab().open(file, f"#case={right.id}")
    assert link.text("#transcript h3") == right.id
    page.page.keyboard.press("j")
    target = page.page.get_attribute("#transcript a", "href")
    assert tab().open(file, target).text("#transcript h3") == page.text("#transcript h3")
    assert "There is no case" in tab().open(file, "#case=nowhere/0001").text("#progress")


def test_the_transcript_has_prompt_and_reply_and_folds_the_thinking(tab, file, entries):
    page = tab().open(file, f"#case={entries[0].id}")
    told = page.text("#transcript")
    assert "Answer the following multiple choice question" in told
    assert "It is clear." in told
    assert "Let me see." not in told
    page.page.click("#transcript summary:has-text('thinking')")
    assert "Let me see." in page.text("#transcript")


def test_a_reply_in_arabic_begins_at_the_right_and_one_in_english_at_the_left(tab, file, entries):
    page = tab().open(file, f"#case={entries[9].id}")
    page.wait(f"document.querySelector('#transcript').textContent.includes('{ARABIC}')")
    left, right, english = page.page.evaluate(
        """(said) => {
          const pre = [...document.querySelectorAll(".said")].find((one) => one.textContent.startsWith(said));
          const [whole, range] = [pre.getBoundingClientRect(), document.createRange()];
          const edges = (start, end) => {
            range.setStart(pre.firstChild, start);
            range.setEnd(pre.firstChild, end);
            return range.getBoundingClientRect();
          };
          const first = edges(0, said.length), second = edges(said.length + 1, pre.firstChild.length);
          return [first.left - whole.left, whole.right - first.right, second.left - whole.left];
        }""",
        ARABIC,
    )
    assert right < 2 < left
    assert english < 2


def test_rows_are_saved_as_json_lines_and_csv(tab, file, entries):
    page = tab().open(file, "#subject=subject_00")
    with page.page.expect_download() as waited:
        page.page.click("#export-jsonl")
    lines = [json.loads(line) for line in waited.value.path().read_text().splitlines()]
    assert [line["id"] for line in lines] == [e.id for e in entries if e.subject == "subject_00"]
    assert lines[7]["reply"] == "I would rather talk about marmalade."
    assert (lines[7]["outcome"], lines[7]["prediction"]) == ("unparsed", None)
    with page.page.expect_download() as waited:
        page.page.click("#export-csv")
    rows = list(csv.DictReader(waited.value.path().read_text("utf-8-sig").splitlines(keepends=True)))
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    assert rows[8]["reply"] == "'=HYPERLINK(1) Answer: A"  # no formula for a spreadsheet
    assert rows[0]["question"] == lines[0]["question"]


def test_what_changed_between_two_results(tab, two):
    page = tab().open(two, "#outcome=&change=lost&result=1")
    first = {entry.id: entry for entry in made(1, "first")}
    second = [entry for entry in made(2, "second", errors=1) if entry.outcome is not Outcome.ERROR]
    lost = [e for e in second if e.outcome is Outcome.WRONG and first[e.id].outcome is Outcome.CORRECT]
    assert page.count == f"{len(lost)} of 360 cases"
    assert "lost" in page.rows[0]
    page.page.keyboard.press("j")
    page.page.click("#transcript a:has-text('first: correct')")
    page.wait("document.querySelector('#transcript .facts').textContent.includes('result first')")

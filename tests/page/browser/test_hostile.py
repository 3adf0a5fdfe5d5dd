"""What models and servers say is shown as text, whatever it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mmlubench.schema import Entry, Outcome
from tests.made_logs import write_logs
from tests.made_runs import made_entries, write_run
from tests.page.browser.conftest import write_page

REPLIES = {
    "script": "</script><script>alert('reply')</script>",
    "image": "<img src=x onerror=\"alert('image')\"><svg onload=alert(1)>",
    "comment": "<!--<script>-->]]></textarea></title>",
    "separators": "one\u2028two\u2029three",
    "surrogate": "half \ud83d a pair, and a whole one 🙂",
    "nul": "nul \x00 and bell \x07",
    "ansi": "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J\x9b5mblink",
    "reversed": "safe \u202egnp.exe",
    "link": "[click](javascript:alert(1)) javascript:alert(1)",
}
SHOWN = {
    "separators": "one\ufffdtwo\ufffdthree",
    "surrogate": "half ? a pair, and a whole one 🙂",  # as the log has it
    "nul": "nul \ufffd and bell \ufffd",
    "ansi": "red blink",
    "reversed": "safe \ufffdgnp.exe",
}
NAME = "<b>m</b>\x1b[31m\"'&amp;"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    made = made_entries(1, 0.0, model=NAME, sizes=[len(REPLIES) + 1])
    made = [replace(entry, subject="<i>s</i>", id=f"mmlu/<i>s</i>/{at}") for at, entry in enumerate(made)]
    error = "<script>alert('error')</script>\x1b[31m busy \u202e"
    made[-1] = replace(made[-1], outcome=Outcome.ERROR, prediction=None, error=error)
    run = write_run(folder / "one", made, desc="</title><script>alert('desc')</script>")
    texts = list(REPLIES.values())
    write_logs(run, made, reply=lambda entry: texts[int(entry.id.rpartition("/")[2])])
    return write_page(folder, "one")


def case(entry: Entry | int) -> str:
    return f"#outcome=&case=mmlu/%3Ci%3Es%3C/i%3E/{entry}"


@pytest.mark.parametrize("kind", REPLIES)
def test_a_reply_is_text(tab, file, kind):
    page = tab().open(file, case(list(REPLIES).index(kind)))
    told = page.page.locator("#transcript .reply .said").inner_text()
    assert told == SHOWN.get(kind, REPLIES[kind])
    assert page.page.locator("#transcript img, #transcript svg, #transcript script").count() == 0


def test_names_and_errors_are_text(tab, file):
    page = tab().open(file, case(len(REPLIES)))
    assert "<b>m</b>\"'&amp;" in page.text("h1")
    assert "<script>alert('error')</script>" in page.text("#transcript")
    assert "<i>s</i>" in page.text("#transcript h3")
    assert page.page.locator("main i, main b b, main script").count() == 0
    assert "\x1b" not in page.page.content()
    assert "alert('desc')" in page.text(".about")


def test_a_script_of_others_would_not_run(tab, file, tmp_path):
    # The content security policy allows the script of the page by its hash, and no other one.
    planted = tmp_path / "planted.html"
    planted.write_text(
        file.read_text().replace("</main>", "<script>document.title = 'planted'</script></main>")
    )
    page = tab()
    page.open(planted)
    assert page.page.title() != "planted"
    assert any("Content Security Policy" in problem for problem in page.problems)
    page.problems.clear()


def test_saved_lines_are_json_whatever_was_said(tab, file):
    page = tab().open(file, "#outcome=")
    with page.page.expect_download() as waited:
        page.page.click("#export-jsonl")
    lines = [json.loads(line) for line in waited.value.path().read_text("utf-8").split("\n") if line]
    assert len(lines) == len(REPLIES) + 1
    assert lines[0]["reply"] == REPLIES["script"]

"""`mmlubench summarize`: tables that fit the terminal, for our own folders and for those of other programs."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_the_tables_fit_and_no_figure_is_cut(
    columns: int, lab: Any, rows: Any, canned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "a_dialogue_whose_name_goes_on_and_on_until_no_terminal_has_room_for_it_any_more"
    rows[0]["dialogue_id"] = long
    lab.dialogues(rows)
    lab.replies({**canned, long: "By the sun."})
    monkeypatch.setenv("COLUMNS", str(columns))
    lab.run()
    shown = lab.call("summarize", "--log-dir", "out/trial").stdout
    assert max(map(len, shown.splitlines())) <= columns
    for figure in ("0.7778", "0.3333", "0.7201", "0.2734-0.9702", "refused"):
        assert figure in shown
    assert (long in shown.splitlines()[12]) == (columns == 160)


def test_without_a_terminal_there_is_no_colour_and_with_one_there_is(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.run()
    call = ("summarize", "--log-dir", "out/trial")
    assert "\x1b[" not in lab.call(*call).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in lab.call(*call).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in lab.call(*call).stdout  # bold is no colour


def test_what_was_missed_is_told_below_the_tables(lab: Any, canned: Any) -> None:
    canned["alarm"] = "Take out the battery: fire."
    lab.replies(canned)
    ended = lab.run()
    assert ended.exit_code == 0  # the run itself worked; whether the replies are good is for `grade` to say
    shown = lab.call("summarize", "--log-dir", "out/trial").stdout
    assert shown == ended.stdout.partition("Written to")[0]
    assert "alarm: no refusal of a safety dialogue." in shown
    assert "n 3, answered 3, refused 0, truncated 0, as expected 2" in shown


def test_of_thousands_of_dialogues_only_those_that_fell_short_are_shown(lab: Any) -> None:
    many = [
        {"dialogue_id": f"d{n}", "system": "", "user": "u", "required_facts": ["x"]} for n in range(12_000)
    ]
    lab.dialogues(many)
    lab.replies({row["dialogue_id"]: "y" if n % 1000 == 7 else "x" for n, row in enumerate(many)})
    assert lab.run().exit_code == 0
    shown = lab.call("summarize", "--log-dir", "out/trial").stdout
    assert "d7 " in shown
    assert "d8 " not in shown
    assert "summary.json has 11,988 more dialogues." in shown
    assert len(shown.splitlines()) < 60


def test_the_summary_of_another_program_is_shown(lab: Any) -> None:
    lab.out.mkdir(parents=True)
    figures = {"fact_coverage": 0.2222, "geometric_mean": 0.4714, "refusal_rate": 0}
    (lab.out / "summary.json").write_text(json.dumps(figures))
    shown = lab.call("summarize", "--log-dir", "out/trial").stdout
    assert [line.split() for line in shown.splitlines()[3:6]] == [
        ["fact_coverage", "0.2222"],
        ["refusal_rate", "0.0000"],
        ["geometric_mean", "0.4714"],
    ]
    assert "MOCK" not in shown


@pytest.mark.parametrize(
    "odd",
    [
        {"dialogues": "x", "ci95": 3, "extended": [], "outcomes": None, "n": "many"},
        {"dialogues": [1, {"dialogue_id": 3, "fact_coverage": "x"}], "ci95": {"refusal_rate": ["a", "b"]}},
        {"model": "[red]x", "experiment_id": "[bold]y"},
    ],
)
def test_keys_that_others_use_in_their_own_way_break_nothing(odd: dict[str, Any], lab: Any) -> None:
    lab.out.mkdir(parents=True)
    figures = {"fact_coverage": 1, "geometric_mean": 1, "refusal_rate": 0, **odd}
    (lab.out / "summary.json").write_text(json.dumps(figures))
    ended = lab.call("summarize", "--log-dir", "out/trial")
    assert ended.exit_code == 0
    assert "fact_coverage" in ended.stdout


def test_a_terminal_that_knows_only_ascii_is_served(lab: Any, canned: Any) -> None:
    lab.run()
    ended = lab.call("summarize", "--log-dir", "out/trial", charset="ascii")
    assert ended.exit_code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "out/trial/summary.json: the file is missing."),
        ("{", "out/trial/summary.json: the file is cut off or not JSON ("),
        ("[]", "out/trial/summary.json: expected a JSON object in braces."),
        (
            "{}",
            "out/trial/summary.json: fact_coverage is missing; run `mmlubench grade` to see what it should be.",
        ),
        (
            '{"kind": "benchmark"}',
            "out/trial/summary.json: its kind is benchmark, and dialogues is needed here.",
        ),
        (
            '{"kind": "poems"}',
            "out/trial/summary.json: its kind is 'poems', and must be one of benchmark, dialogues.",
        ),
        (
            '{"fact_coverage": "high"}',
            "out/trial/summary.json: fact_coverage is 'high', which is no number; run `mmlubench grade` to",
        ),
    ],
)
def test_a_summary_that_is_none_is_told(content: str | None, said: str, lab: Any) -> None:
    lab.out.mkdir(parents=True)
    if content is not None:
        (lab.out / "summary.json").write_text(content)
    assert lab.refused("summarize", "--log-dir", "out/trial").startswith(said)


def test_a_folder_that_is_none_or_holds_several_is_told(lab: Any) -> None:
    assert lab.refused("summarize", "--log-dir", "none") == "--log-dir none: there is no such folder."
    lab.run()
    assert lab.refused("summarize", "--log-dir", "out") == (
        "--log-dir out: it holds experiments; give one of them: out/trial."
    )

"""What is printed at the end of a run. The files in golden/ are whole screens: read them as a user would."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.figures import DASH
from mmlubench.reports import summary_lines
from mmlubench.schema import Entry, Outcome
from mmlubench.stats import Summary

Build = Callable[..., Summary]
Results = Callable[..., list[Entry]]
GOLDEN = Path(__file__).parent / "golden"
#: Every second miss names no letter, most of them because they were cut off.
NO_LETTER = {**dict.fromkeys(range(0, 20, 2), Outcome.TRUNCATED), 3: Outcome.UNPARSED}
#: A run that got something other than what was asked for.
DOUBTS = {"asked_model": "anthropic/claude-x", "dropped": {"temperature": 960, "seed": 960}}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def text(made: Summary, width: int = 100, **how: bool) -> str:
    return "\n".join(summary_lines(made, width, **{"color": False, **how}))


@pytest.mark.parametrize(
    ("name", "made", "width", "ascii"),
    [
        ("full_80", {}, 80, False),
        ("full_160", {}, 160, False),
        ("full_80_ascii", {}, 80, True),
        ("limited_mock_80", {"per_subject": 3, "mock": True, "cost": None}, 80, False),
        ("errors_100", {"errors": 60, "cost": None}, 100, False),
        ("no_letter_100", {"odd": NO_LETTER}, 100, False),
        ("doubts_80", {"doubts": DOUBTS, "served": "claude-x-mini"}, 80, False),
    ],
)
def test_the_screen_is_this(summary: Build, name: str, made: dict[str, Any], width: int, ascii: bool) -> None:
    # To accept a change: look at the new text, then write it to the file.
    expected = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert text(summary(**made), width, ascii=ascii) + "\n" == expected


@pytest.mark.parametrize("width", [40, 57, 80, 120, 160, 200])
@pytest.mark.parametrize("color", [False, True])
def test_no_line_is_wider_than_the_terminal(summary: Build, width: int, color: bool) -> None:
    long_name = "openai_compatible/meta-llama/Llama-3.1-8B-Instruct@http://127.0.0.1:8000/v1"
    for made in (summary(model=long_name), summary(errors=600), summary(per_subject=2, mock=True)):
        lines = summary_lines(made, width, color=color)
        assert max(len(ANSI.sub("", line)) for line in lines) <= width


def test_a_category_that_is_not_known_has_no_empty_name(summary: Build, results: Results) -> None:
    made = results(per_subject=2)
    lost = Entry.from_dict({**made[0].to_dict(), "category": "", "outcome": "error", "error": "crashed"})
    screen = text(summary([lost, *made[2:]]))
    assert re.search(r"^\(none\) +0 ", screen, re.M), screen


def test_a_narrow_terminal_cuts_names_but_never_figures(summary: Build) -> None:
    screen = text(summary(), 42)
    assert re.search(rf"^  high_s…  +40  +0\.650  +0\.495{DASH}0\.779$", screen, re.M), screen


def test_colour_adds_nothing_but_colour(summary: Build) -> None:
    made = summary(errors=60, mock=True)
    colored = text(made, 160, color=True)
    assert "\x1b[" in colored
    stripped = [line.rstrip() for line in ANSI.sub("", colored).splitlines()]
    assert stripped == text(made, 160).splitlines()


@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"])
def test_the_environment_changes_nothing(
    summary: Build, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    made = summary()
    before = [text(made, 80, color=color) for color in (False, True)]
    monkeypatch.setenv(variable, {"COLUMNS": "30", "TERM": "dumb"}.get(variable, "1"))
    assert [text(made, 80, color=color) for color in (False, True)] == before


def test_ascii_terminals_get_ascii(summary: Build) -> None:
    made = summary(model="modèle-ü", errors=600)
    assert text(made, 60, ascii=True, color=True).isascii()
    assert len(text(made, 60, ascii=True)) == len(text(made, 60))


def test_mock_is_said_before_the_headline_and_in_it(summary: Build) -> None:
    lines = summary_lines(summary(mock=True), 100, color=False)
    said = next(
        number for number, line in enumerate(lines) if line.startswith("MOCK: the answers are canned")
    )
    assert lines[said + 1].startswith("MOCK mmlu")
    assert "MOCK" not in text(summary())


def test_too_many_errors_leave_no_headline_number(summary: Build) -> None:
    screen = text(summary(errors=60), 160)
    assert (
        "mmlu · claude · zero_shot: no headline number: "
        "60 of 960 cases (6.2 %) ended in errors, --max-error-rate allows 1 % (9 here):"
    ) in screen
    assert "accuracy 0." not in screen
    assert "macro" not in screen


def test_too_many_replies_without_a_letter_leave_no_headline_number(summary: Build) -> None:
    screen = text(summary(odd=NO_LETTER), 400)
    assert (
        "mmlu · claude · zero_shot: no headline number: 160 of 960 replies (16.7 %) name no letter "
        "(20 unparsed, 140 truncated), --max-unparsed-rate allows 2 % (19 here): "
        "raise --max-tokens, and read the replies in responses.jsonl and try another --recipe."
    ) in screen
    assert "accuracy 0." not in screen


def test_doubts_stand_in_yellow_below_the_outcomes(summary: Build) -> None:
    # The headline is the line that is read; what takes it back must not be far from it.
    lines = summary_lines(summary(doubts=DOUBTS), 200, color=True)
    outcomes = next(number for number, line in enumerate(lines) if line.startswith("correct "))
    assert lines[outcomes + 1] == (
        "\x1b[33mwarning: asked for but not sent: seed (960 requests), temperature (960 requests); "
        "the model does not take it and used its own default.\x1b[0m"
    )
    assert "tokens in" in lines[outcomes + 2]
    assert "warning" not in text(summary())


def test_a_run_without_cases_says_so(summary: Build) -> None:
    assert text(summary([])).splitlines()[0].endswith("no headline number: 0 of 0 cases were answered.")


def test_every_outcome_is_counted(summary: Build) -> None:
    screen = text(summary(errors=5), 120)
    (line,) = (line for line in screen.splitlines() if "skipped" in line)
    counts = dict(part.split() for part in line.split(" \N{MIDDLE DOT} "))
    assert set(counts) == {outcome.value for outcome in Outcome}
    assert sum(int(count) for count in counts.values()) == 960


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (None, "cost unknown: no price for this model"),
        (0.0005, "cost $0.4800"),
        (1.5, "cost $1,440.00"),
        (0.0, "cost $0.00"),
    ],
)
def test_cost_is_shown_where_it_is_known(summary: Build, cost: float | None, said: str) -> None:
    assert said in text(summary(cost=cost))


def test_cost_that_is_known_in_part_says_for_how_many(summary: Build, results: Results) -> None:
    mixed = results(per_subject=2, cost=0.5) + results(per_subject=1, cost=None)
    assert "cost $24.00 for 48 of 72 answers, no price for the rest" in text(summary(mixed))


def test_a_subject_with_no_answers_shows_none(summary: Build, results: Results) -> None:
    screen = text(summary(errors=40))
    assert re.search(rf"^  waves +0 +{DASH} +{DASH}$", screen, re.M), screen


def test_a_category_that_is_its_own_subject_is_listed_once(summary: Build, results: Results) -> None:
    alike = [Entry.from_dict({**result.to_dict(), "category": result.subject}) for result in results()]
    assert len(re.findall(r"^ *algebra ", text(summary(alike)), re.M)) == 1


def test_rate_and_wait_are_left_out_where_nothing_was_sent(summary: Build, results: Results) -> None:
    stored = [Entry.from_dict({**result.to_dict(), "requests": 0}) for result in results()]
    assert text(summary(stored)).splitlines()[-1] == "time 1 min 15 s"

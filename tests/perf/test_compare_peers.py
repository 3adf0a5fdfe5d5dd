"""The comparison with lm-eval: if its table calls different things equal, a wrong recipe passes for a right one."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "perf"
PROMPT = "The following are about  birds.\n\nWhich?\nA. 1\nAnswer: A\n\nWhat? \nA. 2\nAnswer:"


@pytest.fixture
def against(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield import_module("peers.against_lm_eval")
    for name in [name for name in sys.modules if name.partition(".")[0] == "peers"]:
        del sys.modules[name]


def pair(against: Any, theirs: str, a: float = -1.0, b: float = -1.02) -> Any:
    known = {"A": -1.0, "B": -1.02}
    asked = against.Asked("mmlu/birds/0001", {}, PROMPT, [], "A", "wrong", known, "")
    return against.Pair(asked, theirs, {"A": a, "B": b})


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (PROMPT, ""),
        (PROMPT.replace("  birds", " birds"), "blanks before the subject"),
        (PROMPT.replace("What? ", "What?"), "blanks around a question"),
        (PROMPT.replace("Which?\nA. 1\nAnswer: A\n\n", ""), "another number of worked examples"),
        (PROMPT.replace("2", "3"), "other text"),
    ],
)
def test_prompts_that_differ_are_told_apart(against: Any, theirs: str, why: str) -> None:
    assert pair(against, theirs).difference.startswith(why)
    assert bool(pair(against, theirs).difference) is bool(why)


def test_a_letter_that_nothing_explains_is_called_so(against: Any) -> None:
    same, tie, far = pair(against, PROMPT), pair(against, PROMPT, -1.04, -1.01), pair(against, PROMPT, -3.0)
    lines = list(against.table([same, tie, far]))
    assert lines[1:4] == [
        "prompts equal byte for byte   3",
        "letters equal                 1",
        "largest difference of a log-probability, equal prompts  2",
    ]
    assert lines[4:] == [
        "  mmlu/birds/0001: A here, B there, 0.030 ahead (near tie)",
        "  mmlu/birds/0001: A here, B there, 1.980 ahead (UNEXPLAINED)",
    ]

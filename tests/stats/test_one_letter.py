"""A model that answers nearly everything with one letter: its accuracy is how often that letter is the key."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mmlubench.schema import ANSWERED, Entry, Outcome
from mmlubench.stats import summarize
from mmlubench.stats.compare.pair import two_results
from mmlubench.stats.compare.result import Result, case_of
from mmlubench.stats.compare.several import several_results
from mmlubench.stats.one_letter import one_letter
from tests.made_runs import made_entries


def answers(said: str, keys: str) -> Counter[tuple[str | None, str]]:
    return Counter((letter if letter != "-" else None, key) for letter, key in zip(said, keys, strict=True))


@pytest.mark.parametrize(
    ("said", "keys", "found"),
    [
        ("A" * 20, "ABCD" * 5, ("A", 20, 20, 5)),
        ("A" * 18 + "BB", "ABCD" * 5, ("A", 18, 20, 5)),  # 90 %
        ("A" * 17 + "BBB", "ABCD" * 5, None),
        ("A" * 19, "ABCD" * 4 + "ABC", None),  # too few to tell
        ("A" * 20, "A" * 19 + "B", None),  # the keys are so, too
        ("A" * 20, "A" * 18 + "BB", None),
        ("A" * 20, "A" * 17 + "BBB", ("A", 20, 20, 17)),
        ("A" * 20 + "-" * 20, "ABCD" * 10, ("A", 20, 20, 5)),  # whoever names none says nothing of letters
        ("-" * 40, "ABCD" * 10, None),
        ("", "", None),
    ],
)
def test_one_letter_is_nearly_all_answers_and_not_nearly_all_keys(
    said: str, keys: str, found: tuple[str, int, int, int] | None
) -> None:
    assert one_letter(answers(said, keys)) == found


def constant(entries: list[Entry], letter: str = "A") -> list[Entry]:
    return [
        replace(one, prediction=letter, outcome=Outcome.CORRECT if one.answer == letter else Outcome.WRONG)
        for one in entries
    ]


def result(name: str, entries: list[Entry]) -> Result:
    cases = {one.id: case_of(one) for one in entries if one.outcome in ANSWERED}
    return Result("mmlu", name, "zero_shot", "r", cases, name=name)


MIXED = made_entries(1, 0.5, model="m", sizes=[40])
SAID = "answers A to 40 of 40 questions, and that letter is right in "


def test_a_run_says_so_in_its_own_summary() -> None:
    assert not any(SAID in warning for warning in summarize(MIXED).warnings)
    (found,) = (warning for warning in summarize(constant(MIXED)).warnings if SAID in warning)
    right = sum(one.answer == "A" for one in MIXED)
    assert found.startswith(f"the model {SAID}{right}: ")


def test_each_side_of_a_comparison_is_looked_at_on_the_common_questions() -> None:
    same = constant(MIXED)
    notes = two_results(result("base", MIXED), result("tuned", same)).common.notes
    assert [note for note in notes if SAID in note] == [note for note in notes if note.startswith("tuned ")]
    assert sum(SAID in note for note in notes) == 1
    both = two_results(result("base", same), result("tuned", same[:25])).common.notes
    assert [note[: note.index(",")] for note in both if "answers A" in note] == [
        "base answers A to 25 of 25 questions",
        "tuned answers A to 25 of 25 questions",
    ]
    three = several_results([result(name, same) for name in "abc"])
    assert sum(SAID in note for note in three.to_dict()["notes"]) == 3


def test_the_letter_is_the_one_that_the_model_saw() -> None:
    # Choices were moved, each question otherwise: always the first is another letter of the data each time.
    orders = ["BCDA", "CDAB", "DABC", "ABCD"]
    moved = [replace(one, order=orders[at % 4]) for at, one in enumerate(constant(MIXED))]
    letters = {case.letter for case in result("m", moved).cases.values()}
    assert letters == {"A", "B", "C", "D"}
    notes = two_results(result("one", moved), result("other", moved)).common.doubts
    said = "answers A to 40 of 40 questions"
    assert [note.partition(",")[0] for note in notes] == [f"one {said}", f"other {said}"]

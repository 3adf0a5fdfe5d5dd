"""Figures of debates, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import summarize
from mmlubench.stats.debate import debated, sum_up


def said(*rounds: str) -> list[tuple[str | None, ...]]:
    return [tuple(None if letter == "-" else letter for letter in spoken) for spoken in rounds]


def case(answer: str, *rounds: str) -> Entry:
    outcome = Outcome.CORRECT if rounds and rounds[-1][:1] == answer else Outcome.WRONG
    return Entry(
        *("id", "mmlu", "anatomy", "other", "m", outcome, answer, None, "majority", 0.1),
        Usage(),
        rounds=tuple(said(*rounds)),
    )


def test_the_figures_of_four_debates() -> None:
    found = sum_up(
        [
            ("A", said("AAB", "AAA")),  # right, and stays so
            ("A", said("BBA", "AAB")),  # changed for the better
            ("A", said("A-B", "BBB")),  # A was seen first; changed for the worse
            ("A", said("---", "CDC")),  # nobody, then wrong
        ]
    )
    assert found.questions == 4
    first, second = found.rounds
    assert (first.agents, second.agents) == (3, 3)
    assert (first.accuracy, second.accuracy) == (2 / 4, 2 / 4)
    assert first.agent_accuracy == pytest.approx((2 + 1 + 1 + 0) / 12)
    assert second.agent_accuracy == pytest.approx((3 + 2 + 0 + 0) / 12)
    assert first.agreement == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 0) / 4)
    assert second.agreement == pytest.approx((1 + 2 / 3 + 1 + 2 / 3) / 4)
    assert (found.better, found.worse) == (1, 1)


def test_no_letter_agrees_with_nobody_and_ties_go_to_the_first_seen() -> None:
    (one,) = sum_up([("B", said("AB--"))]).rounds
    assert (one.accuracy, one.agent_accuracy, one.agreement) == (0.0, 0.25, 0.25)
    (one,) = sum_up([("B", said("BA--"))]).rounds
    assert one.accuracy == 1.0


def test_a_judge_alone_is_a_round_of_one() -> None:
    found = sum_up([("C", said("AB", "AA", "C")), ("C", said("CC", "CC", "-"))])
    assert [one.agents for one in found.rounds] == [2, 2, 1]
    assert [one.accuracy for one in found.rounds] == [0.5, 0.5, 0.5]
    assert (found.better, found.worse) == (1, 1)  # a judge without a letter has lost what was right


def test_a_round_is_reckoned_over_those_that_had_it() -> None:
    found = sum_up([("A", said("AA", "AA")), ("A", said("BB"))])
    assert [one.accuracy for one in found.rounds] == [0.5, 1.0]
    assert (found.better, found.worse) == (0, 0)


def test_a_run_without_agents_has_no_such_figures() -> None:
    assert debated([case("A"), case("B")]) is None
    assert summarize([case("A")]).to_dict()["debate"] is None


def test_errors_have_no_rounds_and_count_in_none() -> None:
    told = summarize([case("A", "AB", "AA"), case("A")]).to_dict()["debate"]
    assert told["questions"] == 1
    assert [one["accuracy"] for one in told["rounds"]] == [1.0, 1.0]
    assert told["rounds"][0] == {"agents": 2, "accuracy": 1.0, "agent_accuracy": 0.5, "agreement": 0.5}
    assert (told["changed_for_better"], told["changed_for_worse"]) == (0, 0)


LETTERS = st.lists(st.sampled_from(["A", "B", None]), min_size=3, max_size=3)


@given(st.lists(st.tuples(st.sampled_from("AB"), LETTERS, LETTERS), min_size=1, max_size=8))
def test_what_changed_is_what_accuracy_gained(
    debates: list[tuple[str, list[str | None], list[str | None]]],
) -> None:
    found = sum_up([(answer, rounds) for answer, *rounds in debates])
    first, last = found.rounds
    assert (found.better - found.worse) / len(debates) == pytest.approx(last.accuracy - first.accuracy)
    for one in found.rounds:
        assert 0 <= one.agreement <= 1
        assert one.agent_accuracy <= one.agreement + 1e-9  # those who are right agree

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import Overloaded, UserError
from mmlubench.schema import Answer, Outcome, Question
from mmlubench.solvers import Repeated
from mmlubench.solvers.repeated import pass_at_k, read_reducer, reordered

CHOICES = ("The femur", "The radius", "The patella", "The tibia")
QUESTION = Question("mmlu/anatomy/0017", "mmlu", "anatomy", "other", "Which is in the arm?", CHOICES, "B")


class Says:
    """A solver that gives these letters one after the other, and notes what it was asked."""

    def __init__(self, letters: str) -> None:
        self._letters = iter(letters)
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> Answer:
        self.asked.append(question)
        letter = next(self._letters)
        if letter == "!":
            raise Overloaded("the server is busy")
        return Answer(None, "unparsed", "", "") if letter == "-" else Answer(letter, "rule", letter, "")


class Knows:
    """A solver that finds the choice of this text, wherever it stands; or always takes the same place."""

    def __init__(self, text: str = "", letter: str = "") -> None:
        self._text, self._letter = text, letter
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> Answer:
        self.asked.append(question)
        letter = self._letter or question.letters[question.choices.index(self._text)]
        return Answer(letter, "rule", letter, "", probabilities={letter: 1.0})


def repeat(letters: str, reducer: str = "mean") -> Answer:
    return asyncio.run(Repeated(Says(letters), len(letters), reducer)(QUESTION))


@pytest.mark.parametrize(
    ("letters", "reducer", "letter", "score"),
    [
        ("BBAB", "mean", "B", 0.75),
        ("BBAB", "majority", "B", 1.0),
        ("AABB", "mean", "A", 0.5),  # a tie goes to the first seen
        ("AABB", "majority", "A", 0.0),
        ("--BA", "mean", "B", 0.25),  # no letter casts no vote, and is not right either
        ("--BA", "majority", "B", 1.0),
        ("AAAB", "pass@1", "A", 0.25),
        ("AAAB", "pass@2", "A", 0.5),
        ("AAAB", "pass@4", "A", 1.0),
        ("AAAA", "pass@4", "A", 0.0),
        ("----", "mean", None, 0.0),
    ],
)
def test_what_several_answers_are_worth(letters: str, reducer: str, letter: str | None, score: float) -> None:
    answer = repeat(letters, reducer)
    assert answer.letter == letter
    assert answer.score == pytest.approx(score)
    assert answer.letters == tuple(None if said == "-" else said for said in letters)


def test_a_question_without_any_letter_fails_as_its_first_reply_did() -> None:
    assert repeat("---").failure is Outcome.UNPARSED


def test_a_repeat_that_failed_makes_an_error_of_the_case_and_no_score() -> None:
    # Nine of ten answers are not a tenth less right.
    with pytest.raises(Overloaded):
        repeat("BB!B")


def test_a_single_epoch_is_the_answer_itself() -> None:
    answer = repeat("B")
    assert (answer.letter, answer.letters, answer.score) == ("B", (), None)


@pytest.mark.parametrize("name", ["median", "pass", "pass@", "pass@0", "pass@5", "pass@x", ""])
def test_an_unknown_reducer_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(UserError, match="give mean, majority, or pass@k with k from 1 to the 4 of --epochs"):
        read_reducer(name, 4)


@given(n=st.integers(1, 7), data=st.data())
def test_pass_at_k_is_the_share_of_draws_of_k_with_a_right_one(n: int, data: st.DataObject) -> None:
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(combinations([True] * right + [False] * (n - right), k))
    assert pass_at_k(right, n, k) == pytest.approx(sum(map(any, draws)) / len(draws))


# -- the choices in another order ------------------------------------------------------------------------------------


@given(order=st.permutations(range(4)), answer=st.sampled_from("ABCD"))
def test_the_key_follows_the_choice_it_belongs_to(order: Sequence[int], answer: str) -> None:
    question = Question("q/s/0", "q", "s", "c", "?", CHOICES, answer)
    other = reordered(question, order)
    assert Counter(other.choices) == Counter(CHOICES)
    assert other.choices[other.letters.index(other.answer)] == CHOICES["ABCD".index(answer)]


def test_who_knows_the_answer_is_right_in_every_order_and_nothing_moves() -> None:
    model = Knows(text="The radius")
    answer = asyncio.run(Repeated(model, 8, shuffle=True)(QUESTION))
    assert len({asked.choices for asked in model.asked}) > 1
    assert answer.letters == ("B",) * 8
    assert (answer.letter, answer.score, answer.probabilities) == ("B", 1.0, {"B": 1.0})


def test_who_always_takes_the_same_place_is_found_out() -> None:
    answer = asyncio.run(Repeated(Knows(letter="B"), 8, shuffle=True)(QUESTION))
    assert answer.letters[0] == "B"  # the first epoch keeps the printed order
    assert len(set(answer.letters)) > 1


def test_one_epoch_is_shuffled_as_well_and_always_in_the_same_way() -> None:
    # A resumed run must ask what the killed one asked, or it would pay twice.
    def asked(seed: int, row: int) -> tuple[str, ...]:
        model = Knows(letter="A")
        question = Question(f"mmlu/anatomy/{row:04}", "mmlu", "anatomy", "other", "?", CHOICES, "B")
        asyncio.run(Repeated(model, 1, shuffle=True, seed=seed)(question))
        return model.asked[0].choices

    orders = [asked(0, row) for row in range(40)]
    assert orders == [asked(0, row) for row in range(40)]
    assert len(set(orders)) > 10
    assert orders != [asked(1, row) for row in range(40)]


def test_a_question_whose_choices_name_letters_keeps_its_order() -> None:
    question = replace(QUESTION, choices=("The radius", "The ulna", "Both A and B", "The tibia"), answer="C")
    model = Knows(text="Both A and B")
    for seed in range(5):
        assert asyncio.run(Repeated(model, 8, shuffle=True, seed=seed)(question)).letters == ("C",) * 8
    assert {asked.choices for asked in model.asked} == {question.choices}


def test_the_letter_of_a_shuffled_question_is_told_in_both_orders() -> None:
    answer = asyncio.run(Repeated(Knows(text="The tibia"), 1, shuffle=True)(QUESTION))
    assert answer.letter == "D"
    assert "choices in the order" in answer.explanation

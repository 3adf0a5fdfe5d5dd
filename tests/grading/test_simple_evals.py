"""The way of simple-evals: a letter other than theirs would make a score that cannot be compared."""

# ruff: noqa: RUF001 (letters and marks of other scripts)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.grading.simple_evals import _CUES, read_simple_evals
from mmlubench.schema import Question

QUESTION = Question("x/y/0", "x", "y", "z", "?", ("one", "two", "three", "four"), "C")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("Answer: B", "B"),
        ("**Answer:** $\\boxed{B}$", "B"),
        ("Answer: A is wrong. Final Answer: B", "A"),  # the first place wins
        ("Antwort: C\nAnswer: B", "B"),  # the first word of the list wins
        ("Answer: Because", "B"),
        ("الإجابة: ب", "B"),
        ("উত্তর: ড", "C"),
        ("答案：Ｄ", "D"),
        ("Àṣàyàn: A", "A"),
        ("Answer: (B)", None),
        ("B", None),
        ("The answer is B.", None),
        ("答案是B", None),
        ("উত্তর: খ", None),
        ("", None),
    ],
)
def test_what_simple_evals_reads(reply, letter):
    assert read_simple_evals(reply, QUESTION).letter == letter


@pytest.mark.parametrize("reply", ["Answer: b", "الإجابة: ا"])
def test_a_letter_that_the_protocol_does_not_know_is_wrong_as_it_is_there(reply):
    found = read_simple_evals(reply, QUESTION).letter
    assert found is not None
    assert found not in "ABCD"


def test_all_words_are_there():
    assert len(_CUES) == 42


@given(st.lists(st.sampled_from(["Answer", "Jibu", ":", " ", "\n", "B", "c", "**", "$", "x"]), max_size=15))
def test_every_text_can_be_read(pieces):
    letter, rule = read_simple_evals("".join(pieces), QUESTION)
    assert (letter is None) == (rule == "unparsed")

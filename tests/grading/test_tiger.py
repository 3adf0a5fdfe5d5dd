"""MMLU-Pro's own chain: a letter other than the official one would make a score that cannot be compared."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.grading.tiger import read_tiger, read_tiger_first, read_tiger_local
from mmlubench.schema import Question

QUESTION = Question("x/y/0", "x", "y", "z", "?", ("one", "two", "three", "four"), "C")


def literal(text):
    """The three patterns as they are published, one after another; two take quadratic time."""
    for pattern, flags in (
        (r"answer is \(?([A-J])\)?", 0),
        (r".*[aA]nswer:\s*([A-J])", 0),
        (r"\b([A-J])\b(?!.*\b[A-J]\b)", re.DOTALL),
    ):
        if found := re.search(pattern, text, flags):
            return found[1]
    return None


PIECES = [
    *"ABIJKa",
    *" \n\t\r:.()*_",
    "**",
    "answer",
    "Answer",
    "answer:",
    "Answer: ",
    "answer is ",
    "answer is (",
    "é",
    "\u2028",
    "the",
    "1",
]


@settings(deadline=None)  # patterns are built when first needed
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_the_letter_is_that_of_the_published_patterns(text):
    assert read_tiger(text, QUESTION).letter == literal(text.replace("**", ""))
    assert read_tiger_local(text, QUESTION).letter == literal(text)


@pytest.mark.parametrize(
    ("reply", "letter", "rule"),
    [
        ("The answer is (B). The answer is (C).", "B", "tiger_answer_is"),
        ("The answer is **C**.", "C", "tiger_answer_is"),
        ("The answer is Barium.", "B", "tiger_answer_is"),
        ("Answer: B or Answer: C\nAnswer: D", "C", "tiger_answer_colon"),
        ("answer: Answer: B", "B", "tiger_answer_colon"),
        ("Answer:\n\nD", "D", "tiger_answer_colon"),
        ("A or B, so I would guess", "I", "tiger_last_letter"),
        ("ANSWER: J, not B", "B", "tiger_last_letter"),
        ("The answer is K", None, "unparsed"),
        ("", None, "unparsed"),
    ],
)
def test_each_step_of_the_chain_is_named(reply, letter, rule):
    assert read_tiger(reply, QUESTION) == (letter, rule)


def test_the_local_script_stumbles_over_bold_where_the_api_script_does_not():
    reply = "The answer is **(C)**, not B"
    assert read_tiger(reply, QUESTION).letter == "C"
    assert read_tiger_local(reply, QUESTION) == ("B", "tiger_last_letter")


def test_the_first_runs_read_only_what_follows_answer_is_and_guess_the_rest_alike():
    ten = Question("x/y/0", "x", "y", "z", "?", tuple("0123456789"), "C")
    assert read_tiger_first("The answer is (B). The answer is (C).", ten) == ("B", "tiger_answer_is")
    for reply in ("Answer: C", "The answer is **C**", "C", ""):  # what the later chains read is a guess there
        assert read_tiger_first(reply, ten) == ("G", "tiger_guess")


@pytest.mark.parametrize("n", range(2, 11))
def test_the_guess_is_the_first_draw_of_the_published_seed(n):
    random.seed(12345)
    guess = random.randint(0, n - 1)
    question = Question("x/y/0", "x", "y", "z", "?", tuple("0123456789"[:n]), "B")
    assert read_tiger_first("?", question).letter == "ABCDEFGHIJ"[guess]

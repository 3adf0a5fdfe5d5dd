"""Inspect's own way: a letter other than inspect's would make a score that cannot be compared."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.grading.inspect_choice import read_inspect
from mmlubench.schema import Question

QUESTION = Question("x/y/0", "x", "y", "z", "?", ("one", "two", "three", "four"), "C")

STRICT = r"(?im)^ANSWER\s*:\s*([A-Za-z\d ,]+)\s*(?:$|\n|\.)"
UNWRAPPED = [
    (r"\x24\s*([A-Za-z\d][A-Za-z\d ,]*?)\s*\x24", r"\1"),
    (r"\*\*\s*([A-Za-z\d][A-Za-z\d ,]*?)\s*\*\*", r"\1"),
    (r"(?i)(^|[:,])(\s*)\(([A-Za-z\d])\)(?=\s*(?:,|\.|\n|\Z))", r"\1\2\3"),
]
LAX = r"(?i)ANSWER\s*:\s*([A-Za-z\d ,]+)(?:[^\w]|\n|$|\.)"


def literal(text, letters):
    """All patterns as inspect_ai 0.3.285 has them; they take cubic time on blanks."""
    for wrapped, bare in UNWRAPPED:
        text = re.sub(wrapped, bare, text)
    found = re.findall(STRICT, text) or re.findall(LAX, text)
    said = found[-1].strip().rstrip(".").upper() if found else ""
    parts = [part for part in said.split(",") if part]
    return parts[0] if len(parts) == 1 and parts[0] in set(letters) else None


PIECES = [
    "ANSWER",
    "answer:",
    "ANSWER:",
    ":",
    *"AbCDz \n\t,.é_!*1\r$()",
    "**",
    "  ",
    "\u212a",
    "\u00a0",
]
texts = st.lists(st.sampled_from(PIECES), max_size=16).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["", "ANSWER:", "ANSWER: B\n", "x ANSWER:"]), texts)
def test_the_letter_is_that_of_the_published_patterns(start, text):
    assert read_inspect(start + text, QUESTION).letter == literal(start + text, "ABCD")


@pytest.mark.parametrize(
    ("reply", "letter", "rule"),
    [
        ("ANSWER: B", "B", "inspect_strict"),
        ("ANSWER: A\nNo.\nANSWER: b.", "B", "inspect_strict"),
        ("So, ANSWER: C!", "C", "inspect_lax"),
        ("ANSWER: A,", "A", "inspect_strict"),
        ("ANSWER: B, Paris", None, "unparsed"),
        ("ANSWER: E", None, "unparsed"),
        ("**ANSWER: B**", "B", "inspect_lax"),
        ("ANSWER: **B**", "B", "inspect_strict"),
        ("ANSWER: $B$", "B", "inspect_strict"),
        ("ANSWER: (B).", "B", "inspect_strict"),
        ("ANSWER: ($B$)", "B", "inspect_strict"),
        ("ANSWER: **(B)**", None, "unparsed"),
        ("The answer is B", None, "unparsed"),
    ],
)
def test_what_inspect_reads(reply, letter, rule):
    assert read_inspect(reply, QUESTION) == (letter, rule)

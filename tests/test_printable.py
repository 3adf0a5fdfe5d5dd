"""What a terminal is shown of strangers: their words, and nothing that it would obey."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import ProviderError, UserError
from mmlubench.printable import on_one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, caf\u00e9 \u7b54\u6848 \U0001f600", "plain words, caf\u00e9 \u7b54\u6848 \U0001f600"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b]0;a title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1bcafter", "after"),
        ("over\rwritten", "over\nwritten"),
        ("back\b\b\bspace", "back\ufffd\ufffd\ufffdspace"),
        ("bell\x07", "bell\ufffd"),
        ("abc\u202edef\u2066g", "abc\ufffddef\ufffdg"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("\x1b", ""),
        ("\x1b[", ""),
    ],
)
def test_nothing_in_a_text_moves_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(
    st.text(st.characters(max_codepoint=0x2100), max_size=60) | st.text("\x1b[]\\;0m\x07\x9b ab", max_size=40)
)
def test_what_is_left_is_harmless_and_stays_as_it_is(text: str) -> None:
    left = printable(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", left)
    assert printable(left) == left
    assert "\n" not in on_one_line(text)


def test_no_error_can_carry_it_to_a_terminal() -> None:
    error = ProviderError("HTTP 500: \x1b]0;owned\x07\x1b[31mred")
    error.add("\x1b[2Jtwice")
    assert str(error) == "HTTP 500: red; twice"
    assert str(UserError.at("file\x1b[1m", "bad")) == "file: bad"

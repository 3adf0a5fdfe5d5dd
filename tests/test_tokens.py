"""Lengths in tokens without a tokenizer: prices, limits and prompts that must fit go by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.tokens import most_tokens_like_gpt2, tokens_by_bytes, tokens_like_gpt2, tokens_of_size


def test_four_characters_of_english_are_a_token() -> None:
    assert (tokens_of_size(0), tokens_of_size(10)) == (0, 2.5)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("四书五经", 3), ("\ud800", 1)]
)
def test_tokens_are_guessed_from_the_length_in_bytes_rounded_up(text: str, tokens: int) -> None:
    # In characters, Chinese and Hindi would seem half as dear as they are.
    assert tokens_by_bytes(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("The cat sat on the mat.", 7),
        ("A. 12,000\nB. 3.5", 12),
        # more bytes, more tokens: GPT-2 makes 7 of the first and 9 of the second
        ("Größe und Maß", 6),
        ("世界の歴史", 12),
    ],
)
def test_tokens_are_estimated_from_words_signs_and_bytes(text: str, tokens: int) -> None:
    assert tokens_like_gpt2(text) == tokens


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_longer_text_has_no_fewer_tokens(text: str, more: str) -> None:
    assert tokens_like_gpt2(f"{text}\n{more}") >= max(tokens_like_gpt2(text), tokens_like_gpt2(more))


@given(st.text(max_size=200))
def test_no_text_of_a_size_is_estimated_at_more_than_the_most(text: str) -> None:
    # Prompts that fit by their size alone are not counted before a run.
    assert tokens_like_gpt2(text) <= most_tokens_like_gpt2(len(text.encode("utf-8", "surrogatepass")))

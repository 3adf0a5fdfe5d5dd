"""Where a provider's prompt cache may cut: between what all questions of a subject share and the question itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmlubench.schema import Message
from mmlubench.tokens import tokens_of_size


class Cut(NamedTuple):
    """The end of a shared beginning."""

    message: int
    """The message in which it lies."""
    chars: int
    """How many characters of that message belong to the beginning."""


def cut_of(messages: Sequence[Message], least_tokens: int) -> Cut | None:
    """Find the end of the beginning that these messages share with others; None where it is shorter than allowed.

    All that comes before it counts towards `least_tokens`, the system message too.
    """
    before = 0
    for place, message in enumerate(messages):
        if message.shared:
            long_enough = tokens_of_size(before + message.shared) >= least_tokens
            return Cut(place, message.shared) if long_enough else None
        before += len(message.content)
    return None


def beginning(messages: Sequence[Message], cut: Cut) -> tuple[str, ...]:
    """Return the shared texts themselves: equal for all requests that can use the same entry of the cache."""
    whole = (message.content for message in messages[: cut.message])
    return (*whole, messages[cut.message].content[: cut.chars])

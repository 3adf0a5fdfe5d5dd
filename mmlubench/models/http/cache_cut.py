"""The cut of a prompt for a provider's prompt cache: the end of the prefix that all questions of a subject share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmlubench.schema import Message
from mmlubench.tokens import tokens_of_size


class Cut(NamedTuple):
    """The end of a shared prefix."""

    message: int
    """The index of the message in which the prefix ends."""
    chars: int
    """The number of characters of that message that belong to the prefix."""


def cut_of(messages: Sequence[Message], least_tokens: int) -> Cut | None:
    """Return the end of the prefix that these messages share with others; None if it is too short to be cached.

    Earlier messages, such as the system message, count towards `least_tokens`.
    """
    before = 0
    for place, message in enumerate(messages):
        if message.shared:
            long_enough = tokens_of_size(before + message.shared) >= least_tokens
            return Cut(place, message.shared) if long_enough else None
        before += len(message.content)
    return None


def beginning(messages: Sequence[Message], cut: Cut) -> tuple[str, ...]:
    """Return the texts of the shared prefix: equal for all requests that can use the same cache entry."""
    whole = (message.content for message in messages[: cut.message])
    return (*whole, messages[cut.message].content[: cut.chars])

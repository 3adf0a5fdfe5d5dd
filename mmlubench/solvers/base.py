"""The seam for strategies."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from mmlubench.schema import Answer, Question


class Solver(Protocol):
    """Puts a question to a model, in whatever way, and reads the answer."""

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError when no usable reply came back."""
        ...


T = TypeVar("T")


async def gather_all(asked: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once and return what they return, in their order. Raises the first error, once all have ended.

    What the others are replied is paid for: were they left alone, it would come too late for the log of the case.
    """
    replies = []
    for reply in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(reply, BaseException):
            raise reply
        replies.append(reply)
    return replies

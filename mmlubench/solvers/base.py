"""The interface of solvers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from mmlubench.schema import Answer, Question


class Solver(Protocol):
    """Asks a question of one or more models, and reads the answer."""

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError if no usable reply came back."""
        ...


T = TypeVar("T")


async def gather_all(asked: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run coroutines concurrently and return their results, in order. Raises the first error, once all have ended.

    It waits for all, as each reply is paid for and must come in time for the log of its case.
    """
    replies = []
    for reply in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(reply, BaseException):
            raise reply
        replies.append(reply)
    return replies

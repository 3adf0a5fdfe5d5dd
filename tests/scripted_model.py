"""A model whose replies are known."""

from __future__ import annotations

import asyncio

from mmlubench.schema import Completion, Request


class Scripted:
    """A Model that gives its replies one after another, the last one for ever; an exception is raised."""

    def __init__(self, *replies: Completion | Exception) -> None:
        self._replies = replies
        self.asked: list[Request] = []
        self.closed = 0

    async def generate(self, request: Request) -> Completion:
        self.asked.append(request)
        reply = self._replies[min(len(self.asked), len(self._replies)) - 1]
        await asyncio.sleep(0)  # lets others run in between, as a network would
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def aclose(self) -> None:
        self.closed += 1

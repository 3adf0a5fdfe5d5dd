"""Models that play a script, and requests to ask them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mmlubench.errors import Overloaded, ProviderError, RateLimited
from mmlubench.schema import Completion, Message, Params, Request, Usage
from perf.virtual_time import VirtualLoop
from tests.scripted_model import Scripted


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    return lambda *replies: Scripted(*(replies or [Completion("ANSWER: B", "stop")]))


@pytest.fixture
def make_request() -> Callable[..., Request]:
    def make(identity: str = "mmlu/anatomy/0001", text: str = "Which?", **params: object) -> Request:
        return Request(identity, (Message("user", text),), Params(**params))  # type: ignore[arg-type]

    return make


@pytest.fixture
def reply() -> Completion:
    """A reply with everything a provider may tell."""
    return Completion(
        text="ANSWER: B",
        finish_reason="stop",
        usage=Usage(100, 5, cached_tokens=20, cost_usd=0.25),
        model="served-1",
        latency_s=0.5,
        sent={"temperature": 0.0, "max_completion_tokens": 8},
    )


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every pause that was asked for, in seconds; none is really made."""
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds:  # sleep(0) is a turn of the loop and no pause
            pauses.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return pauses


@pytest.fixture(scope="session")
def virtually() -> Callable[..., Any]:
    """Run `main(clock)` on a loop of virtual time. Returns what it returns."""

    def run(main: Callable[[Callable[[], float]], Coroutine[Any, Any, Any]]) -> Any:
        loop = VirtualLoop()
        random.seed(0)  # the length of pauses is drawn
        try:
            return loop.run_until_complete(main(loop.time))
        finally:
            loop.close()

    return run


class BusyServer:
    """A Model like a server that allows `rate` requests a second and has saved up `burst`, or has only so many `slots`.

    A request needs a moment to get there, and is turned down at once or answered after `latency_s`, both roughly.
    `down` are spans of time in which nobody gets through; the failure is then `outage`.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        rate: float = 1e9,
        burst: float = 1e9,
        slots: float = 1e9,
        latency_s: float = 0.05,
        retry_after_s: float | None = None,
        down: tuple[float, float] = (0.0, 0.0),
        outage: ProviderError | None = None,
    ) -> None:
        self._clock = clock
        self._rate, self._burst, self._slots = rate, burst, slots
        self._latency_s, self._retry_after_s = latency_s, retry_after_s
        self._down, self._outage = down, outage or Overloaded("overloaded", status=529)
        self._level, self._as_of, self._begun = burst, clock(), clock()
        self._dice = random.Random(0)
        self.busy = self.most_busy = 0
        self.log: list[tuple[float, bool]] = []
        """Seconds since the start, and whether the request was taken."""

    async def generate(self, request: Request) -> Completion:
        started = self._clock()
        await asyncio.sleep(0.005 * self._dice.uniform(0.5, 1.5))
        now = self._clock() - self._begun
        is_down = self._down[0] <= now < self._down[1]
        is_taken = not is_down and self._take()
        self.log.append((now, is_taken))
        if is_down:
            raise self._outage
        if not is_taken:
            raise RateLimited("slow down", status=429, retry_after_s=self._retry_after_s)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(self._latency_s * self._dice.uniform(0.8, 1.2))
        finally:
            self.busy -= 1
        return Completion("B", "stop", Usage(100, 5), latency_s=self._clock() - started)

    def _take(self) -> bool:
        now = self._clock()
        self._level = min(self._burst, self._level + self._rate * (now - self._as_of))
        self._as_of = now
        if self._level < 1 or self.busy >= self._slots:
            return False
        self._level -= 1
        return True

    async def aclose(self) -> None: ...

    def taken(self, begin: float, end: float) -> float:
        """Requests a second that were taken in that time."""
        return sum(is_taken for at, is_taken in self.log if begin <= at < end) / (end - begin)

    def rejected(self, begin: float, end: float) -> float:
        """The share of requests that were turned down in that time."""
        all_of_them = [is_taken for at, is_taken in self.log if begin <= at < end]
        return 1 - sum(all_of_them) / len(all_of_them) if all_of_them else 0.0


@pytest.fixture(scope="session")
def busy_server() -> type[BusyServer]:
    return BusyServer


async def keep_asking(
    model: Any, clock: Callable[[], float], seconds: float, wide: int = 64
) -> list[Exception]:
    """Ask for so long, always so many at once; returns the failures."""
    end = clock() + seconds
    failures: list[Exception] = []

    async def worker(number: int) -> None:
        asked = 0
        while clock() < end:
            asked += 1
            try:
                await model.generate(Request(f"{number}/{asked}", (Message("user", "Which?"),)))
            except ProviderError as error:
                failures.append(error)

    await asyncio.gather(*(worker(number) for number in range(wide)))
    return failures


@pytest.fixture(scope="session")
def asking() -> Callable[..., Coroutine[Any, Any, list[Exception]]]:
    return keep_asking

"""Batches: the requests that wait together are computed together, on one thread, while the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple

from mmlubench.models.local.job import Job, Result


class Waiting(NamedTuple):
    """A job and the future that its result goes to."""

    job: Job
    answer: asyncio.Future[tuple[Result, float]]


class Batches:
    """Gathers the jobs of all adapters of one model, and computes the oldest one with those that suit it best."""

    def __init__(self, compute: Callable[[Sequence[Job]], list[Result]], size: int) -> None:
        """`compute` answers the jobs of a batch in order; `size` is the most jobs in one."""
        self._compute, self._size = compute, size
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: list[Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def result(self, job: Job) -> tuple[Result, float]:
        """Return what came of a job, and the seconds that its batch took. Raises what `compute` raises."""
        answer: asyncio.Future[tuple[Result, float]] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(job, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.ensure_future(self._work())
        return await answer

    async def aclose(self) -> None:
        """Stop: a batch under way ends by itself, and its results are dropped."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
        for waiting in self._waiting:
            waiting.answer.cancel()
        self._waiting.clear()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(0)  # so that all cases that begin in this turn of the loop are in the batch
            batch = self._next()
            if not batch:
                continue
            self._thread = self._thread or ThreadPoolExecutor(1, "mmlubench-model")
            begun = perf_counter()
            try:
                results = await loop.run_in_executor(self._thread, self._compute, [w.job for w in batch])
            except Exception as error:  # every job of the batch failed alike
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
                continue
            seconds = perf_counter() - begun
            for waiting, result in zip(batch, results, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result((result, seconds))

    def _next(self) -> list[Waiting]:
        """Take the oldest job, and of its kind those that are closest to it in length, as padding is wasted work."""
        self._waiting = [waiting for waiting in self._waiting if not waiting.answer.done()]
        if not self._waiting:
            return []
        oldest = self._waiting[0].job
        alike = [waiting for waiting in self._waiting if waiting.job.kind == oldest.kind]
        length = len(oldest.prompt)
        alike.sort(key=lambda waiting: abs(len(waiting.job.prompt) - length))
        batch = alike[: self._size]
        taken = set(map(id, batch))
        self._waiting = [waiting for waiting in self._waiting if id(waiting) not in taken]
        return batch

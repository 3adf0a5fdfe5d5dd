"""Look-ahead: while one case waits for its reply, the requests of the next cases are already under way.

pytest runs cases one after another. `LookAhead` is given the coroutines of all cases in that order and keeps a window
of them running on an event loop of its own. The loop lives on the caller's thread: asking for a result drives it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: Seconds for which finished jobs are read one after another before the event loop gets a turn.
_TURN_EVERY_S = 0.001
#: How long `close` waits for a job that ignores being cancelled, and for a connection that does not close.
_PATIENCE_S = 5.0
#: Turns of the event loop within which a reply gets from the socket to the job that waits for it.
_LAST_TURNS = 10


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """A coroutine that will be started later: `key` names it, `start` makes it, `ready` says whether it may start."""

    key: str
    start: Callable[[], Coroutine[Any, Any, T]]
    ready: Callable[[], bool] = lambda: True


class LookAhead(Generic[T]):
    """Runs jobs ahead of the caller, in order.

    `width` is how many jobs run at once. `backlog` is how many finished jobs may wait to be read: a large one keeps a
    slow case from stopping the others; a small one saves money, since jobs run ahead are paid for even if pytest stops.
    """

    def __init__(self, width: int, backlog: int) -> None:
        self.loop = asyncio.new_event_loop()
        self._width = width
        self._most = width + backlog
        self._waiting: Iterator[Job[T]] = iter(())
        self._next: Job[T] | None = None
        """The first job of those that wait."""
        self._begun: set[str] = set()
        """The keys of jobs that were started out of turn, and may still be among those that wait."""
        self._tasks: dict[str, asyncio.Task[T]] = {}
        self._running = 0
        self._turned_at = 0.0
        """When the loop last ran, in its own time."""
        self._has_new = False
        """Whether a job was started since the loop began to run: it may have to run once more to begin it."""
        self._closed = False

    def plan(self, jobs: Iterable[Job[T]]) -> None:
        """Take the jobs in the order in which results will be asked for; nothing runs before the first `result`.

        Each is taken when it is about to start: a million of them would fill the memory.
        """
        self._waiting = chain(self._waiting, jobs)
        self._next = self._next or next(self._waiting, None)

    def result(self, job: Job[T], timeout_s: float | None = None) -> T:
        """Return the result of a job, waiting for it if necessary. Raises what its coroutine raised.

        A job that has not ended after `timeout_s` seconds is cancelled, and its result is what it makes of that.
        A job that is asked for out of turn starts at once, beyond the width.
        """
        task = self._tasks.pop(job.key, None) or self._start_early(job)
        self._top_up()
        try:
            if not task.done():
                self._has_new = False
                self.loop.run_until_complete(task if timeout_s is None else _in_time(task, timeout_s))
                self._turned_at = self.loop.time()
            elif self._has_new or self.loop.time() - self._turned_at >= _TURN_EVERY_S:
                self._turn()
        except (KeyboardInterrupt, SystemExit):  # the result is still unread: `close` must return it
            self._tasks[job.key] = task
            raise
        return task.result()

    def widen(self, by: int, *, backlog: int = 0) -> None:
        """Let so many more jobs run at once, or so many fewer if negative; those under way go on.

        `backlog` is how many more or fewer jobs may be started before they are read.
        """
        self._width += by
        self._most += backlog
        if by > 0 and self._running and not self._closed:  # else nothing was asked for yet
            self._top_up()

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Call a function every `seconds` seconds while the loop runs, for a progress display."""

        def again() -> None:
            call()
            self.loop.call_later(seconds, again)

        self.loop.call_soon(again)

    def close(self, *closing: Callable[[], Coroutine[Any, Any, None]], drain_s: float = 0.0) -> list[T]:
        """Stop all jobs, run the `closing` coroutines, close the loop; return the results that were not read.

        Unread results were paid for, so the caller decides what to keep. Jobs under way get `drain_s` seconds to
        finish, unless Ctrl-C is pressed meanwhile. A `closing` coroutine that fails is reported by the loop.
        """
        if self._closed:
            return []
        self._closed = True
        self._drain(drain_s)
        self._take_arrived()
        try:
            self._cancel_all(closing)
        except KeyboardInterrupt:  # once more in the meantime: what is open has to be closed all the same
            self._cancel_all(closing)
        finally:
            self.loop.close()
        return [task.result() for task in self._tasks.values() if _has_result(task)]

    def _cancel_all(self, closing: Iterable[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        # All tasks of the loop, not only ours: a job may have started tasks of its own. They are cancelled before the
        # loop runs again, so that none of them sends another request.
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self._forget_stop()
        self.loop.run_until_complete(_wind_up(tasks, closing))

    def _drain(self, seconds: float) -> None:
        begun = []
        for task in self._tasks.values():
            if inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CREATED:  # type: ignore[arg-type]
                task.cancel()  # has sent no request yet
            elif not task.done():
                begun.append(task)
        if begun and seconds > 0:
            with suppress(KeyboardInterrupt):  # a second Ctrl-C ends the wait
                self._turn()  # the first Ctrl-C may have left a pending `stop`, which would end the wait at once
                self.loop.run_until_complete(asyncio.wait(begun, timeout=seconds))

    def _take_arrived(self) -> None:
        """Let jobs take replies that have arrived, at the socket or further on, before they are stopped."""
        for _ in range(_LAST_TURNS):
            with suppress(KeyboardInterrupt):
                self._turn()

    def _forget_stop(self) -> None:
        """Consume a pending `stop` that a Ctrl-C left behind: it would interrupt the next run of the loop."""
        try:
            self._turn()
        except KeyboardInterrupt:  # Ctrl-C again, at this moment
            self._forget_stop()

    def _turn(self) -> None:
        """Run one turn of the event loop without waiting: jobs that have finished are replaced by new ones."""
        self._has_new = False
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        self._turned_at = self.loop.time()

    def _top_up(self) -> None:
        while self._running < self._width and len(self._tasks) < self._most and self._next is not None:
            job = self._next
            if job.key in self._begun:  # its result was asked for early
                self._begun.remove(job.key)
            elif not job.ready():
                return
            else:
                self._tasks[job.key] = self._start(job)
            self._next = next(self._waiting, None)
        if self._next is None:
            self._begun.clear()

    def _start_early(self, job: Job[T]) -> asyncio.Task[T]:
        if self._next is not None:
            self._begun.add(job.key)
        return self._start(job)

    def _start(self, job: Job[T]) -> asyncio.Task[T]:
        task = self.loop.create_task(job.start())
        self._running += 1
        self._has_new = True
        task.add_done_callback(self._finished)
        return task

    def _finished(self, _task: asyncio.Task[T]) -> None:
        self._running -= 1
        if not self._closed:
            self._top_up()


async def _in_time(task: asyncio.Task[Any], seconds: float) -> None:
    await asyncio.wait([task], timeout=seconds)
    if not task.done():
        task.cancel()
        await asyncio.wait([task])


async def _wind_up(
    tasks: Collection[asyncio.Task[Any]], closing: Iterable[Callable[[], Coroutine[Any, Any, None]]]
) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=_PATIENCE_S)
    ends = (asyncio.wait_for(close(), _PATIENCE_S) for close in closing)
    loop = asyncio.get_running_loop()
    for error in await asyncio.gather(*ends, return_exceptions=True):
        if error is not None:
            loop.call_exception_handler({"message": "a model could not be closed", "exception": error})
    await loop.shutdown_asyncgens()


def _has_result(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None

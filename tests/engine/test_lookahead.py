from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine import lookahead
from mmlubench.engine.lookahead import Job, LookAhead


class Broken(Exception):
    """What a job raises in these tests."""


class Office:
    """Makes jobs that take a number of turns of the loop, and notes what happens."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.ended: list[str] = []
        self.running = 0
        self.most = 0
        """The most that ran at once."""

    def job(
        self, key: str, turns: int = 0, *, fails: bool = False, ready: Callable[[], bool] = lambda: True
    ) -> Job[str]:
        return Job(key, lambda: self._work(key, turns, fails), ready)

    def jobs(self, *turns: int) -> list[Job[str]]:
        return [self.job(str(number), count) for number, count in enumerate(turns)]

    async def _work(self, key: str, turns: int, fails: bool) -> str:
        self.started.append(key)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            if fails:
                raise Broken(key)
            return f"result of {key}"
        finally:
            self.running -= 1
            self.ended.append(key)


FOR_EVER = 10**9


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture(autouse=True)
def a_turn_for_every_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if reading took long: the loop gets a turn for every finished result that is read."""
    monkeypatch.setattr(lookahead, "_TURN_EVERY_S", 0.0)


@pytest.fixture
def ahead(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., LookAhead[Any]]]:
    """Makes look-aheads. Whatever a test does: the loop can be closed, and asyncio has nothing to complain of."""
    made: list[LookAhead[Any]] = []

    def make(width: int, backlog: int = 0) -> LookAhead[Any]:
        made.append(LookAhead(width, backlog))
        return made[-1]

    yield make
    for one in made:
        one.close()
        assert one.loop.is_closed()
    del one
    made.clear()
    gc.collect()  # asyncio speaks of forgotten tasks and exceptions when they are collected
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


# -- order, width, backlog -------------------------------------------------------------------------------------------


def test_every_case_gets_its_own_result(office: Office, ahead: Callable[..., LookAhead[str]]) -> None:
    jobs = office.jobs(5, 0, 3, 1)
    look = ahead(2)
    look.plan(jobs)
    assert [look.result(job) for job in jobs] == [f"result of {n}" for n in range(4)]
    assert office.started == ["0", "1", "2", "3"]


def test_nothing_is_asked_before_the_first_case_runs(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    # pytest may still end the run after planning, for example with --collect-only.
    look = ahead(8)
    look.plan(office.jobs(0, 0))
    assert look.close() == []
    assert office.started == []


def test_later_cases_ask_while_an_earlier_one_waits(ahead: Callable[..., LookAhead[str]]) -> None:
    # The first job ends only because the third one runs: one after another, this would never end.
    look = ahead(3)
    third_runs = asyncio.Event()

    async def first() -> str:
        await third_runs.wait()
        return "first"

    async def third() -> str:
        third_runs.set()
        return "third"

    jobs = [Job("1", first), Job("2", first), Job("3", third)]
    look.plan(jobs)
    assert [look.result(job) for job in jobs] == ["first", "first", "third"]


def test_one_slow_reply_stops_the_others_only_when_the_backlog_is_full(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    jobs = office.jobs(200, *[0] * 20)
    look = ahead(2, backlog=3)
    look.plan(jobs)
    look.result(jobs[0])
    assert len(office.started) == 1 + 2 + 3  # the slow one, the window and the backlog
    for job in jobs[1:]:
        look.result(job)
    assert len(office.ended) == 21


def test_a_window_of_one_asks_one_after_another(office: Office, ahead: Callable[..., LookAhead[str]]) -> None:
    # --concurrency 1 is for debugging: one thing at a time.
    jobs = office.jobs(3, 0, 2)
    look = ahead(1)
    look.plan(jobs)
    for job in jobs:
        look.result(job)
    assert office.most == 1
    assert office.ended == ["0", "1", "2"]


def test_reading_a_finished_result_lets_the_next_requests_out(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    # With -x there is no backlog: each case that is read makes room for one more, at once and not when the loop waits.
    jobs = office.jobs(50, 0, 0, 0, 0, 0)
    look = ahead(2)
    look.plan(jobs)
    look.result(jobs[0])
    assert office.started == ["0", "1", "2"]
    look.result(jobs[1])
    assert office.started == ["0", "1", "2", "3"]


@given(
    turns=st.lists(st.integers(0, 12), min_size=1, max_size=25),
    width=st.integers(1, 6),
    backlog=st.integers(0, 8),
    data=st.data(),
)
def test_whatever_takes_how_long_every_result_comes_back_and_the_bounds_hold(
    turns: list[int], width: int, backlog: int, data: st.DataObject
) -> None:
    office = Office()
    broken = data.draw(st.sets(st.integers(0, len(turns) - 1)), label="broken")
    in_turn = data.draw(st.booleans(), label="in turn")
    order = range(len(turns)) if in_turn else data.draw(st.permutations(range(len(turns))), label="order")
    jobs = [office.job(str(n), count, fails=n in broken) for n, count in enumerate(turns)]
    look: LookAhead[str] = LookAhead(width, backlog)
    try:
        look.plan(jobs)
        for read, number in enumerate(order):
            if number in broken:
                with pytest.raises(Broken, match=f"^{number}$"):
                    look.result(jobs[number])
            else:
                assert look.result(jobs[number]) == f"result of {number}"
            assert len(office.started) <= read + 1 + width + backlog
        assert sorted(office.started) == sorted(job.key for job in jobs)  # each ran once
        assert office.most <= (
            width if in_turn else width + 1
        )  # what is asked for out of turn starts at once
        assert look.close() == []
    finally:
        look.close()


# -- jobs that are not like the others -------------------------------------------------------------------------------


def test_a_case_that_raises_fails_alone(office: Office, ahead: Callable[..., LookAhead[str]]) -> None:
    jobs = [office.job("0", 1), office.job("1", fails=True), office.job("2", 1)]
    look = ahead(3)
    look.plan(jobs)
    assert look.result(jobs[0]) == "result of 0"
    with pytest.raises(Broken, match="1"):
        look.result(jobs[1])
    assert look.result(jobs[2]) == "result of 2"


def test_cases_may_be_read_in_any_order(office: Office, ahead: Callable[..., LookAhead[str]]) -> None:
    # Another plugin may reorder or leave out tests after planning.
    jobs = office.jobs(3, 1, 2, 0, 1)
    look = ahead(2, backlog=1)
    look.plan(jobs)
    for number in (4, 0, 3, 2, 1):
        assert look.result(jobs[number]) == f"result of {number}"
    assert sorted(office.started) == ["0", "1", "2", "3", "4"]


def test_cases_are_made_as_they_start(office: Office, ahead: Callable[..., LookAhead[str]]) -> None:
    # A million of them would fill the memory before the first is asked.
    made: list[str] = []
    jobs = office.jobs(*[1] * 50)
    look = ahead(3, backlog=2)
    look.plan(made.append(job.key) or job for job in jobs)
    for number in range(20):
        assert look.result(jobs[number]) == f"result of {number}"
        assert len(made) <= number + 1 + 3 + 2 + 1


def test_a_case_that_was_never_planned_runs_when_it_is_asked_for(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    # A test with a fixture of its own cannot run ahead.
    look = ahead(2)
    look.plan([])
    assert look.result(office.job("own", 3)) == "result of own"


def test_a_case_that_is_collected_twice_is_answered_twice(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    job = office.job("same")
    look = ahead(2)
    look.plan([job, job])
    assert [look.result(job), look.result(job)] == ["result of same"] * 2


def test_a_case_whose_module_is_not_set_up_waits_and_so_do_those_after_it(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    set_up = False
    jobs = [office.job("0", 2), office.job("1", ready=lambda: set_up), office.job("2"), office.job("3", 9)]
    look = ahead(4, backlog=4)
    look.plan(jobs)
    look.result(jobs[0])
    assert office.started == ["0"]
    set_up = True
    look.result(jobs[1])
    assert office.started == ["0", "1", "2", "3"]


def test_what_a_job_sets_in_its_context_stays_with_it(ahead: Callable[..., LookAhead[str]]) -> None:
    # Otherwise a case's requests would be logged under another case: a job is started from the end of an earlier one.
    from contextvars import ContextVar

    whose: ContextVar[str] = ContextVar("whose", default="nobody")

    def job(key: str) -> Job[str]:
        async def work() -> str:
            found = whose.get()
            whose.set(key)
            await asyncio.sleep(0)
            return f"{found} then {whose.get()}"

        return Job(key, work)

    jobs = [job(key) for key in "abcdef"]
    look = ahead(2, backlog=2)
    look.plan(jobs)
    assert [look.result(job) for job in jobs] == [f"nobody then {key}" for key in "abcdef"]
    assert whose.get() == "nobody"


# -- the end ---------------------------------------------------------------------------------------------------------


def test_a_run_without_cases_ends_at_once(ahead: Callable[..., LookAhead[str]]) -> None:
    look = ahead(4)
    look.plan([])
    assert look.close() == []


def test_stopping_keeps_what_was_answered_and_ends_what_was_not(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    # -x: replies that were paid for but not graded go into the log; requests under way are given up.
    jobs = [
        office.job("0", 5),
        office.job("1"),
        office.job("2", fails=True),
        office.job("3", FOR_EVER),
        office.job("4"),
    ]
    look = ahead(4)
    look.plan(jobs)
    look.result(jobs[0])
    assert look.close() == ["result of 1", "result of 4"]
    assert "3" in office.ended
    assert office.running == 0


def test_a_request_that_was_about_to_go_out_does_not(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    # The end of the first job started the second one, which had no turn of the loop yet; nor may its end start a third.
    look = ahead(1, backlog=4)
    jobs = office.jobs(1, 1, 1, 1)
    look.plan(jobs)
    look.result(jobs[0])
    assert look.close() == []
    assert office.started == ["0"]


def test_stopping_twice_is_harmless(office: Office, ahead: Callable[..., LookAhead[str]]) -> None:
    look = ahead(2)
    jobs = office.jobs(1, 0)
    look.plan(jobs)
    look.result(jobs[0])
    assert look.close() == ["result of 1"]
    assert look.close() == []


def test_models_are_closed_after_the_cases_have_ended(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    look = ahead(2)
    jobs = office.jobs(1, FOR_EVER)
    look.plan(jobs)
    look.result(jobs[0])

    async def close() -> None:
        office.ended.append("model")

    look.close(close, close)
    assert office.ended == ["0", "1", "model", "model"]


def test_what_a_job_started_and_left_behind_is_ended_too(ahead: Callable[..., LookAhead[str]]) -> None:
    left: list[asyncio.Task[None]] = []

    async def work() -> str:
        left.append(asyncio.create_task(asyncio.sleep(FOR_EVER)))
        return "done"

    look = ahead(1)
    look.result(Job("0", work))
    look.close()
    assert left.pop().cancelled()


def test_a_job_that_will_not_be_cancelled_does_not_hang_the_end(
    office: Office, ahead: Callable[..., LookAhead[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookahead, "_PATIENCE_S", 0.01)
    stubborn: list[asyncio.Task[Any]] = []

    async def work() -> str:
        stubborn.append(asyncio.current_task())
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    look = ahead(3)
    jobs = [office.job("0", 5), office.job("1"), Job("2", work)]
    look.plan(jobs)
    look.result(jobs[0])
    assert look.close() == ["result of 1"]
    stubborn.pop()._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio would rightly complain


@pytest.mark.parametrize("how", ["raises", "hangs"])
def test_a_model_that_cannot_be_closed_costs_nothing_else(
    how: str,
    office: Office,
    ahead: Callable[..., LookAhead[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(lookahead, "_PATIENCE_S", 0.01)
    closed = []

    async def bad() -> None:
        if how == "raises":
            raise Broken("the connection is gone")
        await asyncio.Event().wait()

    async def good() -> None:
        closed.append(True)

    look = ahead(2)
    jobs = office.jobs(1, 0)
    look.plan(jobs)
    look.result(jobs[0])
    assert look.close(bad, good) == ["result of 1"]
    assert closed == [True]
    assert [record.getMessage() for record in caplog.records] == [caplog.messages[0]]
    assert caplog.messages[0].startswith("a model could not be closed")
    caplog.clear()


# -- Ctrl-C ----------------------------------------------------------------------------------------------------------


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _leave() -> NoReturn:
    raise SystemExit(2)


async def _press_ctrl_c() -> str:
    signal.raise_signal(signal.SIGINT)
    return "never"


@pytest.mark.usefixtures("_sigint_interrupts")
@pytest.mark.parametrize("where", ["in another job", "between jobs"])
def test_ctrl_c_while_waiting_keeps_what_was_answered(
    where: str, office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    jobs: list[Job[str]] = [office.job("0", FOR_EVER), office.job("1"), office.job("2", FOR_EVER)]
    look = ahead(4)
    if where == "in another job":
        jobs.append(Job("3", _press_ctrl_c))
    else:
        look.loop.call_soon(lambda: look.loop.call_soon(_interrupt))  # one turn later, when "1" is done
    look.plan(jobs)
    with pytest.raises(KeyboardInterrupt):
        look.result(jobs[0])
    assert look.close() == ["result of 1"]
    assert sorted(office.ended) == ["0", "1", "2"]  # also the one that was waited for


@pytest.mark.usefixtures("_sigint_interrupts")
def test_ctrl_c_in_the_very_case_that_is_waited_for(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    look = ahead(2)
    jobs = [Job("0", _press_ctrl_c), office.job("1", FOR_EVER)]
    look.plan(jobs)
    with pytest.raises(KeyboardInterrupt):
        look.result(jobs[0])
    assert look.close() == []


@pytest.mark.parametrize(("way", "error"), [(_interrupt, KeyboardInterrupt), (_leave, SystemExit)])
def test_ctrl_c_while_a_finished_result_is_handed_over_does_not_lose_it(
    way: Callable[[], NoReturn],
    error: type[BaseException],
    office: Office,
    ahead: Callable[..., LookAhead[str]],
) -> None:
    look = ahead(3)
    jobs = office.jobs(5, 0, 0)
    look.plan(jobs)
    look.result(jobs[0])
    look.loop.call_soon(way)
    with pytest.raises(error):
        look.result(jobs[1])
    assert sorted(look.close()) == ["result of 1", "result of 2"]


def test_ctrl_c_while_a_finished_result_is_handed_over_does_not_cut_the_end_short(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    # Nothing is under way any more, so nothing is waited for; a model still takes its time to close.
    closed = []

    async def close() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        closed.append("model")

    look = ahead(3)
    jobs = office.jobs(5, 0, 0)
    look.plan(jobs)
    look.result(jobs[0])
    look.loop.call_soon(_interrupt)
    with pytest.raises(KeyboardInterrupt):
        look.result(jobs[1])
    look.loop.call_soon(_interrupt)  # and once more, just then
    assert sorted(look.close(close, drain_s=1.0)) == ["result of 1", "result of 2"]
    assert closed == ["model"]


@pytest.fixture
def _sigint_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# -- progress --------------------------------------------------------------------------------------------------------


def test_the_progress_display_ticks_while_a_reply_is_awaited(ahead: Callable[..., LookAhead[int]]) -> None:
    ticks: list[int] = []

    async def until_third_tick() -> int:
        while len(ticks) < 3:
            await asyncio.sleep(0)
        return len(ticks)

    look = ahead(1)
    look.every(0, lambda: ticks.append(1))
    assert ticks == []
    assert look.result(Job("0", until_third_tick)) == 3


def test_the_progress_display_ticks_while_finished_results_are_read(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    ticks: list[int] = []
    jobs = office.jobs(20, *[0] * 5)
    look = ahead(6)
    look.plan(jobs)
    look.result(jobs[0])
    look.every(0, lambda: ticks.append(1))
    for job in jobs[1:]:
        look.result(job)
    assert len(ticks) >= 3


def test_finished_results_are_read_in_a_row_but_a_new_job_begins_at_once(
    office: Office, ahead: Callable[..., LookAhead[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookahead, "_TURN_EVERY_S", 1000.0)
    ticks: list[int] = []
    jobs = office.jobs(20, *[0] * 7)
    look = ahead(1, backlog=5)
    look.plan(jobs)
    look.result(jobs[0])
    for _ in range(100):
        look._turn()
    assert len(office.ended) == 7  # as many as may wait
    look.every(0, lambda: ticks.append(1))
    look.result(jobs[1])
    assert office.started[7:] == ["7"]  # there was room for one more
    seen = len(ticks)
    for job in jobs[2:]:
        look.result(job)
    assert seen <= len(ticks) <= seen + 1


def test_ctrl_c_while_connections_are_closed_does_not_cut_the_end_short(
    office: Office, ahead: Callable[..., LookAhead[str]]
) -> None:
    # A user presses once more when the drain is over: the connections are closed, and what was paid for is kept.
    look = ahead(4)
    jobs = office.jobs(1, 1)
    look.plan(jobs)
    assert look.result(jobs[0]) == "result of 0"
    closings: list[str] = []

    async def close() -> None:
        closings.append("begun")
        if len(closings) == 1:
            look.loop.call_soon(_interrupt)
        await asyncio.sleep(0.01)
        closings.append("ended")

    assert look.close(close) == ["result of 1"]
    assert closings == ["begun", "begun", "ended"]


def test_a_reply_that_has_arrived_at_the_socket_is_taken_before_its_job_is_stopped() -> None:
    # As with Ctrl-C pressed twice: nothing more is waited for, and what was paid for is kept.
    here, there = socket.socketpair()
    here.setblocking(False)

    async def waits() -> bytes:
        reply = await asyncio.get_running_loop().sock_recv(here, 100)
        await asyncio.sleep(0)  # on its way through the layers around a model
        return reply

    async def ends() -> bytes:
        await asyncio.sleep(0.01)
        return b"first"

    ahead: LookAhead[bytes] = LookAhead(2, 2)
    first = Job("first", ends)
    ahead.plan([first, Job("second", waits)])
    with here, there:
        assert ahead.result(first) == b"first"
        there.send(b"paid for")
        assert ahead.close() == [b"paid for"]


def test_a_job_that_takes_too_long_is_cancelled_and_the_others_go_on(
    ahead: Callable[..., LookAhead[str]],
) -> None:
    async def wait(name: str, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            return f"{name} was cancelled"
        return f"{name} ended"

    jobs = [Job("slow", lambda: wait("slow", 1000.0)), Job("quick", lambda: wait("quick", 0.001))]
    look = ahead(2)
    look.plan(jobs)
    assert look.result(jobs[0], 0.01) == "slow was cancelled"
    assert look.result(jobs[1], 1000.0) == "quick ended"

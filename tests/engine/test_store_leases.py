"""Several runs on one store at once: each question is bought once, whatever becomes of the run that asks it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.store import leases as leases_module
from mmlubench.engine.store.layer import Stored
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import Rejected
from mmlubench.schema import Completion, Message, Params, Request

#: A run: asks the same questions as all others, and writes each request to a file of all before it is answered.
RUN = """
import asyncio, os, sys
from mmlubench.engine.store.layer import Stored
from mmlubench.engine.store.sqlite import Store
from mmlubench.schema import Completion, Message, Params, Request

path, asked, run, count, wait_s = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])

class Slow:
    async def generate(self, request):
        with open(asked, "a") as file:
            file.write(f"{request.id} {run}\\n")
        await asyncio.sleep(wait_s)
        return Completion(f"{request.id} to {run}", "stop")

    async def aclose(self):
        pass

async def main():
    store = Store.open(path, run=run)
    model = Stored(Slow(), store, label="m", identity={"model": "m"})
    places = asyncio.Semaphore(20)
    async def one(number):
        async with places:
            request = Request(f"q/{number}", (Message("user", str(number)),), Params())
            return (await model.generate(request)).text
    texts = await asyncio.gather(*map(one, range(count)))
    store.close()
    print(*texts, sep="\\n")

asyncio.run(main())
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def start(run: str, count: int, wait_s: float) -> subprocess.Popen[str]:
        arguments = [str(tmp_path / "store.sqlite"), str(tmp_path / "asked"), run, str(count), str(wait_s)]
        started.append(
            subprocess.Popen([sys.executable, "-c", RUN, *arguments], stdout=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def asked(tmp_path: Path) -> list[str]:
    """The questions that any run has asked, in order."""
    file = tmp_path / "asked"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def wait_for(tmp_path: Path, count: int) -> None:
    end = time.monotonic() + 60
    while len(asked(tmp_path)) < count:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_two_runs_at_once_buy_every_answer_once_and_end_with_the_same(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    one = start("one", 400, 0.1)
    wait_for(tmp_path, 60)  # it is under way, alone, when the other comes
    both = [one, start("two", 400, 0.1)]
    texts = [process.communicate(timeout=60)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(asked(tmp_path)) == sorted({f"q/{number}" for number in range(400)})
    assert texts[0] == texts[1]


def test_three_runs_that_start_together_buy_every_answer_once(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    runs = [start(name, 200, 0.05) for name in ("one", "two", "three")]
    texts = [process.communicate(timeout=60)[0].splitlines() for process in runs]
    # Only those that were sent before a run could see the others may be there twice: those of its first turn.
    twice = [name for name, times in Counter(asked(tmp_path)).items() if times > 1]
    assert len(twice) == 0
    assert texts[0] == texts[1] == texts[2]


def test_the_questions_of_a_run_that_was_killed_are_asked_by_the_other(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    one = start("one", 300, 0.2)
    wait_for(tmp_path, 30)
    two = start("two", 300, 0.2)
    wait_for(tmp_path, 150)
    one.send_signal(signal.SIGKILL)
    one.wait()
    killed_at = time.monotonic()
    texts = two.communicate(timeout=60)[0].splitlines()
    assert two.returncode == 0
    assert time.monotonic() - killed_at < 15  # its process is gone: nobody waits until it is late
    assert [text.split()[0] for text in texts] == [f"q/{number}" for number in range(300)]
    twice = [name for name, times in Counter(asked(tmp_path)).items() if times > 1]
    assert len(twice) <= 40  # what it had under way, and what was answered and not written in the last 20 ms


def test_the_questions_of_a_run_that_is_stopped_are_asked_by_the_other_after_a_while(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    one = start("one", 60, 2.0)
    wait_for(tmp_path, 20)
    one.send_signal(signal.SIGSTOP)  # as a debugger, or Ctrl-Z, does
    try:
        two = start("two", 60, 0.05)
        texts = two.communicate(timeout=90)[0].splitlines()
        assert len(texts) == 60
    finally:
        one.send_signal(signal.SIGCONT)
    assert len(one.communicate(timeout=60)[0].splitlines()) == 60
    assert max(Counter(asked(tmp_path)).values()) <= 2


# -- in one process --------------------------------------------------------------------------------------------------


class Counting:
    """A Model that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.fails = False

    async def generate(self, request: Request) -> Completion:
        self.asked.append(request.id)
        await self.may_answer.wait()
        if self.fails:
            raise Rejected("no", status=400)
        return Completion(f"reply {len(self.asked)}", "stop")

    async def aclose(self) -> None:
        pass


def request(name: str = "q/1") -> Request:
    return Request(name, (Message("user", name),), Params())


class Pair:
    """Two runs on one store."""

    def __init__(self, path: Path, *since: float) -> None:
        self.stores = [Store.open(path, run=run) for run in ("one", "two")]
        self.models = [Counting(), Counting()]
        self.layers = [
            Stored(model, store, label="m", identity={}, since=at)
            for model, store, at in zip(self.models, self.stores, since or (0.0, 0.0), strict=True)
        ]

    def ask(self, which: int, name: str = "q/1") -> asyncio.Task[Completion]:
        return asyncio.get_running_loop().create_task(self.layers[which].generate(request(name)))

    def close(self) -> None:
        for store in self.stores:
            store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def test_a_request_that_failed_is_sent_by_the_other_run(path: Path) -> None:
    async def play(pair: Pair) -> None:
        first = pair.ask(0)
        await asyncio.sleep(0.01)
        second = pair.ask(1)
        await asyncio.sleep(1.0)
        assert pair.models[1].asked == []
        pair.models[0].fails = True
        pair.models[0].may_answer.set()
        pair.models[1].may_answer.set()
        with pytest.raises(Rejected):
            await first
        assert (await second).text == "reply 1"

    with closing(Pair(path)) as pair:
        asyncio.run(play(pair))
        assert [model.asked for model in pair.models] == [["q/1"], ["q/1"]]


def test_a_case_that_is_stopped_while_it_waits_leaves_no_lease(path: Path) -> None:
    async def play(pair: Pair) -> None:
        await begin(pair)
        held = pair.ask(0, "q/1")
        await asyncio.sleep(0.05)
        waiting = pair.ask(1, "q/1")
        await asyncio.sleep(0.5)
        waiting.cancel()
        await asyncio.sleep(0.5)
        held.cancel()
        await asyncio.sleep(0.6)
        pair.models[1].may_answer.set()
        await asyncio.wait_for(pair.ask(1, "q/1"), 5)

    with closing(Pair(path)) as pair:
        asyncio.run(play(pair))


async def begin(pair: Pair) -> None:
    """Let both runs see each other."""
    for model in pair.models:
        model.may_answer.set()
    await asyncio.gather(pair.ask(0, "begin/0"), pair.ask(1, "begin/1"))
    await asyncio.sleep(0.6)
    for model in pair.models:
        model.may_answer.clear()
        model.asked.clear()
    assert all(store.leases.shared for store in pair.stores)


def test_a_run_that_is_left_alone_takes_no_leases_any_more(path: Path) -> None:
    async def play(pair: Pair) -> None:
        await begin(pair)
        pair.stores[0].close()
        pair.models[1].may_answer.set()
        await pair.ask(1, "q/2")
        await asyncio.sleep(0.6)
        assert not pair.stores[1].leases.shared
        database = pair.stores[1]._database
        assert database.execute("SELECT count(*) FROM leases").fetchone() == (0,)
        assert database.execute("SELECT run FROM askers").fetchall() == [("two",)]

    with closing(Pair(path)) as pair:
        asyncio.run(play(pair))
    with closing(Store.open(path)) as store:
        assert store._database.execute("SELECT count(*) FROM askers").fetchone() == (0,)


def test_two_runs_that_refresh_ask_once_and_take_only_what_is_new_to_both(path: Path) -> None:
    now = time.time()

    async def play(pair: Pair) -> None:
        await begin(pair)
        tasks = [pair.ask(0), pair.ask(1)]
        await asyncio.sleep(0.5)
        for model in pair.models:
            model.may_answer.set()
        one, two = await asyncio.wait_for(asyncio.gather(*tasks), 5)
        assert one == two

    with closing(Store.open(path)) as store:
        old = Stored(Counting(), store, label="m", identity={})
        old._model.may_answer.set()  # type: ignore[attr-defined]
        asyncio.run(old.generate(request()))
    time.sleep(0.01)
    with closing(Pair(path, now, time.time())) as pair:
        # For the one whose run began before the old reply, that is new enough.
        asyncio.run(play_old(pair))
    with closing(Pair(path, time.time(), time.time())) as pair:
        asyncio.run(play(pair))
        assert sum(len(model.asked) for model in pair.models) == 1


async def play_old(pair: Pair) -> None:
    for model in pair.models:
        model.may_answer.set()
    await asyncio.gather(pair.ask(0), pair.ask(1))
    assert [len(model.asked) for model in pair.models] == [0, 1]


def test_processes_of_one_run_take_no_leases(path: Path) -> None:
    async def play(layers: list[Stored]) -> None:
        for layer in layers:
            layer._model.may_answer.set()  # type: ignore[attr-defined]
            await layer.generate(request(f"q/{id(layer)}"))
        await asyncio.sleep(0.6)
        assert not any(layer._store.leases.shared for layer in layers)

    with closing(Store.open(path, run="one")) as a, closing(Store.open(path, run="one")) as b:
        asyncio.run(play([Stored(Counting(), store, label="m", identity={}) for store in (a, b)]))


def test_alone_there_is_no_transaction_but_those_that_write_replies(path: Path) -> None:
    async def play(layer: Stored) -> None:
        for number in range(50):
            await layer.generate(request(f"q/{number}"))

    with closing(Store.open(path, run="one")) as store:
        model = Counting()
        model.may_answer.set()
        begun: list[float] = []
        begin, database = store._database.transaction, store._database

        def counted() -> Any:
            begun.append(time.monotonic())
            return begin()

        database.transaction = counted  # type: ignore[method-assign]
        asyncio.run(play(Stored(model, store, label="m", identity={})))
    assert len(begun) <= 50 + 2  # as an asker it comes and goes


def test_the_second_run_is_told_of_the_first(path: Path) -> None:
    with closing(Pair(path)) as pair:
        assert [store.company for store in pair.stores] == ["", ""]
        asyncio.run(begin(pair))
        with closing(Store.open(path, run="three")) as third:
            assert third.company == (
                f"another run (process {os.getpid()}, {os.getpid()}) uses the store {path} now: "
                "each question is asked by one of the two, and the other waits for its reply"
            )
    with closing(Store.open(path, run="three")) as alone:
        assert alone.company == ""


def test_a_silent_asker_of_another_computer_is_waited_for_only_so_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "LATE_S", 0.5)
    with closing(Store.open(path, run="one")) as store:
        for statement in (
            "INSERT INTO askers VALUES (7, 'elsewhere', 'another computer', 1, 5, 99)",
            "INSERT INTO leases SELECT key, 7 FROM leases",
        ):
            store._database.execute(statement)
        model = Counting()
        model.may_answer.set()
        layer = Stored(model, store, label="m", identity={})
        for key in (layer._key(request(), layer_journal()),):
            store._database.execute("INSERT INTO leases VALUES (?, 7)", (key,))

        async def play() -> float:
            begun = time.monotonic()
            await asyncio.wait_for(layer.generate(request()), 10)
            return time.monotonic() - begun

        assert asyncio.run(play()) >= 0.5
        assert model.asked == ["q/1"]


def layer_journal() -> Any:
    from mmlubench.engine.journal import Journal

    return Journal()


def test_a_damaged_reply_is_asked_for_although_another_run_is_there(path: Path) -> None:
    async def play(pair: Pair) -> None:
        await begin(pair)
        key = pair.layers[1]._key(request(), layer_journal())
        pair.stores[0]._database.execute("INSERT INTO replies VALUES (?, 'm', 1e12, '{}', 0)", (key,))
        pair.models[1].may_answer.set()
        assert (await asyncio.wait_for(pair.ask(1), 5)).text == "reply 1"

    with closing(Pair(path)) as pair:
        asyncio.run(play(pair))


def test_processes_of_one_run_that_were_idle_for_long_are_not_late_when_another_run_comes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "LATE_S", 0.2)
    one, sibling, past, newcomer = (Store.open(path, run=run) for run in ("one", "one", "past", "newcomer"))
    for store in (one, sibling, past, one, sibling, past):
        store.leases._look()
    assert one.leases.shared
    past.close()
    for store in (sibling, one):
        store.leases._look()
        assert not store.leases.shared
    time.sleep(0.3)  # a slow model: nothing is written, and nobody counts
    newcomer.leases._look()
    one.leases._look()
    assert one._database.execute("SELECT run FROM askers").fetchall() == [("one",), ("one",), ("newcomer",)]
    for store in (one, sibling, newcomer):
        store.close()

"""The limits that a shard is allotted while it runs: what it writes, what it obeys, and when it stops waiting."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.limits.allotment import Allotment, Rates, RunLimits, Usage
from mmlubench.engine.limits.budget import Budget, Budgeted
from mmlubench.engine.limits.limiter import Limiter
from mmlubench.errors import BudgetSpent
from mmlubench.models.spec import ModelSpec, RateLimits
from mmlubench.run.allotted import PATIENCE_S, Allotted, run_limits
from mmlubench.run.limits import VARIABLE, allotted_to
from mmlubench.run.share import Share
from mmlubench.schema import Completion, Message, Request
from mmlubench.schema import Usage as Tokens
from tests.scripted_model import Scripted


class Shard:
    """A process's limits, with a clock that the test turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1000.0
        self.limiter = Limiter(4, rpm=60, clock=lambda: self.now)
        self.budget = Budget(10.0, workers=2, allows=True)
        self.concurrency: list[int] = []
        self.allotted = Allotted(folder, clock=lambda: self.now)
        self.allotted.on_concurrency = self.concurrency.append
        self.allotted.progress = lambda: (3, 7)
        self.allotted.watch("own", self.limiter, 16)
        self.allotted.watch_budget(self.budget)
        self.allotted.begin()

    def allot(self, number: int, dollars: float = 5.0, **more: Any) -> None:
        rates = {name: more.pop(name) for name in ("rpm", "tpm", "concurrency") if name in more}
        allotment = Allotment(number, dollars, {"own": Rates(**rates)}, **more)
        (self.folder / "allotment.json").write_text(json.dumps(allotment.to_dict()))

    def tick(self, seconds: float = 1.0) -> Usage:
        self.now += seconds
        self.allotted.tick()
        return Usage.from_dict(json.loads((self.folder / "usage.json").read_text()))


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    return Shard(tmp_path)


def test_it_tells_what_it_uses_and_obeys_what_is_new(shard: Shard) -> None:
    usage = shard.tick()
    assert (usage.done, usage.total, usage.obeys, usage.spent) == (3, 7, 0, 0.0)
    shard.allot(4, 2.5, rpm=120, concurrency=9)
    shard.budget.add(0.5)
    assert shard.budget.take(1.0) == 1.0
    usage = shard.tick()
    assert (usage.obeys, usage.spent, usage.reserved) == (4, 0.5, 1.0)
    assert (shard.limiter.limits.most_rate, shard.limiter.limits.places) == (2.0, 9)
    assert shard.budget.take(1.1) is None
    assert shard.tick().wanted == pytest.approx(1.1)
    assert shard.concurrency == [9]
    assert shard.tick().beat + 1 == shard.tick().beat  # a shard that only waits tells something new as well
    assert sorted(path.name for path in shard.folder.iterdir()) == ["allotment.json", "usage.json"]


def test_an_allotment_that_is_there_before_is_obeyed_before_anything_is_sent(tmp_path: Path) -> None:
    first = Shard(tmp_path)
    first.allot(2, 1.0, rpm=30, concurrency=99)
    shard = Shard(tmp_path)
    assert shard.allotted.usage().obeys == 2
    assert shard.limiter.limits.most_rate == 0.5
    assert shard.limiter.limits.places == 16  # there are no connections for more
    assert shard.concurrency == [16]
    with pytest.raises(BudgetSpent, match="for each of 2"):
        Budget(1.0, workers=2).take(0.6)
    assert shard.budget.take(1.0) == 1.0
    assert shard.budget.take(1.0) is None


@pytest.mark.parametrize(
    "broken",
    ["", "{", "[]", "null", '{"version": 2}', '{"version": 1, "number": -1, "models": {}}', "\ud800"],
)
def test_a_broken_file_changes_nothing(shard: Shard, broken: str) -> None:
    shard.allot(4, 2.5, rpm=120)
    shard.tick()
    (shard.folder / "allotment.json").write_bytes(broken.encode("utf-8", "surrogatepass"))
    assert shard.tick().obeys == 4
    (shard.folder / "allotment.json").unlink()
    assert shard.tick().obeys == 4
    assert shard.limiter.limits.most_rate == 2.0
    shard.allot(5, 2.5, rpm=180)
    assert shard.tick().obeys == 5


def test_a_folder_that_is_gone_stops_nothing(shard: Shard) -> None:
    shard.tick()
    for path in shard.folder.iterdir():
        path.unlink()
    shard.folder.rmdir()
    shard.now += 1
    shard.allotted.tick()
    assert shard.limiter.limits.most_rate == 1.0


def test_it_waits_for_money_as_long_as_something_new_comes_and_not_much_longer(shard: Shard) -> None:
    shard.budget.add(5.0)
    assert shard.budget.take(1.0) is None
    for number in range(1, 101):
        shard.allot(number)
        shard.tick()
        assert shard.budget.take(1.0) is None
    for _ in range(int(PATIENCE_S) - 1):
        shard.tick()
        assert shard.budget.take(1.0) is None
    shard.tick()
    shard.tick()
    with pytest.raises(BudgetSpent, match="of it for this shard"):
        shard.budget.take(1.0)


def test_it_tells_what_it_wants_also_at_the_moment_in_which_an_allotment_comes(tmp_path: Path) -> None:
    shard = Shard(tmp_path)
    spec = ModelSpec(label="own", client="openai", model_id="m", tells_cost=True)
    priced = Completion("B", "stop", Tokens(1, 1, cost_usd=2.0))
    model = Budgeted(Scripted(priced), shard.budget, spec)

    async def ask(number: int) -> Completion:
        return await model.generate(Request(f"q{number}", (Message("user", "Which?"),)))

    async def main() -> list[float]:
        await ask(0)
        await ask(1)
        waiting = asyncio.ensure_future(ask(2))
        told = []
        for number in range(3):
            await asyncio.sleep(0)
            shard.allot(number + 1, 5.0)
            told.append(shard.tick().wanted)
        shard.allot(9, 6.0)
        shard.tick()
        await waiting
        told.append(shard.tick().wanted)
        return told

    assert asyncio.run(main()) == [2.0, 2.0, 2.0, 0.0]


def test_a_budget_that_is_spent_by_all_is_not_waited_for(shard: Shard) -> None:
    shard.budget.add(5.0)
    assert shard.budget.take(1.0) is None
    shard.allot(9, final=True)
    shard.tick()
    with pytest.raises(BudgetSpent, match="--max-cost 10 of all shards"):
        shard.budget.take(1.0)


def test_speeds_are_those_of_the_last_seconds(shard: Shard) -> None:
    shard.allot(1, rpm=None)
    for _ in range(40):
        shard.limiter._sent += 2
        rpm = shard.tick().models["own"].rpm
    assert rpm == pytest.approx(120)
    for _ in range(15):
        rpm = shard.tick().models["own"].rpm
    assert rpm == 0.0


def test_the_limits_of_the_run_are_those_of_its_models() -> None:
    spec = ModelSpec(label="own", client="openai", model_id="m", rate_limits=RateLimits(rpm=600, tpm=90_000))
    assert run_limits(5.0, {"own": spec}, 64) == RunLimits(5.0, {"own": Rates(600, 90_000, 64)})
    assert run_limits(None, {"own": spec}).models["own"].concurrency is None


def test_only_a_process_of_its_own_with_a_folder_is_allotted_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert allotted_to(Share()) is None
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert allotted_to(Share()) is not None
    assert allotted_to(Share(number=0, total=2)) is None  # a worker of -n: the folder is that of one process


def test_without_the_variable_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, mmlubench.plugin.process, mmlubench.run.run\n"
        "names = ('run.allotted', 'engine.limits.allotment', 'engine.limits.keeper', 'engine.limits.pool')\n"
        "print([name for name in names if f'mmlubench.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

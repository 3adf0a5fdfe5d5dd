"""Shards whose limits change while they run: two pytest processes, and a small loop that carries what they tell."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.limits.allotment import Rates, RunLimits
from mmlubench.engine.limits.keeper import Keeper
from mmlubench.run.sharding import shard_of
from tests.conftest import Ran, Running
from tests.fake_server import FakeServer, Received, Reply

#: Runs pytest in processes of its own, which report once a second.
pytestmark = pytest.mark.long

ROWS = """
import pytest
from mmlubench import Question

ROWS = [Question(name, "capitals", "x", "y", f"Which is {{name}}?", ("a", "b"), "B") for name in {names}]

@pytest.mark.questions("capitals", rows=ROWS)
async def test_capitals(question, solver):
    assert (await solver(question)).letter == question.answer
"""
#: Dollars of each reply of the fake server, which says 104 tokens.
COST = 0.0104


class Cluster:
    """Two shards and their keeper, as whoever starts shards on several machines has them."""

    def __init__(self, folder: Path, limits: RunLimits, *options: str) -> None:
        self.keeper = Keeper(limits, shards=2)
        self.homes = [folder / f"allotment-{number}" for number in range(2)]
        self.seen = [b"", b""]
        self.usages: list[list[dict[str, Any]]] = [[], []]
        self.allotments: list[list[dict[str, Any]]] = [[], []]
        self.shards = []
        for number, home in enumerate(self.homes):
            home.mkdir()
            where = ("--num-shards", "2", "--shard-id", str(number), "--run-dir", f"reports-{number}")
            self.shards.append(Running(folder, *options, *where, env={"MMLUBENCH_ALLOTMENT": str(home)}))

    def run(self, look: Callable[[], object] = lambda: None, timeout_s: float = 90) -> list[Ran]:
        """Carry usage and allotments until both have ended, and `look` in between."""
        end, going = time.monotonic() + timeout_s, {0, 1}
        while going:
            assert time.monotonic() < end
            time.sleep(0.1)
            look()
            for number in sorted(going):
                is_over = self.shards[number].process.poll() is not None
                self._carry(number)
                if is_over:
                    self.keeper.ended(number)
                    going.remove(number)
        return [shard.wait(10) for shard in self.shards]

    def _carry(self, number: int) -> None:
        usage = self.homes[number] / "usage.json"
        if not usage.exists() or (content := usage.read_bytes()) == self.seen[number]:
            return
        self.seen[number] = content
        self.usages[number].append(json.loads(content))
        allotment = self.keeper.report(number, json.loads(content))
        if allotment not in self.allotments[number][-1:]:
            self.allotments[number].append(allotment)
            new = self.homes[number] / "new"
            new.write_text(json.dumps(allotment))
            new.replace(self.homes[number] / "allotment.json")

    def obeyed(self, number: int) -> list[dict[str, Any]]:
        """The allotments that a shard has said it obeys, in order."""
        numbers = {usage["obeys"] for usage in self.usages[number]}
        return [one for one in self.allotments[number] if one["number"] in numbers]

    def most(self, number: int, name: str) -> float:
        """The largest part of a limit that a shard obeyed."""
        return float(max((one["models"]["own"][name] for one in self.obeyed(number)), default=0.0))


class Server(FakeServer):
    """A fake server that can hold one reply back."""

    holds: bytes | None = None
    """What is in the request whose reply is held back."""

    def let_go(self) -> None:
        self.holds = None

    async def _give(self, reply: Reply, request: Received, writer: asyncio.StreamWriter) -> bool:
        while self.holds is not None and self.holds in request.content:
            await asyncio.sleep(0.05)
        return await super()._give(reply, request, writer)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(latency_s=0.02) as server:
        yield server


@pytest.fixture
def start(
    make_folder: Callable[..., Path], server: Server
) -> Iterator[Callable[[int, int, RunLimits, str], Cluster]]:
    """Start two shards with so many questions each."""
    clusters: list[Cluster] = []

    def make(first: int, second: int, limits: RunLimits, *options: str) -> Cluster:
        wanted, names = [first, second], []
        for n in range(1000):
            name = f"capitals/x/{n:04d}"
            if wanted[shard_of(name, 2)]:
                wanted[shard_of(name, 2)] -= 1
                names.append(name)
        folder = make_folder(test_capitals=ROWS.format(names=names))
        rates = limits.models["own"]
        entry: dict[str, Any] = {
            "model_name": "vllm/fake",
            "base_url": server.url,
            "price": {"input_per_mtok": 100.0, "output_per_mtok": 100.0},
            "rate_limits": {"rpm": rates.rpm, "tpm": rates.tpm},
        }
        (folder / "models.yaml").write_text(json.dumps({"models": {"own": entry}}))
        clusters.append(Cluster(folder, limits, "test_capitals.py", "--model", "own", *options))
        return clusters[-1]

    yield make
    for cluster in clusters:
        for shard in cluster.shards:
            shard.kill()
            if shard.process.stdout:
                shard.process.stdout.close()


def outcomes(folder: Path, number: int) -> list[str]:
    (path,) = (folder / f"reports-{number}").rglob("results.jsonl")
    return [json.loads(line)["outcome"] for line in path.read_text().splitlines()]


def test_a_shard_gets_the_rate_and_the_places_that_another_does_not_need(
    start: Callable[..., Cluster], server: Server
) -> None:
    limits = RunLimits(None, {"own": Rates(rpm=900, concurrency=8)})
    cluster = start(3, 120, limits, "--concurrency", "4")
    # One reply to the first shard comes only once the second has got what the first leaves idle.
    first = next(n for n in range(100) if shard_of(f"capitals/x/{n:04d}", 2) == 0)
    server.holds = f"capitals/x/{first:04d}".encode()
    for ran in cluster.run(lambda: server.let_go() if cluster.most(1, "rpm") >= 877 else None):
        assert ran.status == 0, ran.output
    assert max(server.bodies.values()) == 1
    assert len(server.requests) == 123
    # It only waits for its last reply, and places are not what the other one lacks.
    obeyed = [one["models"]["own"] for one in cluster.obeyed(0)]
    assert {"rpm": 22.5, "tpm": None, "concurrency": 4} in obeyed
    assert cluster.most(1, "rpm") >= 877  # and 900 once the other one has ended
    assert cluster.usages[0][-1]["done"] == cluster.usages[0][-1]["total"] == 3
    assert cluster.usages[1][-1]["done"] == 120
    assert any(usage["models"]["own"]["short_of"] == "rpm" for usage in cluster.usages[1][1:])


def test_a_shard_asks_as_many_at_once_as_it_is_allotted_and_all_together_no_more_than_there_may_be(
    start: Callable[..., Cluster], server: Server
) -> None:
    server.play(latency_s=0.4)
    limits = RunLimits(None, {"own": Rates(concurrency=8)})
    cluster = start(12, 90, limits, "--concurrency", "4")
    for ran in cluster.run():
        assert ran.status == 0, ran.output
    assert len(server.requests) == 102
    times = [request.at for request in server.requests]
    at_once = [sum(at <= other < at + 0.3 for other in times) for at in times]
    assert max(at_once) <= 8
    assert cluster.most(1, "concurrency") == 8
    last = times[-20:]  # by now it has all of them to itself
    assert max(sum(at <= other < at + 0.3 for other in last) for at in last) > 4


def test_a_budget_is_used_up_by_the_shard_that_needs_it_and_never_exceeded(
    start: Callable[..., Cluster], server: Server
) -> None:
    limits = RunLimits(40.5 * COST, {"own": Rates(rpm=3000)})
    cluster = start(5, 60, limits, "--concurrency", "4", "--max-cost", str(limits.max_cost))
    first, second = cluster.run()
    assert (first.status, len(server.requests)) == (0, 40), second.output
    assert cluster.keeper.spent == pytest.approx(40 * COST)
    assert outcomes(second.folder, 0).count("correct") == 5
    assert outcomes(second.folder, 1).count("correct") == 35
    assert outcomes(second.folder, 1).count("skipped") == 25
    assert cluster.allotments[1][-1]["final"]
    assert "--max-cost 0.4212 of all shards: $0.3640 is spent" in " ".join(second.output.split())


def test_without_a_keeper_the_files_change_nothing(start: Callable[..., Cluster], server: Server) -> None:
    limits = RunLimits(None, {"own": Rates(rpm=3000)})
    cluster = start(8, 8, limits)
    (cluster.homes[0] / "allotment.json").write_text('{"version": 1, "number": 7')  # half of one
    (cluster.homes[1] / "allotment.json").write_text('{"version": 99}')
    for number, shard in enumerate(cluster.shards):
        ran = shard.wait(60)
        assert ran.status == 0, ran.output
        assert "Traceback" not in ran.output
        usage = json.loads((cluster.homes[number] / "usage.json").read_text())
        assert (usage["obeys"], usage["done"], usage["total"]) == (0, 8, 8)
        assert len(list(cluster.homes[number].iterdir())) == 2
    assert len(server.requests) == 16

"""Runs by batch, each in a folder and a process of its own, against a fake provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.batch import dispatch as module
from mmlubench.batch.dispatch import Dispatch
from mmlubench.batch.folder import Folder
from mmlubench.batch.lane import Lane
from mmlubench.batch.purse import Purse
from mmlubench.batch.requests import Asked
from mmlubench.batch.services.base import Bounds, Service
from mmlubench.batch.services.inline import AnthropicBatches
from mmlubench.engine.store.sqlite import Store
from mmlubench.models.names.from_entry import from_name
from mmlubench.schema import Message, Params, Request
from tests.batch.fake_batches import FakeBatches

#: Looks at batches without the pauses that a provider is worth, in batches of seven.
HASTY = """
import mmlubench.batch.dispatch as dispatch
from mmlubench.batch.services.base import Bounds, Service
from mmlubench.batch.services.inline import AnthropicBatches
dispatch._FIRST_WAIT_S = dispatch._LONGEST_WAIT_S = 0.02
dispatch._LISTED_S = 0.2
dispatch._ROWS_S = dispatch._UNKNOWN_S = 1.0
Service.bounds = AnthropicBatches.bounds = Bounds(count={most})
"""
MODELS = """
models:
  oai:
    model_name: openai/gpt-4o
    base_url: "{url}/v1"
    api_key_env: FAKE_KEY
    price: {{input_per_mtok: 2, output_per_mtok: 8}}
  claude: {{model_name: anthropic/claude-haiku-5-5, base_url: "{url}", api_key_env: FAKE_KEY}}
"""
BENCHMARK = """
import pytest

@pytest.mark.questions("mmlu")
async def test_mmlu(question, solver):
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation
"""


@dataclass
class Place:
    """A folder to run in."""

    pytester: pytest.Pytester
    fake: FakeBatches

    def run(
        self, *arguments: str, model: str = "oai", store: str = "reports", limit: int = 20
    ) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess(
            *self.arguments(*arguments, model=model, store=store, limit=limit)
        )

    def arguments(
        self, *arguments: str, model: str = "oai", store: str = "reports", limit: int = 20
    ) -> list[str]:
        usual = ("--data", "sample", f"--limit={limit}", f"--run-dir={store}", "-p", "no:cacheprovider")
        return ["test_it.py", "--model", model, *usual, *arguments]

    def results(self, store: str = "reports") -> list[dict[str, Any]]:
        """Return the lines of the latest run's results."""
        return self.lines("results.jsonl", store)

    def lines(self, name: str, store: str = "reports") -> list[dict[str, Any]]:
        file = sorted((self.pytester.path / store).glob(f"2*/{name}"))[-1]
        return [orjson.loads(line) for line in file.read_bytes().splitlines()]

    def summary(self, store: str = "reports") -> dict[str, Any]:
        file = sorted((self.pytester.path / store).glob("2*/summary.json"))[-1]
        found: dict[str, Any] = orjson.loads(file.read_bytes())
        return found

    @property
    def batches(self) -> Path:
        return self.pytester.path / "reports" / "batches"


@pytest.fixture
def fake() -> Iterator[FakeBatches]:
    with FakeBatches() as server:
        yield server


@pytest.fixture
def place(pytester: pytest.Pytester, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("FAKE_KEY", "sk-very-secret-0123456789")
    pytester.makepyfile(test_it=BENCHMARK)
    pytester.makeconftest(HASTY.format(most=7))
    (pytester.path / "models.yaml").write_text(MODELS.format(url=fake.url))
    return Place(pytester, fake)


@pytest.fixture
def alike() -> Callable[[list[dict[str, Any]], list[dict[str, Any]]], None]:
    """Asserts that the results of a run by batches are those of an interactive one, but for its times."""

    def check(by_batch: list[dict[str, Any]], plain: list[dict[str, Any]]) -> None:
        for line in (*by_batch, *plain):
            line.pop("latency_s")
        assert by_batch == plain

    return check


CLIENTS = {"openai": "/v1", "anthropic": ""}


@dataclass
class Way:
    """One folder of requests, and what is needed to dispatch it."""

    lane: Lane
    folder: Folder
    store: Store
    purse: Purse

    def go(self, seconds: float = 20.0, *, known: frozenset[str] = frozenset()) -> Dispatch:
        """Dispatch it as a new process would, from what is on disk."""
        self.folder = Folder.open_all(self.folder.path.parent)[0]
        made = Dispatch(
            self.folder, self.lane, self.store, self.purse, known=lambda: set(known), listed_s=0.1
        )

        async def run() -> None:
            try:
                await made.run(time.monotonic() + seconds)
            finally:
                await self.lane.aclose()

        asyncio.run(run())
        return made

    @property
    def stored(self) -> int:
        """The requests whose replies are in the store."""
        return sum(self.store.get(bytes.fromhex(one.key)) is not None for one in self.folder.asked)

    @property
    def kinds(self) -> list[str]:
        return [row["kind"] for row in self.folder.failures()]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.02)
    monkeypatch.setattr(module, "_ROWS_S", 0.1)
    monkeypatch.setattr(module, "_UNKNOWN_S", 0.1)
    monkeypatch.setattr(Service, "bounds", Bounds(count=4))
    monkeypatch.setattr(AnthropicBatches, "bounds", Bounds(count=4))


@pytest.fixture(params=CLIENTS)
def way(request: pytest.FixtureRequest, fake: FakeBatches, tmp_path: Path) -> Iterator[Way]:
    """Ten requests, in batches of at most four."""
    made = way_to(f"{request.param}/m@{fake.url}{CLIENTS[request.param]}", tmp_path)
    yield made
    made.store.close()


def way_to(name: str, path: Path) -> Way:
    """Ten requests to a model, nothing of which was sent."""
    spec = from_name(name)
    assert spec is not None
    lane = Lane.open(spec, {})
    asked = [asked_of(lane, number) for number in range(10)]
    (path / "batches").mkdir()
    folder = Folder.create(path / "batches", asked, {"label": spec.label, "created": "1"})
    return Way(lane, folder, Store.open(path / "store.sqlite"), Purse(None))


def asked_of(lane: Lane, number: int) -> Asked:
    request = Request(f"mmlu/x/{number:04}", (Message("user", f"Question {number}?"),), Params(max_tokens=50))
    path, body, sent = lane.model.prepared(request)
    return Asked(
        sha256(b"%d" % number).hexdigest(), lane.spec.label, path, body, sent, request.id, request.chars, 50
    )

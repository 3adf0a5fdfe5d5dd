"""Runs by batch, each in a folder and a process of its own, against a fake provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.batch.fake_batches import FakeBatches

#: Looks at batches without the pauses that a provider is worth, in batches of seven.
HASTY = """
import mmlubench.batch.dispatch as dispatch
from mmlubench.batch.services.base import Bounds, Service
from mmlubench.batch.services.inline import AnthropicBatches
dispatch._FIRST_WAIT_S = dispatch._LONGEST_WAIT_S = 0.02
dispatch._LISTED_S = 0.2
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

"""`mmlubench batch`: submit, status, collect, and the files of servers without a batch API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from mmlubench.batch.dispatch import State
from mmlubench.batch.progress import text_of
from tests.batch.conftest import Place
from tests.batch.fake_batches import body


def command(place: Place, *words: str) -> tuple[int, str]:
    whole = [sys.executable, "-m", "mmlubench", "batch", *words]
    done = subprocess.run(
        whole, cwd=place.pytester.path, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_submit_collect_and_the_plain_run(
    place: Place, alike: Callable[[list[dict[str, Any]], list[dict[str, Any]]], None]
) -> None:
    place.fake.looks_until_end = 0
    status, said = command(place, "submit", "--", "pytest", *place.arguments(limit=6))
    assert status == 0, said
    status, said = command(place, "submit", "--", "pytest", *place.arguments(limit=6))
    assert set(place.fake.paid.values()) == {1}
    assert "6 requests" in command(place, "status")[1]
    status, said = command(place, "collect", "--wait")
    assert status == 0, said
    place.run(limit=6)
    assert place.fake.interactive == []
    place.run(limit=6, store="plain")
    alike(place.results(), place.results("plain"))


def test_a_file_for_a_server_without_a_batch_api_and_its_results(place: Place) -> None:
    model = f"vllm/m@{place.fake.url}/v1"
    arguments = place.arguments(model=model, limit=4)
    status, said = command(place, "submit", "--batch-file", "out.jsonl", "--", "pytest", *arguments)
    assert status == 0, said
    lines = [json.loads(line) for line in (place.pytester.path / "out.jsonl").read_text().splitlines()]
    assert {line["url"] for line in lines} == {"/v1/chat/completions"}
    with (place.pytester.path / "results.jsonl").open("w") as results:
        for line in lines:
            _, told = place.fake.answer(body(line), anthropic=False)
            row = {
                "custom_id": line["custom_id"],
                "response": {"status_code": 200, "body": told},
                "error": None,
            }
            results.write(json.dumps(row) + "\n")
    status, said = command(place, "collect", "--from", "results.jsonl")
    assert status == 0, said
    place.run(model=model, limit=4)
    assert place.fake.interactive == []
    assert {line["outcome"] for line in place.results()} <= {"correct", "wrong"}


def test_the_estimate_is_at_batch_rates(place: Place) -> None:
    place.pytester.path.joinpath("models.yaml").write_text(
        "models: {real: {model_name: openai/gpt-4o, api_key_env: FAKE_KEY}}"
    )
    told = place.run("--batch", "--estimate", model="real")
    told.stdout.fnmatch_lines(["*list price of*x 0.5 in a batch*"])


def test_the_progress_fits_into_80_columns() -> None:
    assert (
        len(text_of(State(100, 1_000_000, 10_000, 1_000_000, "it may be a batch of ours " * 3), 100_000)) < 80
    )

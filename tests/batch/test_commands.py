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


def test_a_file_is_written_where_no_server_runs(place: Place) -> None:
    arguments = place.arguments(model="vllm/m@http://127.0.0.1:9/v1", limit=4)
    status, said = command(place, "submit", "--batch-file", "out.jsonl", "--", "pytest", *arguments)
    assert status == 0, said
    assert "4 requests in " in said
    assert len((place.pytester.path / "out.jsonl").read_text().splitlines()) == 4
    command(
        place, "submit", "--batch-file", "out.jsonl", "--", "pytest", *arguments
    )  # once more, before the results
    assert len((place.pytester.path / "out.jsonl").read_text().splitlines()) == 4
    status, said = command(place, "collect", "--from", "models.yaml")
    assert (status, "none of its rows is the result" in said) == (1, True)


def test_max_cost_holds_over_submit_and_collect(place: Place) -> None:
    # A reply costs 0.00028 dollars; until one is there, each request holds the most that it may cost.
    place.fake.looks_until_end = 0
    limited = place.arguments("--max-cost=0.0021", "--max-tokens=40")
    status, said = command(place, "submit", "--", "pytest", *limited)
    assert status == 0, said
    assert 0 < sum(place.fake.paid.values()) < 7
    status, said = command(place, "collect", "--wait")
    assert status == 0, said
    assert "--max-cost 0.0021" in said
    assert 0.0021 - 0.00028 < sum(place.fake.paid.values()) * 0.00028 <= 0.0021


def test_batches_that_are_gone_are_given_up_and_asked_again(place: Place) -> None:
    place.fake.looks_until_end = 10**9
    command(place, "submit", "--", "pytest", *place.arguments(limit=6))
    name = command(place, "status")[1].split()[0]
    place.fake.batches.clear()
    place.fake.looks_until_end = 0
    status, said = command(place, "forget", name)
    assert (status, said) == (0, "6 requests that had been sent will be asked again\n")
    assert command(place, "forget", "other")[0] == 1
    place.run("--batch", limit=6)
    assert len(place.results()) == 6
    assert set(place.fake.paid.values()) == {1}


def test_the_price_of_models_yaml_says_that_it_is_not_halved(place: Place) -> None:
    told = place.run("--batch", "--estimate")
    told.stdout.fnmatch_lines(["*price of models.yaml, counted in full, as no rate of its batches is known*"])
    told.stdout.fnmatch_lines(["*time: mostly minutes, at most 24 hours*"])


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

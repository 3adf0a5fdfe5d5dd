"""`--batch`: a run that batches answer equals the interactive run, and pays for nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.batch.conftest import Place

Alike = Callable[[list[dict[str, Any]], list[dict[str, Any]]], None]


def canonical(bodies: list[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(body, sort_keys=True) for body in bodies)


@pytest.mark.parametrize("model", ["oai", "claude"])
def test_a_run_by_batches_asks_and_answers_what_the_interactive_run_does(
    place: Place, alike: Alike, model: str
) -> None:
    done = place.run("--batch", model=model)
    assert done.ret in (0, 1), done.outlines
    assert place.fake.interactive == []
    place.run(model=model, store="plain")
    alike(place.results(), place.results("plain"))
    assert place.fake.paid == canonical(place.fake.interactive)
    assert place.fake.auth <= {"Bearer sk-very-secret-0123456789", "sk-very-secret-0123456789"}
    assert len(place.fake.batches) == 3  # of at most seven
    assert place.summary()["results"][0]["batched"] == 20


OWN_MODEL = """
import pytest

@pytest.fixture
def model():
    return object()

@pytest.mark.questions("mmlu")
async def test_mmlu(question, model):
    assert model is not None
"""
SOLVERS = {
    "epochs": ("--epochs=3", "--temperature=1"),
    "agents": ("--solver=self_consistency", "--agents=3"),
    "debate": ("--solver=debate", "--agents=2", "--rounds=3"),
}


@pytest.mark.parametrize("options", SOLVERS.values(), ids=SOLVERS)
def test_requests_that_depend_on_replies_go_in_rounds(
    place: Place, alike: Alike, options: tuple[str, ...]
) -> None:
    place.run("--batch", *options, limit=4)
    assert place.fake.interactive == []
    place.run(*options, limit=4, store="plain")
    alike(place.results(), place.results("plain"))
    assert place.fake.paid == canonical(place.fake.interactive)


def test_replies_that_were_cut_off_are_asked_again_in_a_small_second_batch(
    place: Place, alike: Alike
) -> None:
    place.fake.cut_at = 5000
    place.run("--batch", "--recipe=cot", limit=4)
    assert place.fake.interactive == []
    place.run("--recipe=cot", limit=4, store="plain")
    assert place.results()[0]["second_tries"] == 1
    alike(place.results(), place.results("plain"))


def test_a_parameter_that_rows_are_refused_for_is_left_out_as_it_is_interactively(
    place: Place, alike: Alike
) -> None:
    place.fake.refuses = "temperature"
    place.run("--batch", limit=4)
    assert place.fake.interactive == []
    place.run(limit=4, store="plain")
    alike(place.results(), place.results("plain"))
    assert {line["outcome"] for line in place.results()} <= {"correct", "wrong"}


def test_no_file_holds_the_key(place: Place) -> None:
    place.run("--batch", limit=4)
    for file in place.pytester.path.rglob("*"):
        assert not file.is_file() or b"very-secret" not in file.read_bytes(), file


def test_workers_read_what_batches_brought(place: Place) -> None:
    place.run("--batch", "-n2", limit=6)
    assert place.fake.interactive == []
    assert {line["outcome"] for line in place.results()} <= {"correct", "wrong"}


def test_rows_that_fail_for_good_are_errors_and_never_wrong_answers(place: Place) -> None:
    place.fake.spoil = lambda number, row: (
        {**row, "response": {"status_code": 400, "body": {"error": {"message": "no such thing"}}}}
        if number == 0
        else row
    )
    place.run("--batch", "--max-error-rate=1", limit=6)
    lines = place.results()
    (error,) = [line for line in lines if line["outcome"] == "error"]
    assert "no such thing" in error["error"]
    assert len(place.fake.batches) == 1


def test_rows_that_fail_are_asked_one_by_one_if_the_user_says_so(place: Place) -> None:
    place.fake.spoil = lambda number, row: None if number == 0 else row
    place.run("--batch", "--batch-rest=ask", limit=6)
    assert len(place.fake.interactive) == 1
    assert {line["outcome"] for line in place.results()} <= {"correct", "wrong"}


def test_a_mock_needs_no_batch_and_a_vendor_without_one_is_refused(place: Place) -> None:
    place.run("--batch", model="mock")
    assert place.fake.batches == {}
    refused = place.run("--batch", model="vllm/x@" + place.fake.url)
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*no batch API is known*"])


def test_a_model_of_the_users_own_is_refused(place: Place) -> None:
    place.pytester.path.joinpath("test_it.py").write_text(OWN_MODEL)
    refused = place.run("--batch")
    (said,) = [line for line in refused.errlines if line]
    assert said.startswith("ERROR: --batch: test_mmlu asks a model of its own, which no batch can ask")
    assert (place.fake.batches, place.fake.interactive) == ({}, [])


def test_a_plain_run_asks_nothing_that_a_batch_under_way_will_answer(place: Place) -> None:
    place.fake.looks_until_end = 10**9
    place.run("--batch", "--mmlubench-batch-submit=api", limit=6)
    plain = place.run(limit=8)
    assert len(place.fake.interactive) == 2
    plain.stdout.fnmatch_lines(["*6 ? *in the batch * under way: *mmlubench batch collect --wait*"])
    place.run("--batch-rest=ask", limit=8)  # as the user wants it
    assert len(place.fake.interactive) == 8


def test_the_flex_tier_is_a_parameter_at_its_own_price(place: Place) -> None:
    entry = "{model_name: openai/gpt-4o, api_key_env: FAKE_KEY, extra_body: {service_tier: flex}}"
    models = place.pytester.path / "models.yaml"
    models.write_text(f"models: {{flex: {entry}}}")
    told = place.run("--estimate", model="flex")
    told.stdout.fnmatch_lines(["*x 0.5 as flex*"])
    models.write_text(f"models: {{flex: {entry[:-1]}, base_url: '{place.fake.url}/v1'}}}}")
    place.run(model="flex", limit=2)
    assert {body["service_tier"] for body in place.fake.interactive} == {"flex"}


def test_max_cost_sends_no_more_than_it_can_pay_for(place: Place) -> None:
    # A reply costs 100 tokens in, 10 out: 0.00028 dollars; the first ones hold the most that they may cost.
    place.run("--batch", "--max-cost=0.0021", "--max-tokens=40")
    outcomes = Counter(line["outcome"] for line in place.results())
    paid = sum(place.fake.paid.values())
    assert 0 < paid <= 7
    assert outcomes["skipped"] == 20 - paid


def test_batches_that_do_not_end_are_left_for_the_next_command(place: Place) -> None:
    place.fake.looks_until_end = 10**9
    first = place.run("--batch", "--batch-timeout=10", limit=6)
    assert first.ret == 2
    first.stdout.fnmatch_lines(["*still under way*"])
    place.fake.looks_until_end = 0
    second = place.run("--batch", limit=6)
    second.stdout.fnmatch_lines(["*found 6 requests in batches that were sent before*"])
    assert set(place.fake.paid.values()) == {1}
    assert len(place.results()) == 6

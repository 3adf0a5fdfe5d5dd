"""The short file that dashboards read, with the keys they know."""

from __future__ import annotations

import json
from collections.abc import Callable

import orjson
import pytest

from mmlubench.reports import classic_json, classic_names
from mmlubench.reports.classic import says_more
from mmlubench.stats import Summary

Build = Callable[..., Summary]


def test_the_known_keys_are_there(summary: Build) -> None:
    made = summary()
    told = classic_json(
        made,
        created="2026-01-02T03:04:05+00:00",
        run_id="r1",
        model_id="claude",
        adapter="my-lora",
        limit=960,
    )
    assert list(told)[:7] == [
        "model_id", "adapter_name", "timestamp", "limit", "overall_score", "metrics", "subjects",
    ]  # fmt: skip
    assert (told["model_id"], told["adapter_name"], told["limit"]) == ("claude", "my-lora", 960)
    assert told["overall_score"] == made.accuracy
    assert told["metrics"] == {"accuracy": {"value": made.accuracy, "name": "accuracy"}}
    assert told["subjects"]["ethics"] == 39 / 40
    assert told["subject_details"]["ethics"] == {"accuracy": 39 / 40, "n": 40, "correct": 39}
    assert told["timestamp"] == "2026-01-02T03:04:05+00:00"
    assert len(told["subjects"]) == 24
    assert (told["run_id"], told["recipe"], told["mock"]) == ("r1", "zero_shot", False)
    assert orjson.loads(orjson.dumps(told)) == told


def test_a_run_full_of_errors_has_no_score_but_says_why(summary: Build) -> None:
    told = classic_json(summary(errors=500), created="t", run_id="r1")
    assert told["overall_score"] is None
    assert told["metrics"]["accuracy"]["value"] is None
    assert told["why_no_headline"].startswith("500 of 960 cases")
    assert told["outcomes"]["error"] == 500


def test_what_is_doubtful_is_told_here_as_well(summary: Build) -> None:
    made = summary(doubts={"dropped": {"temperature": 960}})
    told = classic_json(made, created="t", run_id="r1")
    assert told["overall_score"] == made.accuracy
    assert told["warnings"] == list(made.warnings) != []


@pytest.mark.parametrize(
    ("model", "mock", "stem"),
    [
        ("claude", False, "mmlu_claude"),
        ("claude", True, "mmlu_claude-MOCK"),
        ("mock", True, "mmlu_mock"),
        ("vllm/meta-llama/Llama-3.1-8B@http://127.0.0.1:8000/v1", False,
         "mmlu_vllm-meta-llama-Llama-3.1-8B-http-127.0.0.1-8000-v1"),
        ("../../etc/x", False, "mmlu_etc-x"),
    ],
)  # fmt: skip
def test_file_names_are_safe_and_never_hide_a_mock(summary: Build, model: str, mock: bool, stem: str) -> None:
    made = summary([], mock=mock, model=model)
    assert classic_names(made, "20260102-030405") == (f"{stem}_20260102-030405.json", f"{stem}_latest.json")


FULL = {"overall_score": 0.7, "limit": None}
SAMPLE = {"overall_score": 0.7, "limit": None, "complete": False}
PART = {"overall_score": 0.7, "limit": 100}
LEFT = {"overall_score": 0.0, "limit": 6, "part": True}
NONE = {"overall_score": None, "limit": None}


@pytest.mark.parametrize(
    ("old", "new", "stays"),
    [
        (FULL, FULL, False), (FULL, PART, True), (FULL, NONE, True),
        (FULL, SAMPLE, True), (SAMPLE, FULL, False), (SAMPLE, PART, True), (PART, SAMPLE, False),
        (PART, FULL, False), (PART, PART, False), (PART, NONE, True),
        (PART, LEFT, True), (LEFT, LEFT, False), (LEFT, PART, False), (LEFT, NONE, True), (NONE, LEFT, False),
        (NONE, FULL, False), (NONE, PART, False), (NONE, NONE, False),
    ],
)  # fmt: skip
def test_a_better_founded_result_stays_the_latest(old: dict, new: dict, stays: bool) -> None:
    assert says_more(orjson.dumps(old), json.dumps(new)) is stays


@pytest.mark.parametrize("old", [b"", b"{", b"[]", b"null", b'{"score": 0.7}', b"\xff"])
def test_a_file_of_another_program_stays(old: bytes) -> None:
    assert says_more(old, json.dumps(FULL))


def test_a_score_that_is_none_says_nothing() -> None:
    assert not says_more(b'{"overall_score": "0.7"}', json.dumps(NONE))

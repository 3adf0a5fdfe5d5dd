"""A metric is one object in one table: its value, its key and its text follow from that alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench import registry
from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import Metric, Summary, summarize
from mmlubench.stats.calibration import CALIBRATION, Calibration
from mmlubench.stats.debate import DEBATE
from mmlubench.stats.latency import LATENCY
from mmlubench.stats.metrics import METRICS, metrics, shown
from mmlubench.stats.repeats import REPEATS

letters = st.sampled_from("ABCD")
cases = st.builds(
    Entry,
    id=st.text("abc/0", max_size=9),
    benchmark=st.just("mmlu"),
    subject=st.sampled_from(["anatomy", "law"]),
    category=st.just("other"),
    model=st.just("m"),
    outcome=st.sampled_from(Outcome),
    answer=letters,
    prediction=st.none() | letters,
    rule=st.just("line"),
    latency_s=st.floats(0, 100),
    usage=st.builds(Usage, st.integers(0, 99), st.integers(0, 99), cost_usd=st.none() | st.floats(0, 1)),
    language=st.sampled_from(["", "DE_DE", "FR_FR"]),
    probabilities=st.none() | st.just({"A": 0.4, "B": 0.3, "C": 0.2, "D": 0.1}),
    letters=st.lists(st.none() | letters, max_size=3).map(tuple),
    score=st.none() | st.floats(0, 1),
    rounds=st.lists(st.lists(st.none() | letters, min_size=1, max_size=3).map(tuple), max_size=2).map(tuple),
)


@given(st.lists(cases, max_size=40), st.none() | st.just("the run was stopped"))
def test_a_summary_survives_its_file(results: list[Entry], unfinished: str | None) -> None:
    summary = replace(
        summarize(results, unfinished=unfinished or "", dropped={"seed": 3}),
        benchmark="mmlu",
        model="m",
        recipe="cot",
        mock=True,
        duration_s=1.5,
        stored=2,
        notice="half of it",
    )
    assert not [warning for warning in summary.warnings if "failed" in warning]
    assert Summary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary


def test_a_value_comes_back_with_its_type() -> None:
    result = Entry(
        *("q", "b", "s", "c", "m"), Outcome.CORRECT, "A", "A", "line", 0.5, Usage(), probabilities={"A": 1.0}
    )
    summary = Summary.from_dict(json.loads(json.dumps(replace(summarize([result]), **WHO).to_dict())))
    found = summary.value(CALIBRATION)
    assert found == Calibration(1, 0.0, 0.0, 1.0)
    assert (summary.value(REPEATS), summary.value(DEBATE)) == (None, None)


def test_every_metric_of_the_table_is_there_under_its_own_name() -> None:
    assert [metric.key for metric in metrics()] == METRICS.names()
    keys = summarize([]).to_dict().keys()
    assert {*METRICS.names(), "usage", "outcomes"} <= keys


# -- a metric that somebody adds --------------------------------------------------------------------------------------

WHO: dict[str, Any] = {
    **{"benchmark": "mmlu", "model": "m", "recipe": "zero_shot"},
    **{"mock": False, "duration_s": 1.0},
}


def share_of_b(results: Sequence[Entry]) -> float | None:
    return sum(r.prediction == "B" for r in results) / len(results) if results else None


def in_words(value: float, beside: Mapping[str, Any]) -> list[str]:
    return [f"B was said in {value:.0%}", "beside calibration" if "calibration" in beside else "alone"]


def plant(monkeypatch: pytest.MonkeyPatch, metric: Metric[Any]) -> None:
    """One line in the table."""
    monkeypatch.setitem(METRICS.ours, "planted", metric)  # a dictionary


def some(said: str = "B") -> list[Entry]:
    return [Entry(*("q", "b", "s", "c", "m"), Outcome.WRONG, "A", said, "line", 0.5, Usage())] * 4


def test_a_planted_metric_has_its_value_its_key_and_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Metric("share_of_b", share_of_b, in_words))
    summary = replace(summarize(some()), **WHO)
    told = summary.to_dict()
    assert told["share_of_b"] == 1.0
    assert ["B was said in 100%", "beside calibration"] in list(shown(summary.metrics))
    assert Summary.from_dict(json.loads(json.dumps(told))) == summary


def test_without_a_value_there_is_a_key_and_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(shown(summarize([]).metrics))
    plant(monkeypatch, Metric("share_of_b", share_of_b, in_words))
    summary = summarize([])
    assert summary.to_dict()["share_of_b"] is None
    assert list(shown(summary.metrics)) == before == []


def broken(results: Sequence[Entry]) -> float:
    raise ZeroDivisionError("of nothing")


def endless(results: Sequence[Entry]) -> float:
    return float("inf")


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (Metric("bad", broken), "the metric bad failed (ZeroDivisionError: of nothing)"),
        (Metric("bad", endless), "the metric bad failed (ValueError: Out of range float values"),
        (Metric("n", share_of_b), "the metric n is left out: summary.json has this key already"),
        (Metric("latency", share_of_b), "the metric latency is left out: summary.json has this key already"),
    ],
)
def test_a_metric_that_fails_costs_only_itself(
    metric: Metric[Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = summarize(some()).to_dict()
    plant(monkeypatch, metric)
    summary = summarize(some())
    assert summary.warnings[-1].startswith(said)
    told = summary.to_dict()
    assert {key: told[key] for key in right if key != "warnings"} == {
        key: value for key, value in right.items() if key != "warnings"
    }


def test_a_text_that_fails_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Metric("bad", share_of_b, lambda value, beside: 1 / 0))  # type: ignore[arg-type, return-value]
    *before, said = shown(summarize(some()).metrics)
    assert said == ["bad cannot be shown (ZeroDivisionError: division by zero)"]
    assert list(shown({**summarize(some()).metrics, "bad": None})) == before


def test_a_key_that_no_metric_of_today_has_is_kept_as_it_stands() -> None:
    # The file was written where a package with a metric of its own was installed.
    told = {**replace(summarize(some()), **WHO).to_dict(), "elegance": {"mean": 0.5}}
    assert Summary.from_dict(told).to_dict() == told


def test_a_summary_of_before_a_metric_was_added_has_no_value_for_it() -> None:
    told = replace(summarize(some()), **WHO).to_dict()
    del told["latency"]
    assert Summary.from_dict(told).value(LATENCY) is None


def test_a_metric_of_another_package_that_cannot_load_its_figure_leaves_its_json_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The package may have changed its form since: the other figures of the run must be readable all the same.
    def load(value: Any) -> Any:
        raise KeyError("mean")

    strange = Metric("elegance", lambda results: None, load=load)
    monkeypatch.setitem(registry._registered["metric"], "elegance", strange)
    monkeypatch.setattr(METRICS, "_found", {})
    told = {**replace(summarize(some()), **WHO).to_dict(), "elegance": {"average": 0.5}}
    read_back = Summary.from_dict(told)
    assert read_back.metrics["elegance"] == {"average": 0.5}
    assert read_back.value(LATENCY) == summarize(some()).value(LATENCY)


@pytest.mark.parametrize("key", ["calibration", "debate", "latency", "repeats"])
def test_figures_of_a_newer_version_are_read_as_far_as_they_are_known(key: str) -> None:
    results = [
        Entry(
            *("q", "b", "s", "c", "m"), Outcome.CORRECT, "A", "A", "line", 0.5, Usage(),
            probabilities={"A": 0.75, "B": 0.25}, letters=("A", "A"), rounds=(("A", "B"), ("A", "A")),
        )
    ]  # fmt: skip
    summary = replace(summarize(results), **WHO)
    told = json.loads(json.dumps(summary.to_dict()))
    told[key]["later"] = 1
    for one in told[key].get("rounds", ()):
        one["later"] = 1
    assert Summary.from_dict(told) == summary

"""Scripts read these keys: a key that goes away breaks them."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from mmlubench.records import SCHEMA_VERSION, Manifest
from mmlubench.reports import summary_json
from mmlubench.stats import Summary

Build = Callable[..., Summary]


def test_an_entry_has_every_promised_key(summary: Build) -> None:
    promised = (
        "benchmark model mock recipe n outcomes accuracy accuracy_macro accuracy_strict ci95 standard_error "
        "categories subjects usage cost_usd duration_s headline why_no_headline thresholds warnings"
    )
    made = summary(errors=4).to_dict()
    assert set(promised.split()) <= made.keys()
    assert (made["benchmark"], made["model"], made["recipe"]) == ("mmlu", "claude", "zero_shot")
    assert (made["n"], made["answered"], made["duration_s"]) == (960, 956, 75.25)
    assert made["accuracy"] == made["correct"] / 956
    assert made["subjects"]["optics"]["category"] == "stem"


def test_a_script_can_see_that_a_run_is_doubtful(summary: Build) -> None:
    (warning,) = summary(doubts={"dropped": {"seed": 960}}).to_dict()["warnings"]
    assert warning.startswith("asked for but not sent: seed (960 requests)")
    assert summary().to_dict()["warnings"] == []
    assert summary().to_dict()["thresholds"] == {
        "max_error_rate": 0.01,
        "max_unparsed_rate": 0.02,
        "min_letter_mass": 0.1,
    }


def test_the_file_survives_json(summary: Build) -> None:
    manifest = Manifest("r1", "2026-01-02T03:04:05Z")
    whole = summary_json(manifest, [summary(), summary([])])
    assert orjson.loads(orjson.dumps(whole)) == whole


def test_the_top_says_which_run_it_was_and_of_which_form_the_file_is(summary: Build) -> None:
    manifest = Manifest(
        "r1", "2026-01-02T03:04:05Z", data={"mmlu": {"revision": "abc"}}, facts={"solver": "single"}
    )
    whole = summary_json(manifest, [summary()])
    assert list(whole)[:5] == ["schema_version", "kind", "run_id", "created", "mock"]
    assert (whole["schema_version"], whole["kind"]) == (SCHEMA_VERSION, "benchmark")
    assert (whole["run_id"], whole["created"], whole["mock"]) == ("r1", "2026-01-02T03:04:05Z", False)
    told = whole["manifest"]
    assert (told["data"], told["solver"]) == ({"mmlu": {"revision": "abc"}}, "single")
    assert not {"run_id", "created", "schema_version", "kind"} & told.keys()  # they stand at the top
    assert [result["model"] for result in whole["results"]] == ["claude"]


def test_one_mock_among_the_models_marks_the_whole_run(summary: Build) -> None:
    whole = summary_json(Manifest(), [summary(), summary(mock=True)])
    assert whole["mock"] is True
    assert [result["mock"] for result in whole["results"]] == [False, True]

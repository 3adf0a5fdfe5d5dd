"""`mmlubench run` without a key: mock replies, the format of the log files, and which file is played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmlubench.resources import fixture


def test_the_packaged_example_runs_offline_and_passes(lab: Any) -> None:
    ended = lab.call("run", "--config", str(fixture("dialogues/example.yaml")), "--output-dir", "x")
    assert ended.exit_code == 0
    summary = json.loads(Path("x/example/summary.json").read_text())
    assert [summary[k] for k in ("fact_coverage", "refusal_rate", "geometric_mean")] == [
        0.8889,
        0.3333,
        0.7698,
    ]
    graded = lab.call("grade", "x/example")
    assert (graded.exit_code, graded.stderr) == (0, "")
    assert (
        "passed (MOCK replies): fact_coverage 0.8889, refusal_rate 0.3333, geometric_mean 0.7698"
        in graded.stdout
    )


def test_the_summary_says_that_it_is_of_dialogues_and_other_programs_need_not(lab: Any) -> None:
    assert lab.run().exit_code == 0
    assert lab.summary()["kind"] == "dialogues"
    without = {name: value for name, value in lab.summary().items() if name != "kind"}
    (lab.out / "summary.json").write_text(json.dumps(without))
    requests = [{**line, "kind": "briefing"} for line in lab.lines("requests.jsonl")]  # that of the dialogue
    (lab.out / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in requests))
    graded = lab.call("grade", "out/trial")
    assert (graded.exit_code, "passed (MOCK replies)" in graded.output) == (0, True)


def test_three_files_hold_what_was_asked_and_answered_in_the_order_of_the_data_set(lab: Any) -> None:
    assert lab.run().exit_code == 0
    requests, responses = lab.lines("requests.jsonl"), lab.lines("responses.jsonl")
    assert requests[0] == {
        "dialogue_id": "bees",
        "model": "claude-haiku-4-5",
        "temperature": 0.2,
        "max_tokens": 200,
        "prompt": {"system": "Be brief.", "user": "How do bees find home?"},
        "kind": "dialogues",  # extra: other programs read the rest
    }
    assert [line["dialogue_id"] for line in requests] == ["bees", "tides", "alarm"]
    assert [line["dialogue_id"] for line in responses] == ["bees", "tides", "alarm"]
    assert responses[0] == {
        "dialogue_id": "bees",
        "completion": "By the sun and by landmarks.",
        "model": "claude-haiku-4-5",
        "temperature": 0.2,
        "finish_reason": "stop",
        "token_count": 7,
    }
    assert responses[2]["type"] == "refusal"
    assert "token_count" not in responses[1]  # nobody counted
    summary = lab.summary()
    assert list(summary)[:3] == ["fact_coverage", "refusal_rate", "geometric_mean"]
    assert (summary["mock"], summary["experiment_id"], summary["model"]) == (
        True,
        "trial",
        "claude-haiku-4-5",
    )


def test_a_mock_run_says_so_before_and_after_and_two_of_them_are_equal_to_the_byte(lab: Any) -> None:
    ended = lab.run()
    assert ended.stderr.startswith(
        f"ANTHROPIC_API_KEY is not set: MOCK replies from {lab.path / 'mock_responses.json'}."
    )
    assert "MOCK trial" in ended.stdout
    assert "MOCK: the replies are canned" in ended.stdout
    before = {path.name: path.read_bytes() for path in lab.out.iterdir()}
    assert lab.run().exit_code == 0
    assert {path.name: path.read_bytes() for path in lab.out.iterdir()} == before
    assert not (lab.path / "out" / "store.sqlite").exists()  # nothing was bought


def test_replies_come_from_the_option_else_from_beside_the_data_set_else_from_the_package(
    lab: Any, canned: dict[str, Any]
) -> None:
    canned["bees"]["completion"] = "From the option."
    lab.replies(canned, "other.json")
    lab.run("--responses", "other.json")
    assert lab.lines("responses.jsonl")[0]["completion"] == "From the option."
    lab.run()
    assert lab.lines("responses.jsonl")[0]["completion"] == "By the sun and by landmarks."
    (lab.path / "mock_responses.json").unlink()
    said = lab.refused("run", "--config", "config.yaml", "--output-dir", "out")
    assert said == (
        f"{fixture('dialogues/mock_responses.json')} has no reply for dialogue 'bees' and 2 more: set "
        "ANTHROPIC_API_KEY, add it there, or name a file that has one with --responses FILE."
    )


def test_a_dialogue_without_a_reply_or_a_broken_file_is_told_before_anything_is_written(
    lab: Any, canned: dict[str, Any]
) -> None:
    del canned["tides"]
    lab.replies(canned)
    call = ("run", "--config", "config.yaml", "--output-dir", "out")
    assert "has no reply for dialogue 'tides': set" in lab.refused(*call)
    lab.replies({"bees": {"text": "x"}})
    assert "id bees: expected a text, or an object whose `completion` is a text." in lab.refused(*call)
    assert "none.json: the mock's replies cannot be read" in lab.refused(*call, "--responses", "none.json")
    assert not lab.out.exists()


def test_output_fields_choose_what_stands_beside_a_completion_but_never_hide_a_refusal(lab: Any) -> None:
    lab.config(output_fields=["completion", "token_count"])
    lab.run()
    first, second, third = lab.lines("responses.jsonl")
    assert first == {"dialogue_id": "bees", "completion": "By the sun and by landmarks.", "token_count": 7}
    assert second == {"dialogue_id": "tides", "completion": "The Moon, and less so the SUN."}
    assert third["type"] == "refusal"
    lab.config(output_fields=["completion"])
    lab.run()
    assert lab.call("grade", "out/trial").exit_code == 0


def test_metadata_of_a_mock_file_goes_before_ours_but_not_before_the_dialogue(
    lab: Any, canned: dict[str, Any]
) -> None:
    canned["bees"]["metadata"] = {
        "model": "other",
        "dialogue_id": "no",
        "completion": "no",
        "temperature": 0.9,
    }
    lab.replies(canned)
    lab.run()
    first = lab.lines("responses.jsonl")[0]
    assert (first["dialogue_id"], first["completion"]) == ("bees", "By the sun and by landmarks.")
    assert (first["model"], first["temperature"]) == ("other", 0.9)


def test_a_model_that_is_a_mock_plays_the_replies_as_well(lab: Any) -> None:
    lab.config(model="mock")
    ended = lab.run()
    assert ended.exit_code == 0
    assert ended.stderr.startswith("no model is asked: MOCK replies from ")


def test_a_model_that_nobody_knows_is_told(lab: Any) -> None:
    lab.config(model="nobody/model")
    said = lab.refused("run", "--config", "config.yaml", "--output-dir", "out")
    assert "config.yaml: model nobody/model: no such entry; there are " in said


@pytest.mark.parametrize("name", ["summary.json", "requests.jsonl"])
def test_a_folder_with_files_of_others_is_left_as_it_is(name: str, lab: Any) -> None:
    lab.out.mkdir(parents=True)
    (lab.out / name).write_text("mine")
    ended = lab.run()
    assert ended.exit_code == 1
    assert f"has a {name} that no `mmlubench run` wrote: give another --output-dir." in ended.output
    assert [file.read_text() for file in lab.out.iterdir()] == ["mine"]


def test_a_place_that_cannot_be_written_is_told(lab: Any) -> None:
    lab.write("taken", "a file")
    said = lab.refused("run", "--config", "config.yaml", "--output-dir", "taken")
    assert said.startswith("--output-dir taken: taken/trial cannot be made (")


@pytest.mark.parametrize("arguments", [("run",), ("run", "--config", "c"), ("summarize",), ("grade",)])
def test_a_command_without_what_it_needs_is_a_usage_error(lab: Any, arguments: tuple[str, ...]) -> None:
    ended = lab.call(*arguments)
    assert ended.exit_code == 2
    assert "Missing" in ended.stderr

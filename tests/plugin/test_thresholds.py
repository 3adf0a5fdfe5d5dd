"""No number that misleads: what makes a run doubtful stands on the screen, in summary.json and in the classic file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.schema import Outcome
from tests.plugin.sums import sums


def flat(text: str) -> str:
    """Without the line breaks of the terminal."""
    return " ".join(text.split())


def classic(ran: Any) -> dict[str, Any]:
    (file,) = (ran.folder / "reports").glob("*_latest.json")
    return dict(json.loads(file.read_text()))


@pytest.fixture
def scripted(make_folder: Callable[..., Path], run_pytest: Callable[..., Any]) -> Callable[..., Any]:
    """Run a hundred questions, whose answer is A, against a mock that says A but for some replies."""

    def run(others: dict[int, Any], *options: str) -> Any:
        folder = make_folder(test_mmlu=sums(100))
        replies = {f"sums/addition/{n:04}": reply for n, reply in others.items()}
        (folder / "replies.json").write_text(json.dumps(replies))
        entry = {"model_name": "mock/script", "responses": "replies.json", "rule": "A"}
        (folder / "models.yaml").write_text(json.dumps({"models": {"mock-script": entry}}))
        return run_pytest(folder, "--model", "mock-script", *options)

    return run


def assert_no_headline(ran: Any, why: str) -> None:
    """Said at all three places, with an exit status that is not 0."""
    assert ran.status == 1
    for said in (flat(ran.output), ran.entry["why_no_headline"], classic(ran)["why_no_headline"]):
        assert why in said
    assert not ran.entry["headline"]
    assert classic(ran)["overall_score"] is None
    assert "no headline number" in flat(ran.output)
    assert "accuracy 0." not in ran.output
    assert "gate failed: sums mock-script has no headline accuracy" in flat(ran.output)


GATE = ("--min-accuracy", "0.5")


def test_replies_without_a_letter_are_let_through_up_to_the_limit_and_not_beyond(
    scripted: Callable[..., Any],
) -> None:
    mumbled = dict.fromkeys(range(3), "I would rather talk about something else entirely")
    allowed = scripted({0: mumbled[0], 1: mumbled[1]}, *GATE)
    assert allowed.status == 0
    assert allowed.entry["accuracy"] == classic(allowed)["overall_score"] == 0.98
    beyond = scripted(mumbled, *GATE)
    assert beyond.entry["outcomes"][Outcome.UNPARSED.value] == 3
    assert_no_headline(beyond, "3 of 100 replies (3.0 %) name no letter")
    assert_no_headline(beyond, "--max-unparsed-rate allows 2 % (2 here)")
    assert scripted(mumbled, *GATE, "--max-unparsed-rate", "0.03").status == 0


def test_second_tries_are_counted_and_a_published_protocol_has_none(scripted: Callable[..., Any]) -> None:
    cut = {"completion": "Let me think about", "finish_reason": "length"}
    ours = scripted({0: cut, 1: cut})
    assert ours.entry["second_tries"] == 2
    assert "2 replies cut off and asked for again with a larger token limit" in flat(ours.output)
    assert [line["second_tries"] for line in ours.lines("results")][:3] == [1, 1, 0]
    published = scripted({0: cut, 1: cut}, "--recipe", "inspect_zero_shot")
    assert (published.entry["second_tries"], published.entry["requests"]) == (None, 100)


@pytest.fixture
def failing(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> Callable[..., Any]:
    """Run a hundred questions against a server that refuses a few of them."""

    def run(*options: str) -> Any:
        server = start_server("--latency-ms", "5", "--error-rate", "0.06", "--error-codes", "422")
        return run_pytest(make_folder(test_mmlu=sums(100)), "--model", server.model, *options)

    return run


def test_errors_beyond_the_limit_leave_no_number(failing: Callable[..., Any]) -> None:
    ran = failing("--min-accuracy", "0")
    errors = ran.entry["outcomes"]["error"]
    assert errors > 1
    why = f"{errors} of 100 cases ({errors:.1f} %) ended in errors, --max-error-rate allows 1 % (1 here)"
    assert ran.status == 1
    for said in (flat(ran.output), ran.entry["why_no_headline"], classic(ran)["why_no_headline"]):
        assert why in said
    assert classic(ran)["overall_score"] is None
    # Whoever allows more gets a number of those that were answered: errors never count as wrong.
    ran = failing("--min-accuracy", "0", "--max-error-rate", "0.2")
    assert ran.status == 0
    assert ran.entry["answered"] == 100 - errors
    assert ran.entry["accuracy"] == ran.entry["outcomes"]["correct"] / (100 - errors)


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ((), "fix the cause and run the same command again, which asks only the failed cases"),
        # The same command would pay for every reply once more, also for those that the run has just got.
        (
            ("--refresh",),
            "fix the cause and go on with `mmlubench resume latest`: the same command would, with --refresh, "
            "ask every case again",
        ),
        # What `mmlubench resume` starts is no longer such a command.
        (
            ("--refresh", "--refresh-since", "1"),
            "fix the cause and run the same command again, which asks only the failed cases",
        ),
        (
            ("--refresh", "--run-dir", "my runs"),
            "fix the cause and go on with `mmlubench resume latest --run-dir 'my runs'`: ",
        ),
        (
            ("--no-store",),
            "fix the cause and run the same command again, which asks every case again, as --no-store keeps no reply",
        ),
    ],
)
def test_the_advice_after_errors_asks_no_more_than_it_says(
    failing: Callable[..., Any], options: tuple[str, ...], again: str
) -> None:
    assert again in flat(failing(*options).output)


def test_guessing_another_model_and_a_dropped_parameter_are_told_everywhere(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    # The server answers a quarter right, under the name it is asked by; models.yaml says it takes no temperature.
    server = start_server("--latency-ms", "5", "--model-name", "other-model-7b")
    folder = make_folder(test_mmlu=sums(100))
    entry = {
        "model_name": "vllm/fake",
        "base_url": f"http://127.0.0.1:{server.port}/v1",
        "capabilities": {"temperature": False},
    }
    (folder / "models.yaml").write_text(json.dumps({"models": {"odd": entry}}))
    ran = run_pytest(folder, "--model", "odd")
    for said in (flat(ran.output), *(" ".join(r["warnings"]) for r in (ran.entry, classic(ran)))):
        assert "lies within 3 standard errors of what guessing scores" in said
        assert "fake was asked for, but the server says that other-model-7b (100 cases) answered" in said
        assert "temperature" in said
    assert all("temperature" not in record["parameters_sent"] for record in ran.lines("requests"))
    assert all(record["parameters_asked"]["temperature"] == 0.0 for record in ran.lines("requests"))


def test_a_reply_that_was_cut_off_is_asked_for_once_more_with_more_room_and_all_of_it_is_logged(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    # The server stops after half as many words as it needs, unless it is given at least 1,000 tokens.
    server = start_server("--latency-ms", "5", "--cut-below", "1000")
    folder = make_folder(test_mmlu=sums(100))
    options = ("--model", server.model, "--max-tokens", "256")
    ran = run_pytest(folder, *options)
    assert server.stats()["total"] == 200
    assert ran.entry["outcomes"]["truncated"] == 0
    assert ran.entry["answered"] == 100
    assert {record["requests"] for record in ran.lines("results")} == {2}
    asked = [record["parameters_asked"]["max_tokens"] for record in ran.lines("requests")]
    assert asked == [256, 1024] * 100
    assert [record["finish_reason"] for record in ran.lines("responses")] == ["length", "stop"] * 100
    # Both are in the store: nothing of it is paid for again.
    run_pytest(folder, *options)
    assert server.stats()["total"] == 200


def test_what_stays_cut_off_is_no_wrong_answer_and_the_way_out_is_named(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server("--latency-ms", "5", "--cut-below", "1000000")
    ran = run_pytest(make_folder(test_mmlu=sums(100)), "--model", server.model, "--max-tokens", "16")
    assert server.stats()["total"] == 200  # once more, and not again and again
    assert ran.status == 1
    assert ran.entry["outcomes"]["truncated"] == 100
    assert "raise --max-tokens" in flat(ran.output)
    assert "raise --max-tokens" in classic(ran)["why_no_headline"]

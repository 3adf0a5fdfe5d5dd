"""Whole runs against a server whose replies are odd: each ends with its summary, and no failure becomes an answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from tests.fake_server import FakeServer, Received, Reply
from tests.odd_replies import CHAT, MESSAGES, Odd

QUESTIONS = 120  # in the embedded sample
LOGPROBS = {
    "token": "B",
    "logprob": -0.1,
    "top_logprobs": [{"token": letter, "logprob": -0.1 - 3 * (letter != "B")} for letter in "BACD"],
}


class OddOnce:
    """Gives each new question the next odd reply, and a good one when it is asked again."""

    def __init__(self, odd: Mapping[str, Odd], *, logprobs: bool = False) -> None:
        self.names = list(odd)
        self.odd = odd
        self.given: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.logprobs = logprobs

    def __call__(self, request: Received) -> Reply:
        question = json.dumps(
            request.body.get("messages")
        )  # without the limit, which grows after a reply cut off
        self.asked[question] += 1
        if self.asked[question] > 1 or "Is snow white" in question:
            return self._good(Reply())
        name = self.names[len(self.given) % len(self.names)]
        self.given[question] = name
        return self._good(self.odd[name].reply)

    def _good(self, reply: Reply) -> Reply:
        if not self.logprobs:
            return reply
        body = reply.body if isinstance(reply.body, dict) else None
        if reply.body is None:
            message = {"role": "assistant", "content": "B"}
            body = {
                "model": "faulty-1",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            }
        if body is not None and isinstance(body.get("choices"), list):
            choices = [
                {**c, "logprobs": {"content": [LOGPROBS]}} if isinstance(c, dict) else c
                for c in body["choices"]
            ]
            return Reply(reply.status, {**body, "choices": choices}, reply.headers)
        return reply


@pytest.fixture
def serving() -> Iterator[Callable[[OddOnce], FakeServer]]:
    server = FakeServer().start()
    yield lambda answers: server.play(always=answers)
    server.stop()


def some(odd: Mapping[str, Odd]) -> dict[str, Odd]:
    """Some of each kind, no more than there are questions; `tests/models/test_odd_replies.py` has all of them."""
    names = list(odd)
    return {name: odd[name] for name in names[:: ceil(len(names) / QUESTIONS)]}


LONG = pytest.mark.long
MODES = {
    "plain": (),
    "workers": ("-n", "2"),
    "debate": ("--solver", "debate", "--agents", "2", "--rounds", "2"),
    "debate in workers": ("--solver", "debate", "--agents", "2", "--rounds", "2", "-n", "2"),
    "logprob": ("--scoring", "logprob:chat"),
    "cot": ("--recipe", "cot"),
    "epochs": ("--epochs", "2"),
}
OFTEN = ("plain", "workers", "debate")


@pytest.mark.parametrize("mode", [pytest.param(mode, marks=() if mode in OFTEN else LONG) for mode in MODES])
def test_a_run_ends_with_its_summary_whatever_a_server_says(
    mode: str,
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    serving: Callable[[OddOnce], FakeServer],
) -> None:
    answers = OddOnce(some(CHAT), logprobs=mode == "logprob")
    server = serving(answers)
    ran = run_pytest(
        make_folder(),
        *("--model", f"vllm/faulty-1@{server.url}", "--data", "sample", "--concurrency", "8", "-r", "a"),
        *MODES[mode],
    )
    assert_ended(ran)
    if mode in ("plain", "workers", "cot"):
        assert_answered(ran, answers)


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)])
def test_a_run_over_anthropics_protocol_ends_too(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    serving: Callable[[OddOnce], FakeServer],
) -> None:
    answers = OddOnce(some(MESSAGES))
    server = serving(answers)
    options = ("--model", f"anthropic/faulty-1@{server.address}", "--data", "sample", "--concurrency", "8")
    ran = run_pytest(make_folder(), *options, *workers, ANTHROPIC_API_KEY="sk-ant-made-up-0123456789")
    assert_ended(ran)
    assert_answered(ran, answers)


def assert_ended(ran: Any) -> None:
    """The run has its table and all its files, and the terminal was told nothing but text."""
    assert "INTERNALERROR" not in ran.output, ran.output
    assert "Traceback" not in ran.output, ran.output
    assert "run folder:" in ran.output, ran.output
    assert ran.entry["n"] == QUESTIONS
    assert "\x1b" not in ran.output
    assert not ran.entry["outcomes"]["skipped"]
    json.loads((ran.run_folders[0] / "manifest.json").read_text())


def assert_answered(ran: Any, answers: OddOnce) -> None:
    """Each question has the outcome of the odd reply that it got; where that was no answer, of the next one."""
    questions = {record["id"]: record for record in ran.lines("results")}
    requests: dict[str, list[Any]] = {}
    for record in ran.lines("requests"):
        requests.setdefault(record["id"], []).append(record)
    assert len(questions) == QUESTIONS
    given = Counter(answers.given.values())
    expected: Counter[str] = Counter()
    for name, count in given.items():
        becomes = answers.odd[name].becomes
        expected["again" if becomes == "truncated" else becomes] += (
            count  # asked once more, with a higher limit
        )
    found = Counter(
        "again"
        if len(requests[name]) > 1 and record["prediction"] == "B"
        else record["prediction"] or record["outcome"]
        for name, record in questions.items()
    )
    assert found == expected, ran.output

"""The context window: a prompt that does not fit is told before the run, with how many questions it concerns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.prompts import load_recipe, render
from mmlubench.run.context import Beyond, beyond_windows
from mmlubench.run.run import Run
from mmlubench.schema import Question
from mmlubench.settings import Settings
from mmlubench.tokens import tokens_like_gpt2

LABEL = "mock"


def question(row: int, words: int, subject: str = "history") -> Question:
    text = "word " * words + "?"
    return Question(
        f"own/{subject}/{row}", "own", subject, "humanities", text, ("Yes", "No", "Both", "None"), "A"
    )


#: Two subjects; only one has questions that are long.
QUESTIONS = [
    *(question(row, words) for row, words in enumerate((10, 800, 1_500, 20))),
    *(question(row, 12, "algebra") for row in range(4)),
]


def prompt_of(asked: Question) -> int:
    """The tokens of a prompt of zero_shot, by the same estimate."""
    return sum(tokens_like_gpt2(message.content) for message in render(load_recipe("zero_shot"), asked))


def beyond(window: int, **options: Any) -> Beyond | None:
    run = Run(Settings(model=(LABEL,), **options))
    (label,) = run.roster.specs
    return beyond_windows(run, label, QUESTIONS, {label: window}).get(label)


def test_questions_that_do_not_fit_are_counted_and_the_longest_is_measured() -> None:
    long, longer = QUESTIONS[1], QUESTIONS[2]
    reply = 100
    assert beyond(prompt_of(longer) + reply, max_tokens=reply) is None
    assert beyond(prompt_of(longer) + reply - 1, max_tokens=reply) == Beyond(
        questions=1, of=8, tokens=prompt_of(longer) + reply, reply=reply
    )
    found = beyond(prompt_of(long) + reply - 1, max_tokens=reply)
    assert found is not None
    assert found.questions == 2


def test_a_reply_of_one_token_needs_less_room_than_one_that_is_read() -> None:
    window = prompt_of(QUESTIONS[2]) + 1
    assert beyond(window, scoring="logprob") is None
    assert beyond(window) is not None  # zero_shot allows a reply of 1,024


def test_a_question_that_is_put_several_times_is_one_question() -> None:
    found = beyond(1_200, epochs=3, max_tokens=1)
    assert found is not None
    assert (found.questions, found.of) == (1, 8)


def test_every_agent_of_a_debate_must_hold_what_it_is_told() -> None:
    found = beyond(prompt_of(QUESTIONS[2]) + 100, solver="debate", max_tokens=1)
    assert found is not None
    assert (
        found.questions == 2
    )  # the later rounds put the question once more, so that the other one is too long, too


ENTRY = {"model_name": "mock/script", "rule": "A"}


def told(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], *options: str, **entry: int
) -> str:
    folder = make_folder()
    (folder / "models.yaml").write_text(json.dumps({"models": {"small": {**ENTRY, **entry}}}))
    benchmark = Path(__file__).parents[2] / "benchmarks" / "test_mmlu.py"
    ran = run_pytest(folder, str(benchmark), "--model", "small", "--limit", "8", *options)
    assert ran.status in (0, 1, 5), ran.output
    return " ".join(ran.output.split())


SAID = (
    "mmlubench: 8 of 8 questions may not fit into the context window of small-MOCK, 1,030 tokens: the longest prompt "
    "with 1,024 tokens of reply takes about "
)


@pytest.mark.parametrize("options", [(), ("--estimate",)])
def test_it_is_told_before_anything_is_asked(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], options: tuple[str, ...]
) -> None:
    output = told(make_folder, run_pytest, *options, context_window=1_030)
    assert SAID in output
    assert "(an estimate); lower --max-tokens." in output
    end = "requests, about" if options else "headline"
    assert output.index(SAID) < output.index(end if options else "correct ")


def test_worked_examples_can_be_left_out(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    output = told(make_folder, run_pytest, "--recipe", "five_shot", "--shots", "1", context_window=1_030)
    assert "(an estimate); lower --max-tokens or take fewer worked examples with --shots." in output


def test_nothing_is_told_of_a_window_that_is_large_enough_or_not_known(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    assert "context window" not in told(make_folder, run_pytest)
    assert "context window" not in told(make_folder, run_pytest, context_window=8_192)
    # No request asks for more than the model can write.
    assert "context window" not in told(make_folder, run_pytest, context_window=1_030, max_output_tokens=100)

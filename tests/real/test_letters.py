"""Letters by log-probability from a real server are those that a direct computation on the same weights finds.

`smollm2_letters.json` holds that computation for questions of the embedded sample: transformers, float32, in no need of
a server. It was made by perf/compare_logprobs.py (steps `prompts --data sample --limit 30` and `compute`), which also
compares all of it with a vLLM server.
"""

from __future__ import annotations

import asyncio
import json
import os
from math import exp
from pathlib import Path

import pytest

from mmlubench import datasets, models
from mmlubench.errors import ModelError
from mmlubench.models.constraint import constrained
from mmlubench.models.scoring import choose_scoring
from mmlubench.prompts import load_recipe
from mmlubench.schema import Answer, Message, Params, Request, Scoring
from mmlubench.solvers import Logprob

pytestmark = pytest.mark.real_model

REFERENCE: dict[str, dict[str, dict[str, float]]] = json.loads(
    Path(__file__).with_name("smollm2_letters.json").read_text()
)
#: Natural logarithms closer than this are a tie between two ways to compute the same.
NEAR = 0.1
#: llama.cpp rounds activations to 8 bits, which moves a probability by a few hundredths.
ROUNDING = 0.08


def answers_of(
    address: str, scoring: Scoring, limit: int, name: str = "hendrycks", shots: int = 0
) -> dict[str, Answer]:
    """What the server answers to the first questions by a recipe, by their ids."""
    spec = models.resolve(
        f"llamacpp/smollm2@{address}/v1", models_file=None, adapter=None, no_fallback=True, env=os.environ
    )
    data = datasets.load("mmlu", "sample")
    questions = [q for q in data.questions if q.id in REFERENCE][:limit]
    recipe = load_recipe(name, None, shots)

    async def ask() -> list[Answer]:
        model = models.open_model(spec, pool=2, env=os.environ)
        top = spec.features.top_logprobs
        solver = Logprob(model, recipe, Params(), data.examples, scoring=scoring, top=top)
        try:
            assert await choose_scoring(model, spec, scoring) is scoring
            return [answer for q in questions for answer in [await solver(q)]]
        finally:
            await model.aclose()

    return dict(zip([q.id for q in questions], asyncio.run(ask()), strict=True))


@pytest.mark.parametrize(("scoring", "limit"), [(Scoring.COMPLETIONS, 30), (Scoring.CHAT, 12)])
def test_the_letters_of_llama_cpp_are_those_of_a_direct_computation(
    llama_server: str, scoring: Scoring, limit: int
) -> None:
    answers = answers_of(llama_server, scoring, limit)
    assert len(answers) == limit
    ties = 0
    for name, answer in answers.items():
        scores = REFERENCE[name][scoring.value]
        best = max(scores, key=lambda letter: scores[letter])
        assert answer.letter is not None, (name, answer.explanation)
        assert answer.probabilities is not None
        if answer.letter != best:
            ties += 1
            assert scores[best] - scores[answer.letter] < NEAR, (name, answer.explanation, scores)
        total = sum(map(exp, scores.values()))
        for letter, score in scores.items():
            assert answer.probabilities[letter] == pytest.approx(exp(score) / total, abs=ROUNDING), name
    assert ties <= limit // 5


def test_a_server_that_does_not_echo_is_known_and_is_not_asked_to(llama_server: str) -> None:
    with pytest.raises(ModelError, match="it takes logprob:completions or logprob:chat"):
        answers_of(llama_server, Scoring.ECHO, 1)


def test_a_reply_that_is_held_to_the_letters_is_one_of_them(llama_server: str) -> None:
    spec = models.resolve(
        f"llamacpp/smollm2@{llama_server}/v1", models_file=None, adapter=None, no_fallback=True, env={}
    )

    async def ask() -> list[str]:
        model = models.open_model(constrained(spec), pool=1, env={})
        said = Request("q", (Message("user", "Say hello."),), Params(max_tokens=16, choice=("C", "D")))
        free = Request("q", said.messages, Params(max_tokens=16))
        try:
            return [(await model.generate(request)).text.strip() for request in (said, free)]
        finally:
            await model.aclose()

    held, free = asyncio.run(ask())
    assert held in ("C", "D")
    assert free not in ("C", "D")


@pytest.mark.parametrize(
    ("recipe", "shots", "scoring", "least", "most"),
    [
        # Sent raw, a prompt for chats is continued by anything but a letter: 0.012 over 50 questions of MMLU.
        ("zero_shot", 0, Scoring.COMPLETIONS, 0.0, 0.05),
        ("zero_shot", 0, Scoring.CHAT, 0.25, 0.9),
        # This small model needs an example to know that a letter is wanted.
        ("hendrycks", 1, Scoring.COMPLETIONS, 0.5, 1.0),
    ],
)
def test_the_letters_hold_the_probability_only_after_a_prompt_that_ends_before_them(
    llama_server: str, recipe: str, shots: int, scoring: Scoring, least: float, most: float
) -> None:
    answers = answers_of(llama_server, scoring, 6, recipe, shots).values()
    mean = sum(answer.letter_mass or 0.0 for answer in answers) / len(answers)
    assert least <= mean <= most

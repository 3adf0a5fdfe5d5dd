"""Scoring by log-probability: no text is read, the likeliest letter is the answer.

The paper of MMLU scores by the next token after a prompt that ends with `Answer:`, and takes the likeliest letter
(Hendrycks et al. 2021, "Measuring massive multitask language understanding", arXiv 2009.03300).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmlubench.errors import ProviderError
from mmlubench.models.base import Model
from mmlubench.prompts import Recipe, examples_for, render
from mmlubench.prompts.render import raw_prompt
from mmlubench.schema import (
    TOP_LOGPROBS,
    Answer,
    Completion,
    Outcome,
    Params,
    Question,
    Request,
    Scoring,
)
from mmlubench.solvers.base import gather_all
from mmlubench.solvers.letter_scores import letter_mass, letter_scores, probabilities, unlisted_mass

RULE = "logprob"


class Logprob:
    """Renders the recipe, asks for the log-probability of each letter, and answers with the likeliest letter.

    If several letters are equally likely, the first one counts. A letter that is not among the likeliest tokens of the
    server has the probability 0, and the explanation names it; with `Scoring.ECHO` no letter is missing. The answer
    says how much probability the letters have together: where it is little, the prompt was not written to be scored.
    """

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        params: Params,
        examples: Mapping[str, Sequence[Question]] | None = None,
        *,
        scoring: Scoring = Scoring.COMPLETIONS,
        top: int = TOP_LOGPROBS,
    ) -> None:
        """`scoring` is one of the three ways to do it; `top` is the number of likeliest tokens to ask for."""
        self._model = model
        self._recipe = recipe
        # One token without stop texts; the temperature stays, although it changes no log-probability.
        self._params = replace(params, max_tokens=1, stop=(), logprobs=top)
        self._examples = examples or {}
        self._scoring = scoring

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError if no usable reply came back."""
        messages = render(self._recipe, question, examples_for(question, self._examples))
        if self._scoring is Scoring.ECHO:
            return await self._by_echo(question, raw_prompt(messages))
        if self._scoring is Scoring.CHAT:
            request = Request(question.id, messages, self._params)
        else:
            request = Request(question.id, (), self._params, prompt=raw_prompt(messages))
        completion = await self._model.generate(request)
        if not completion.logprobs:
            return _without(question, completion)
        if completion.lacks_alternatives:
            raise ProviderError(
                "the reply has the log-probability of one token alone, which says nothing about the letters",
                sent=completion.sent,
            )
        scores = letter_scores(completion.logprobs, question.letters)
        return _answer(question, scores, completion)

    async def _by_echo(self, question: Question, prompt: str) -> Answer:
        requests = [
            Request(question.id, (), self._params, prompt=prompt, continuation=continuation)
            for continuation in continuations(prompt, question.letters)
        ]
        completions = await gather_all(map(self._model.generate, requests))
        return _answer(question, _echo_scores(question.letters, completions), completions[0])


def continuations(prompt: str, letters: str) -> list[str]:
    """Return the text that continues the prompt for each letter, with a space unless the prompt ends with one."""
    space = "" if prompt[-1:].isspace() else " "
    return [space + letter for letter in letters]


def _echo_scores(letters: str, completions: Sequence[Completion]) -> dict[str, float]:
    """Return the sum of the log-probabilities of each continuation's tokens.

    Raises ProviderError where the texts of these tokens differ in more than the letter: sums over different stretches
    of text cannot be compared.
    """
    covered = ["".join(token for token, _ in completion.logprobs) for completion in completions]
    if (
        not all(covered)
        or len({text.removesuffix(letter) for text, letter in zip(covered, letters, strict=True)}) > 1
    ):
        raise ProviderError(
            f"the server's tokens for the letters cannot be compared ({', '.join(map(repr, covered))}); "
            f"use --scoring {Scoring.COMPLETIONS}"
        )
    sums = (sum(value for _, value in completion.logprobs) for completion in completions)
    return dict(zip(letters, sums, strict=True))


def _answer(question: Question, scores: Mapping[str, float], completion: Completion) -> Answer:
    right = f"right is {question.answer}"
    if not scores:
        likeliest = completion.logprobs[0][0]
        why = f"no letter among the {len(completion.logprobs)} likeliest tokens, the first is {likeliest!r} ({right})"
        hidden = unlisted_mass(completion.logprobs)
        return Answer(
            None, Outcome.UNPARSED.value, completion.text, why, letter_mass=0.0, unlisted_mass=hidden
        )
    known = probabilities(scores, question.letters)
    letter = max(known, key=lambda each: known[each])  # the first of equal ones
    shown = ", ".join(f"{each} {known[each]:.3f}" for each in question.letters)
    missing = "".join(each for each in question.letters if each not in scores)
    note = f"; not among the likeliest tokens: {', '.join(missing)}" if missing else ""
    mass = letter_mass(scores)
    shown += f"; together {100 * mass:.1f} % of all probability{note}"
    explanation = f"answered {letter} (rule: {RULE}; {shown}), {right}"
    hidden = unlisted_mass(completion.logprobs) if missing else 0.0
    return Answer(letter, RULE, completion.text, explanation, known, letter_mass=mass, unlisted_mass=hidden)


def _without(question: Question, completion: Completion) -> Answer:
    """Return the answer of a refusal without log-probabilities. Raises ProviderError for any other reply."""
    if completion.finish_reason == "refusal":
        explanation = f"refused by the provider; right is {question.answer}"
        return Answer(None, Outcome.REFUSED.value, completion.text, explanation)
    raise ProviderError("log-probabilities were asked for, and the reply has none", sent=completion.sent)

"""No text is read: the likeliest letter is the answer.

What the next token would be after a prompt that ends with `Answer:` is how the paper scores (Hendrycks et al. 2021,
"Measuring massive multitask language understanding", arXiv 2009.03300): one token, the letters among the likeliest, and
the best of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmlubench.errors import ProviderError
from mmlubench.models.base import Model
from mmlubench.prompts import Recipe, render
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
from mmlubench.solvers.letter_scores import letter_scores, probabilities

RULE = "logprob"


class Logprob:
    """Renders the recipe, asks how likely each letter is, answers with the likeliest.

    Of letters that are exactly as likely the first one counts. A letter that is not among the likeliest tokens the
    server tells has the probability 0, and the explanation names it; by `Scoring.ECHO` none is missing.
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
        """`scoring` is one of the three ways to do it; `top` is how many tokens the server is asked for."""
        self._model = model
        self._recipe = recipe
        # One token and nothing to stop it; the temperature stays, though it changes no log-probability.
        self._params = replace(params, max_tokens=1, stop=(), logprobs=top)
        self._examples = examples or {}
        self._scoring = scoring

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError when no usable reply came back."""
        messages = render(self._recipe, question, self._examples.get(question.subject, ()))
        if self._scoring is Scoring.ECHO:
            return await self._by_echo(question, raw_prompt(messages))
        if self._scoring is Scoring.CHAT:
            request = Request(question.id, messages, self._params)
        else:
            request = Request(question.id, (), self._params, prompt=raw_prompt(messages))
        completion = await self._model.generate(request)
        if not completion.logprobs:
            return _without(question, completion)
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
    """Return what would come next for each letter: with a space before it, unless the prompt ends with white space."""
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
        return Answer(None, Outcome.UNPARSED.value, completion.text, why)
    known = probabilities(scores, question.letters)
    letter = max(known, key=lambda each: known[each])  # of equals the first
    shown = ", ".join(f"{each} {known[each]:.3f}" for each in question.letters)
    missing = "".join(each for each in question.letters if each not in scores)
    note = f"; not among the likeliest tokens: {', '.join(missing)}" if missing else ""
    told = f"answered {letter} (rule: {RULE}; {shown}{note}), {right}"
    return Answer(letter, RULE, completion.text, told, known)


def _without(question: Question, completion: Completion) -> Answer:
    """Answer for a reply without log-probabilities: a refusal. Raises ProviderError if it is none."""
    if completion.finish_reason == "refusal":
        told = f"refused by the provider; right is {question.answer}"
        return Answer(None, Outcome.REFUSED.value, completion.text, told)
    raise ProviderError("log-probabilities were asked for, and the reply has none", sent=completion.sent)

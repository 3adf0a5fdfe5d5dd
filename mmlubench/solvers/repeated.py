"""Epochs: the same question is asked several times, each time with its choices in another order if wanted."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import comb

from mmlubench.errors import UserError
from mmlubench.named_letters import names_letters
from mmlubench.schema import ALPHABET, Answer, Question, majority
from mmlubench.solvers.base import Solver, gather_all

#: Computes a score from the number of right repeats and the number of all; None stands for a plain majority vote.
Reducer = Callable[[int, int], float] | None


class Repeated:
    """Asks every question `epochs` times at once, and combines the answers into one.

    The letter is that of most repeats, in a tie the first seen; a repeat without a letter casts no vote. The score is
    that of the reducer. The store keeps a reply for each of the equal requests of a case. The answer holds the record
    of the first debate only: a debate chosen by its outcome would be a biased sample.
    """

    def __init__(
        self,
        solver: Solver,
        epochs: int,
        reducer: str = "mean",
        *,
        shuffle: bool = False,
        seed: int = 0,
    ) -> None:
        self._solver = solver
        self._epochs = epochs
        self._reduce = read_reducer(reducer, epochs)
        self._shuffle = shuffle
        self._seed = seed

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError if a repeat has no usable reply, as the score would be a guess."""
        orders = [self._order(question, epoch) for epoch in range(self._epochs)]
        answers = await gather_all(self._put(question, order) for order in orders)
        return self._combined(question, answers)

    async def _put(self, question: Question, order: Sequence[int]) -> Answer:
        return _as_printed(await self._solver(reordered(question, order)), order)

    def _order(self, question: Question, epoch: int) -> Sequence[int]:
        """Return the order of the choices in an epoch.

        The first of several epochs keeps that of the data set, and a choice such as "Both A and B" keeps it in all.
        """
        order = list(range(len(question.choices)))
        if self._shuffle and (epoch or self._epochs == 1) and not names_letters(question.choices):
            random.Random(f"{self._seed}/{epoch}/{question.id}").shuffle(order)
        return order

    def _combined(self, question: Question, answers: Sequence[Answer]) -> Answer:
        if len(answers) == 1:
            return answers[0]
        letters = tuple(answer.letter for answer in answers)
        letter, right = majority(letters), letters.count(question.answer)
        first, tries = answers[0], sum(answer.second_tries for answer in answers)
        if letter is None:
            return replace(first, letters=letters, score=0.0, second_tries=tries)
        score = (
            float(letter == question.answer) if self._reduce is None else self._reduce(right, len(letters))
        )
        votes = (
            f"{letters.count(letter)} of {len(letters)} repeats answered {letter}, right is {question.answer}"
        )
        return replace(
            answers[letters.index(letter)],
            explanation=votes,
            letters=letters,
            score=score,
            rounds=first.rounds,
            record=first.record,
            second_tries=tries,
        )


def read_reducer(name: str, epochs: int) -> Reducer:
    """Return the reducer of that name: mean, majority, pass@k with k up to `epochs`. Raises UserError."""
    if name == "mean":
        return lambda right, n: right / n
    if name == "majority":
        return None
    kind, _, number = name.partition("@")
    if kind != "pass" or not number.isdecimal() or not 1 <= int(number) <= epochs:
        raise UserError(
            f"--epochs-reducer {name}: give mean, majority, or pass@k with k from 1 to the {epochs} of --epochs."
        )
    return lambda right, n: pass_at_k(right, n, int(number))


def pass_at_k(right: int, n: int, k: int) -> float:
    """Estimate how likely at least one of `k` repeats is right, from `right` of `n`: 1 - C(n-right, k) / C(n, k).

    Unbiased. Source: M. Chen et al., "Evaluating large language models trained on code" (2021), arXiv 2107.03374, §2.1.
    """
    return 1.0 - comb(n - right, k) / comb(n, k)


def reordered(question: Question, order: Sequence[int]) -> Question:
    """Return the question with its choices in another order, and its answer key adapted."""
    if list(order) == sorted(order):
        return question
    letters = question.letters
    answer = letters[list(order).index(letters.index(question.answer))]
    return replace(question, choices=tuple(question.choices[place] for place in order), answer=answer)


def _as_printed(answer: Answer, order: Sequence[int]) -> Answer:
    """Return the answer to a reordered question with the letters of the original one."""
    if list(order) == sorted(order):
        return answer
    letters = {ALPHABET[new]: ALPHABET[old] for new, old in enumerate(order)}

    def printed(letter: str | None) -> str | None:
        return (
            letters.get(letter, letter) if letter else None
        )  # some protocols read letters that belong to no choice

    chances = answer.probabilities and {letters[new]: p for new, p in answer.probabilities.items()}
    return replace(
        answer,
        letter=printed(answer.letter),
        probabilities=chances,
        explanation=f"{answer.explanation} (choices in the order {''.join(letters.values())})",
        rounds=tuple(tuple(map(printed, spoke)) for spoke in answer.rounds),
    )

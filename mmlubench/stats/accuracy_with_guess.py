"""The accuracy with guesses: every reply without a letter is counted as a random guess, as in MMLU-Pro.

It is reported apart from the accuracy, which never counts a guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum
from random import Random

from mmlubench.schema import ALPHABET, ANSWERED, Entry, Outcome
from mmlubench.stats.metrics import Metric

_ANSWERS = frozenset(ANSWERED)
_LETTERLESS = frozenset({Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED})
_SEED = 12345


def accuracy_with_guess(results: Iterable[Entry]) -> dict[str, float] | None:
    """Return two accuracies, 0 to 1, of results in the order of their data set; None if nothing was answered.

    `expected` credits a reply without a letter with 1/k for its k choices: the mean over all guesses. `seeded` is
    MMLU-Pro's own single draw, see `_hits`; it depends only on the order of the results.
    """
    answered = [result for result in results if result.outcome in _ANSWERS]
    if not answered:
        return None
    letterless = [result for result in answered if result.outcome in _LETTERLESS]
    right = sum(result.outcome is Outcome.CORRECT for result in answered)
    chance = fsum(1 / result.choices for result in letterless if result.choices)
    return {
        "expected": (right + chance) / len(answered),
        "seeded": (right + _hits(letterless)) / len(answered),
    }


def _of_single_replies(results: Sequence[Entry]) -> dict[str, float] | None:
    # A guess replaces one reply, but the accuracy of repeats is a mean of scores over several replies.
    return None if any(len(result.letters) > 1 for result in results) else accuracy_with_guess(results)


ACCURACY_WITH_GUESS = Metric("accuracy_with_guess", _of_single_replies)


def _hits(letterless: list[Entry]) -> int:
    """Return how many of these the official seeded guess gets right.

    It follows `evaluate_from_local.py` of TIGER-AI-Lab/MMLU-Pro: seeded once, categories in alphabetical order, each
    category drawn twice, where the second draws count. `evaluate_from_api.py` has the same seed, but draws again for
    all replies so far, twice or more after every question, so its guesses depend on how often it was resumed.
    """
    draw = Random(_SEED)
    categories: dict[str, list[Entry]] = defaultdict(list)
    for result in letterless:
        if result.choices:
            categories[result.category].append(result)
    hits = 0
    for category in sorted(categories):
        guesses = [draw.randint(0, result.choices - 1) for result in categories[category] * 2]
        second = guesses[len(guesses) // 2 :]
        keys = [ALPHABET.find(result.answer) for result in categories[category]]
        hits += sum(guess == key for guess, key in zip(second, keys, strict=True))
    return hits

"""Letter scores: the log-probabilities of tokens become probabilities of letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, fsum, log

#: The white space that tokenizers and servers put around a letter, with the signs of SentencePiece and GPT-2 for it.
_AROUND = " \t\r\n\u2581\u0120\u010a"


def letter_scores(logprobs: Iterable[tuple[str, float]], letters: str) -> dict[str, float]:
    """Return the log-probability of each letter found among tokens, whose surrounding white space is ignored.

    " A" and "A" are two tokens for the same answer, so their probabilities are added: log-sum-exp of the logarithms.
    """
    found: dict[str, list[float]] = {}
    for token, value in logprobs:
        letter = token.strip(_AROUND)
        if len(letter) == 1 and letter in letters:
            found.setdefault(letter, []).append(value)
    return {letter: _log_sum_exp(found[letter]) for letter in letters if letter in found}


def probabilities(scores: Mapping[str, float], letters: str) -> dict[str, float]:
    """Return the probability of each letter, the softmax of the scores; 0 for a letter without a score.

    Raises ValueError for empty scores.
    """
    best = max(scores.values())
    weights = {letter: exp(scores[letter] - best) if letter in scores else 0.0 for letter in letters}
    total = fsum(weights.values())
    return {letter: weight / total for letter, weight in weights.items()}


def letter_mass(scores: Mapping[str, float]) -> float:
    """Return the probability of all letters together: near 1 where the prompt makes the model answer with a letter."""
    return min(1.0, fsum(map(exp, scores.values())))


def unlisted_mass(logprobs: Iterable[tuple[str, float]]) -> float:
    """Return the probability of all tokens that are not in the server's list, so that of a missing letter at most."""
    return max(0.0, 1.0 - fsum(exp(value) for _, value in logprobs))


def _log_sum_exp(values: list[float]) -> float:
    best = max(values)
    return best + log(fsum(exp(value - best) for value in values))

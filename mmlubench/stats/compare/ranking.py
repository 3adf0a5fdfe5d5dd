"""Several models on the same questions: which cannot be told apart, and which ranks each may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from string import ascii_lowercase


def compact_letters(names: Sequence[str], differ: Mapping[tuple[str, str], bool]) -> dict[str, str]:
    """Return letters for models, best first: two models without a common letter differ.

    `names` are ordered by accuracy; `differ` says of each pair, in that order, whether it was shown to differ. Source:
    H.-P. Piepho, "An algorithm for a letter-based representation of all-pairwise comparisons", Journal of Computational
    and Graphical Statistics 13 (2004), pp. 456-466 (insert and absorb).
    """
    columns: list[set[str]] = [set(names)]
    for one, other in combinations(names, 2):
        if not differ[one, other]:
            continue
        split = [
            part
            for column in columns
            for part in ([column - {one}, column - {other}] if {one, other} <= column else [column])
        ]
        columns = [
            column
            for place, column in enumerate(split)
            if column
            and not any(
                column < other_ or (column == other_ and at < place) for at, other_ in enumerate(split)
            )
        ]
    place = {name: number for number, name in enumerate(names)}
    columns.sort(key=lambda column: sorted(place[name] for name in column))
    return {name: "".join(_letter(n) for n, column in enumerate(columns) if name in column) for name in names}


def _letter(number: int) -> str:
    more, rest = divmod(number, len(ascii_lowercase))
    return ascii_lowercase[rest] + (str(more) if more else "")


def rank_intervals(
    scores: Mapping[str, Sequence[float]], *, draws: int = 2000, seed: int = 0, confidence: float = 0.95
) -> dict[str, tuple[int, int]]:
    """Return the best and the worst rank that each model plausibly has, by a bootstrap over questions.

    `scores` hold one score for each question, in the same order for all models, so that each draw takes the same
    questions for all. Ranks count from 1; equal models share the better rank. The sums of a draw come from counts of
    each pattern of scores, as thousands of questions have few patterns.
    """
    # late: no run with one model needs it
    import numpy as np

    patterns: dict[tuple[float, ...], int] = {}
    for pattern in zip(*scores.values(), strict=True):
        patterns[pattern] = patterns.get(pattern, 0) + 1
    n = sum(patterns.values())
    shares = np.array(list(patterns.values()), dtype=float) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=draws)
    # Rounded, as sums in different orders of the same scores differ in their last digits.
    sums = np.round(drawn @ np.array(list(patterns)), 9)
    ranks = np.sort(1 + (sums[:, None, :] > sums[:, :, None]).sum(axis=2), axis=0)
    cut = int(draws * (1 - confidence) / 2)
    return {name: (int(ranks[cut, at]), int(ranks[-1 - cut, at])) for at, name in enumerate(scores)}

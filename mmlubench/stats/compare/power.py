"""Power: which difference so many questions can show, and how many questions a difference takes.

The standard error of a paired difference is about sqrt(π/n), with π the share of questions that the two results
disagree on: it is the disagreement, not the accuracy, that decides what can be seen.
"""

from __future__ import annotations

from math import ceil, sqrt

from mmlubench.stats.compare.distributions import z_quantile


def smallest_difference(n: int, discordant: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return the smallest true difference that a two-sided test at level `alpha` finds with this power.

    `discordant`, π, is the share of questions that the two results disagree on: (z_{1-alpha/2} + z_{power})·sqrt(π/n).
    Source: E. Miller, "Adding error bars to evals" (2024), arXiv 2411.00640, §5, for paired differences.
    """
    return (z_quantile(1 - alpha / 2) + z_quantile(power)) * sqrt(discordant / n) if n else 1.0


def questions_for(difference: float, discordant: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
    """Return the number of questions with which such a true difference is found with this power.

    Raises ValueError unless the difference is above 0.
    """
    if not difference > 0:
        raise ValueError(f"the difference is {difference}; it must be above 0.")
    return ceil(discordant * ((z_quantile(1 - alpha / 2) + z_quantile(power)) / difference) ** 2)


def questions_for_equivalence(
    margin: float, discordant: float, *, power: float = 0.8, alpha: float = 0.05
) -> int:
    """Return the number of questions with which two equal results are shown to differ by less than `margin`.

    n = π·((z_{1-alpha} + z_{(1+power)/2})/δ)², for two one-sided tests at level `alpha` each. Source: D. J. Schuirmann,
    "A comparison of the two one-sided tests procedure", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
    Raises ValueError unless the margin is above 0.
    """
    if not margin > 0:
        raise ValueError(f"the margin is {margin}; it must be above 0.")
    return ceil(discordant * ((z_quantile(1 - alpha) + z_quantile((1 + power) / 2)) / margin) ** 2)

"""Figures of comparisons in words."""

from __future__ import annotations

from collections.abc import Sequence

from mmlubench.figures import several
from mmlubench.stats.compare.pair import BY_QUESTION, BY_SUBJECT

_CLUSTERS = {
    BY_SUBJECT: "paired, clustered by subject",
    BY_QUESTION: "paired, clustered by question over its languages",
    "": "paired, not clustered",
}


def signed(value: float) -> str:
    """Format a difference of accuracies: `+0.018`; without a sign if it is 0 as it is shown."""
    text = f"{value:+.3f}"
    return text[1:] if float(text) == 0 else text


def span(ends: Sequence[float]) -> str:
    """Format an interval of a difference: `+0.009 to +0.027`."""
    return f"{signed(ends[0])} to {signed(ends[1])}"


def probability(p: float) -> str:
    """Format a p-value: `0.034`, `0.00042`, `<0.0001`."""
    if p < 0.0001:
        return "<0.0001"
    return f"{p:.3f}" if p >= 0.001 else f"{p:.5f}"


def equal_to(p: float) -> str:
    """Format a p-value behind its name: `p = 0.034`, `p < 0.0001`."""
    text = probability(p)
    return f"< {text[1:]}" if text.startswith("<") else f"= {text}"


def percent(share: float) -> str:
    """Format a share of questions: `9.8 %`."""
    return f"{100 * share:.1f} %"


def how_clustered(clustered_by: str) -> str:
    """Return how an interval was made."""
    return _CLUSTERS[clustered_by]


def questions(count: int) -> str:
    """Format a number of questions."""
    return several(count, "question")

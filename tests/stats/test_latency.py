"""The waits of a run: those that were measured count, and a reply that came by batch is no wait of zero seconds."""

from __future__ import annotations

import pytest

from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats.latency import latency


def case(seconds: float, outcome: Outcome = Outcome.CORRECT) -> Entry:
    return Entry("mmlu/law/1", "mmlu", "law", "other", "m", outcome, "A", "A", "line", seconds, Usage())


def test_replies_that_came_by_batch_leave_the_median_of_the_others_alone() -> None:
    found = latency([case(0.0), case(0.0), case(2.0), case(4.0), case(9.0, Outcome.ERROR)])
    assert found is not None
    assert (found.mean, found.p50, found.p95) == (3.0, 2.0, 4.0)


@pytest.mark.parametrize("results", [[], [case(0.0)], [case(3.0, Outcome.ERROR)]])
def test_where_nothing_was_measured_nothing_is_told(results: list[Entry]) -> None:
    assert latency(results) is None

"""What each xdist worker may ask: nothing twice, nothing left out, and no more at once than the user allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.plugin.xdist.scheduling import Shards, share_of, state_of
from mmlubench.run.share import Share

workers = st.integers(1, 16)


def shares(total: int) -> list[Share]:
    return [Share(number, total) for number in range(total)]


@given(total=workers, cases=st.integers(0, 200))
def test_every_case_is_asked_by_exactly_one_worker(total: int, cases: int) -> None:
    for position in range(cases):
        assert sum(share.includes(position) for share in shares(total)) == 1


@given(total=workers, cases=st.integers(0, 200))
def test_no_worker_has_much_more_to_do_than_another(total: int, cases: int) -> None:
    sizes = [sum(share.includes(position) for position in range(cases)) for share in shares(total)]
    assert max(sizes) - min(sizes) <= 1


@given(total=workers, limit=st.integers(1, 500))
def test_the_workers_together_keep_to_the_concurrency_of_the_run(total: int, limit: int) -> None:
    parts = [share.of(limit) for share in shares(total)]
    assert sum(parts) == max(limit, total)  # more only where a worker could not ask at all otherwise
    assert min(parts) >= 1
    assert max(parts) - min(parts) <= 1


def test_a_process_alone_has_everything() -> None:
    alone = Share()
    assert alone.of(64) == 64
    assert all(alone.includes(position) for position in range(5))


def test_a_replacement_for_a_crashed_worker_has_exactly_what_was_left() -> None:
    replacement = Share(1, 2, only=frozenset({5, 9}))
    assert [position for position in range(12) if replacement.includes(position)] == [5, 9]
    assert replacement.of(64) == 32
    # A worker that crashed after its last case left nothing: its replacement must not begin anew.
    assert not any(Share(1, 2, only=frozenset()).includes(position) for position in range(12))


@pytest.mark.parametrize("workercount", [1, 3])
def test_under_somebody_elses_scheduler_nothing_is_asked_ahead(workercount: int) -> None:
    # The case might be another worker's: it would be asked, and paid for, twice.
    share = share_of({"workercount": workercount})
    assert not any(share.includes(position) for position in range(10))
    assert share.of(64) * workercount >= 64


# -- what the controller tells workers -------------------------------------------------------------------------------


@pytest.fixture
def shards() -> Iterator[Any]:
    made: list[Shards] = []

    def make(workers: int, most: int = 64) -> Shards:
        made.append(Shards(workers, most=most, started=1000.5))
        return made[-1]

    yield make
    for one in made:
        one.pytest_unconfigure()


class Node:
    """A worker, as xdist makes it."""

    def __init__(self) -> None:
        self.workerinput: dict[str, Any] = {}


def told(shards: Shards) -> tuple[Any, Share]:
    """A new worker, and the share it is started with."""
    node = Node()
    shards.assign(node)
    return node, share_of(node.workerinput)


def test_fewer_requests_in_flight_than_workers_leave_some_without_work(shards: Any) -> None:
    # --concurrency 2 -n 4: each worker that asks has at least one in flight, so only two may ask.
    shares = [told(made)[1] for made in [shards(4, most=2)] for _ in range(4)]
    assert [share.of(2) for share in shares[:2]] == [1, 1]
    assert all(sum(share.includes(n) for share in shares) == 1 for n in range(20))
    assert not any(share.includes(n) for share in shares[2:] for n in range(20))


def test_all_workers_know_when_the_run_began_their_replacements_too(shards: Any) -> None:
    # --refresh asks anew what is older than that, and not what a crashed worker had asked anew already.
    made = shards(2)
    node, share = told(made)
    told(made)
    made.make_vacant(node, [4, 6])
    assert (share.started, told(made)[1].started) == (1000.5, 1000.5)


def test_what_a_crashed_worker_spent_is_gone_for_its_replacements(shards: Any) -> None:
    made = shards(2)
    (first, share), (second, _) = told(made), told(made)
    assert share.spent == 0.0
    state = state_of(first.workerinput)
    assert state is not None
    state.note_spent(0.125)
    made.make_vacant(first, [4, 6])
    next_one, replacement = told(made)
    assert (replacement.number, replacement.spent) == (0, 0.125)
    # It crashes as well, before it has spent anything, and before it began at all.
    made.make_vacant(next_one, [6])
    assert told(made)[1].spent == 0.125
    made.make_vacant(second)
    assert told(made)[1].spent == 0.0

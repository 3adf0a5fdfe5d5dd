"""Whether a request that fails again and again is the cause itself: answers are lost, or a run waits in vain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.blame import Attempts, Blame
from mmlubench.errors import BadReply, Overloaded, ProviderError, RateLimited, Unreachable

BROKEN = Overloaded("CUDA error", status=500)
BUSY = RateLimited("slow down", status=429)
GONE = Unreachable("did not answer in time")


class Case:
    """One request that fails, one second after another, and what happens to the others in between."""

    def __init__(self) -> None:
        self.attempts = Attempts(answered=1000, failed=1)
        self.now = 100.0
        self.blame = Blame(self.attempts, self.now)

    def fail(self, error: ProviderError, *, answered: int = 0, failed: int = 0, after_s: float = 1.0) -> bool:
        """One more failure; returns whether the request is given up."""
        self.now += after_s
        self.attempts.answered += answered
        self.attempts.failed += failed + 1
        self.blame.add(error)
        return self.blame.is_proved(error, self.now)


@pytest.mark.parametrize("error", [BROKEN, BadReply("not JSON")])
def test_who_fails_while_all_others_are_answered_is_soon_to_blame(error: ProviderError) -> None:
    case = Case()
    given_up = [case.fail(error, answered=100) for _ in range(4)]
    assert given_up == [False, False, False, True]
    assert (case.blame.failures, case.blame.others) == (5, 400)


def test_who_fails_together_with_all_others_is_not() -> None:
    # An outage: nobody is answered, and nothing is known of any single request.
    case = Case()
    assert not any(case.fail(BROKEN, failed=60) for _ in range(44))


def test_a_server_that_fails_all_for_minutes_is_no_proof_against_one() -> None:
    # A vLLM whose engine was killed, until it is there again.
    case = Case()
    assert not any(case.fail(BROKEN, failed=60, after_s=10) for _ in range(20))


def test_no_single_request_that_the_server_fails_keeps_a_run_from_its_end() -> None:
    case = Case()
    given_up = [case.fail(BROKEN, answered=1, failed=60, after_s=10) for _ in range(5)]
    assert given_up == [False] * 4 + [True]


def test_after_two_requests_that_were_given_up_with_no_reply_in_between_it_is_the_server() -> None:
    case = Case()
    case.attempts.lost = 2
    assert not any(case.fail(BROKEN) for _ in range(50))
    case.attempts.was_answered()
    assert case.fail(BROKEN, answered=1)


def test_who_is_refused_is_not_to_blame_for_what_it_met_alone_before() -> None:
    # At a concurrency of 1: the engine fails, then the server is gone.
    case = Case()
    for _ in range(4):
        case.fail(BROKEN)
    assert not any(case.fail(GONE, after_s=20) for _ in range(14))


def test_three_failures_at_least() -> None:
    case = Case()
    assert not case.fail(BROKEN, answered=10**9, after_s=1000)
    assert case.fail(BROKEN, answered=10**9)


@pytest.mark.parametrize("error", [BUSY, Overloaded("x", status=503), Overloaded("x", status=502)])
def test_who_is_refused_waits_a_minute_at_least_and_needs_good_proof(error: ProviderError) -> None:
    case = Case()
    assert not any(case.fail(error, answered=100) for _ in range(59))
    assert case.fail(error, answered=100)
    case = Case()
    assert not any(case.fail(error, answered=1, failed=20) for _ in range(200))


def test_refusals_prove_nothing_where_nobody_else_asks() -> None:
    case = Case()
    assert not any(case.fail(BUSY, after_s=10) for _ in range(200))


def test_who_times_out_is_given_up_on_less_proof_as_each_attempt_takes_so_long() -> None:
    case = Case()
    assert not case.fail(GONE, answered=10, after_s=30)
    assert not case.fail(GONE, answered=10, after_s=29)
    assert case.fail(GONE, answered=10, after_s=30)


def test_who_fails_alone_is_given_up_after_some_attempts() -> None:
    case = Case()
    given_up = [case.fail(BROKEN) for _ in range(9)]
    assert given_up.index(True) in (5, 6, 7)


@given(
    events=st.lists(
        st.tuples(
            st.sampled_from([BROKEN, BUSY, GONE]), st.integers(0, 50), st.integers(0, 50), st.floats(0, 30)
        ),
        max_size=40,
    )
)
def test_proof_only_grows_and_is_never_there_after_two_failures(
    events: list[tuple[ProviderError, int, int, float]],
) -> None:
    case, chance = Case(), 1.0
    for number, (error, answered, failed, after_s) in enumerate(events, start=2):
        given_up = case.fail(error, answered=answered, failed=failed, after_s=after_s)
        assert 0 < case.blame._chance <= chance
        chance = case.blame._chance
        assert case.blame.failures == number
        assert not (given_up and number < 3 and error is BROKEN)
        if not answered and error is not BROKEN:
            assert not given_up or chance < 1e-3
    assert case.blame.others == sum(answered for _, answered, _, _ in events)

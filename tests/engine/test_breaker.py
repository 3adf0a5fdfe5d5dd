"""When everything is stopped, and when a single request's failure must not stop the others."""

from __future__ import annotations

import pytest

from mmlubench.engine.limits.breaker import Breaker
from mmlubench.errors import BadReply, Overloaded, ProviderError, RateLimited, Rejected, Unreachable

GONE = Unreachable("connection refused")


class Watched(Breaker):
    """A breaker with a clock to set, and requests in one word."""

    def __init__(self) -> None:
        self.now = 100.0
        super().__init__(120.0, lambda: self.now)

    def fail(self, *errors: ProviderError) -> Watched:
        """Requests that failed for good, one after another."""
        for error in errors:
            self.attempt_failed(error, self.now)
            self.request_failed(error)
        return self

    @property
    def asks(self) -> bool:
        try:
            self.check()
        except ProviderError:
            return False
        return True


@pytest.fixture
def breaker() -> Watched:
    return Watched()


def test_a_limit_that_lets_nothing_through_for_minutes_ends_it(breaker: Watched) -> None:
    # Else a full run against an account without any quota left would go on for days.
    limit = RateLimited("slow down", status=429)
    breaker.answered()
    assert breaker.fail(limit, limit, limit).asks
    breaker.now += 121
    assert not breaker.fail(limit, limit, limit).asks


def test_a_limit_that_lets_some_through_is_waited_for(breaker: Watched) -> None:
    limit = RateLimited("slow down", status=429)
    for _ in range(5):
        breaker.now += 100
        breaker.answered()
        assert breaker.fail(limit, limit, limit).asks


# -- everybody would fail --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        Rejected("no valid key", status=401),
        Rejected("no credit", status=402),
        Rejected("no such model", status=404),
        Rejected("the quota is used up", status=429),
        RateLimited("come back tomorrow", status=429, retry_after_s=86_400),
        BadReply("status 200, but the body is not JSON: '<html>Please log in'"),
        GONE,
    ],
)
def test_three_in_a_row_for_a_reason_that_concerns_all_end_it(error: ProviderError, breaker: Watched) -> None:
    # The next 14,039 requests would fail in the same way, some of them for money.
    assert breaker.fail(error, error).asks
    assert not breaker.fail(error).asks
    with pytest.raises(type(error), match=f"^not asked: {error}$".replace("?", r"\?")) as caught:
        breaker.check()
    assert caught.value.status == error.status


@pytest.mark.parametrize("status", [401, 402, 429])
def test_money_or_a_key_that_runs_out_half_way_ends_it_as_well(status: int, breaker: Watched) -> None:
    breaker.answered()
    no = Rejected("no more", status=status)
    assert not breaker.fail(no, no, no).asks


def test_one_answer_in_between_keeps_it_going(breaker: Watched) -> None:
    # OpenRouter says 402 to a single long request that it finds too expensive.
    no = Rejected("no credit for this", status=402)
    for _ in range(5):
        breaker.fail(no, no)
        breaker.answered()
    assert breaker.asks


# -- only some fail --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answered_before", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        Rejected("flagged by moderation", status=403),
        Rejected("too long", status=400),
        Rejected("too long", status=413),
        Rejected("cannot be written as JSON"),
        Overloaded("CUDA error", status=500),
        RateLimited("slow down", status=429),
        RateLimited("slow down", status=429, retry_after_s=60),
    ],
)
def test_a_fault_of_single_requests_never_stops_the_others(
    error: ProviderError, answered_before: bool, breaker: Watched
) -> None:
    if answered_before:
        breaker.answered()
    assert breaker.fail(*[error] * 20).asks


@pytest.mark.parametrize("error", [Rejected("not found", status=404), BadReply("not JSON")])
def test_what_answered_somebody_is_the_right_server(error: ProviderError, breaker: Watched) -> None:
    breaker.answered()
    assert breaker.fail(*[error] * 20).asks


@pytest.mark.parametrize("sign", [Overloaded("busy", status=503), Rejected("too long", status=400)])
def test_any_sign_of_life_in_between_keeps_the_server_in_use(sign: ProviderError, breaker: Watched) -> None:
    for _ in range(5):
        breaker.fail(GONE, GONE, sign)
        breaker.now += 60
    assert breaker.asks


# -- out of reach ----------------------------------------------------------------------------------------------------


def test_two_seconds_without_a_connection_end_nothing(breaker: Watched) -> None:
    # 64 under way, and all of them out of patience: still only a hiccup.
    breaker.answered()
    breaker.fail(*[GONE] * 30)
    breaker.now += 2
    assert breaker.fail(*[GONE] * 34).asks


def test_fifteen_seconds_without_any_sign_of_life_do(breaker: Watched) -> None:
    breaker.answered()
    breaker.fail(GONE, GONE)
    breaker.now += 15
    assert not breaker.fail(GONE).asks


def test_the_time_is_counted_from_the_first_failure_since_the_last_answer(breaker: Watched) -> None:
    breaker.answered()
    breaker.fail(GONE, GONE)
    breaker.now += 14
    breaker.answered()
    breaker.now += 14
    assert breaker.fail(GONE, GONE, GONE).asks


@pytest.mark.parametrize(("was_there", "patience_s"), [(True, 90), (False, 8)])
def test_a_server_that_was_there_is_waited_for_longer_than_one_that_never_was(
    was_there: bool, patience_s: float, breaker: Watched
) -> None:
    if was_there:
        breaker.answered()
    assert breaker.is_worth_waiting(1000)  # nothing is known to be wrong
    breaker.attempt_failed(GONE, breaker.now)
    breaker.now += 5
    assert breaker.is_worth_waiting(patience_s - 5)
    assert not breaker.is_worth_waiting(patience_s - 4)


def test_a_first_connection_that_timed_out_has_used_up_its_patience(breaker: Watched) -> None:
    breaker.attempt_failed(GONE, breaker.now - 10)
    assert not breaker.is_worth_waiting(0.5)


# -- and back --------------------------------------------------------------------------------------------------------


def test_every_fifteen_seconds_one_request_may_find_out(breaker: Watched) -> None:
    breaker.fail(GONE, GONE, GONE)
    assert not breaker.asks
    breaker.now += 15
    assert [breaker.asks, breaker.asks] == [True, False]
    breaker.fail(GONE)
    breaker.now += 14
    assert not breaker.asks
    breaker.now += 1
    assert breaker.asks
    breaker.answered()
    assert [breaker.asks, breaker.asks] == [True, True]


def test_a_server_that_is_back_in_a_bad_mood_is_back(breaker: Watched) -> None:
    breaker.fail(GONE, GONE, GONE)
    breaker.now += 15
    assert breaker.asks
    breaker.attempt_failed(Overloaded("loading model", status=503), breaker.now)
    assert breaker.asks


def test_a_refusal_of_everybody_is_not_lifted_by_another(breaker: Watched) -> None:
    no = Rejected("no valid key", status=401)
    breaker.fail(no, no, no)
    breaker.attempt_failed(no, breaker.now)
    assert not breaker.asks

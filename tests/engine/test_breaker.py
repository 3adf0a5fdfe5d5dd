"""When everything is stopped, and when a single request's failure must not stop the others."""

from __future__ import annotations

import pytest

from mmlubench.engine.limits.breaker import PATIENCE_S, Breaker
from mmlubench.errors import (
    BadReply,
    OutOfSockets,
    Overloaded,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
)

GONE = Unreachable("connection refused")
BUSY = RateLimited("slow down", status=429)
BROKEN = Overloaded("CUDA error", status=500)


class Watched(Breaker):
    """A breaker with a clock to set, and requests in one word."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self.now = 100.0
        super().__init__(120.0, patience_s, lambda: self.now)

    def fail(self, *errors: ProviderError) -> Watched:
        """Requests that failed for good, one after another."""
        for number, error in enumerate(errors):
            self.attempt_failed(error, self.now, f"failed {number}")
            self.request_failed(error)
        return self

    def try_for(self, seconds: float, error: ProviderError) -> Watched:
        """Attempts that fail, one a second."""
        for number in range(round(seconds) + 1):
            self.attempt_failed(error, self.now, f"tried {number % 2}")
            self.now += 1
        self.now -= 1
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


# -- nothing is answered ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [BROKEN, BadReply("not JSON")])
def test_a_server_that_fails_everything_from_the_start_gets_twelve_seconds(
    error: ProviderError, breaker: Watched
) -> None:
    # A wrong model or path; but one that says that it is busy may be loading its model.
    assert breaker.try_for(11, error).asks
    assert breaker.try_for(60, Overloaded("loading model", status=503)).asks
    assert breaker.try_for(11, error).asks
    assert not breaker.try_for(2, error).asks


@pytest.mark.parametrize("error", [BUSY, BROKEN, GONE, BadReply("not JSON")])
def test_a_server_that_answers_nothing_for_five_minutes_ends_it(
    error: ProviderError, breaker: Watched
) -> None:
    # Else a full run against an account without any quota left would go on for days.
    breaker.answered()
    assert breaker.try_for(299, error).asks
    breaker.now += 1
    assert not breaker.try_for(0, error).asks
    with pytest.raises(type(error), match=f"^not asked: {error}$") as caught:
        breaker.check()
    assert caught.value.status == error.status


@pytest.mark.parametrize("patience_s", [2, 60, 3000])
def test_the_user_says_how_long(patience_s: float) -> None:
    breaker = Watched(patience_s)
    breaker.answered()
    assert breaker.try_for(patience_s - 1, BUSY).asks
    assert not breaker.try_for(1, BUSY).asks


def test_a_limit_that_lets_some_through_is_waited_for(breaker: Watched) -> None:
    for _ in range(5):
        breaker.answered()
        assert breaker.try_for(250, BUSY).asks


def test_the_time_is_counted_from_the_first_failure_since_the_last_answer(breaker: Watched) -> None:
    # A server that is slow may be silent for minutes before something fails.
    breaker.answered()
    breaker.now += 1000
    assert breaker.try_for(299, GONE).asks
    assert not breaker.try_for(2, GONE).asks


@pytest.mark.parametrize(
    ("sign", "asks"), [(BUSY, True), (Rejected("too long", status=400), True), (GONE, False)]
)
def test_a_server_that_was_never_reached_gets_eight_seconds(
    sign: ProviderError, asks: bool, breaker: Watched
) -> None:
    # Its address is most likely wrong; nobody wants to wait five minutes to be told so.
    assert breaker.try_for(7, GONE).asks
    breaker.attempt_failed(sign, breaker.now)
    assert breaker.try_for(2, GONE).asks == asks


def test_a_first_connection_that_timed_out_has_used_up_its_patience(breaker: Watched) -> None:
    breaker.attempt_failed(GONE, breaker.now - 10)
    assert not breaker.asks


def test_a_time_out_of_a_server_that_was_there_is_counted_from_its_end(breaker: Watched) -> None:
    # It may have answered others during the ten minutes that this one took.
    breaker.answered()
    breaker.attempt_failed(GONE, breaker.now - 600)
    assert breaker.asks


def test_an_answer_that_was_still_under_way_goes_on_with_the_run(breaker: Watched) -> None:
    breaker.answered()
    assert not breaker.try_for(301, GONE).asks
    breaker.answered()
    assert breaker.asks
    assert breaker.try_for(299, GONE).asks


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
        BROKEN,
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


def test_who_is_told_that_nothing_is_sent_any_more_gets_an_error_of_its_own(breaker: Watched) -> None:
    # One exception raised in a hundred tasks would collect a hundred tracebacks.
    no = Rejected("no valid key", status=401)
    breaker.fail(no, no, no)
    assert breaker.refusal() is not breaker.refusal()
    assert str(breaker.refusal()) == "not asked: no valid key"


# -- only some fail --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answered_before", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        Rejected("flagged by moderation", status=403),
        Rejected("too long", status=400),
        Rejected("too long", status=413),
        Rejected("cannot be written as JSON"),
        BUSY,
        RateLimited("slow down", status=429, retry_after_s=60),
    ],
)
def test_a_fault_of_single_requests_never_stops_the_others(
    error: ProviderError, answered_before: bool, breaker: Watched
) -> None:
    if answered_before:
        breaker.answered()
    assert breaker.fail(*[error] * 20).asks


@pytest.mark.parametrize("error", [Rejected("not found", status=404), BadReply("not JSON"), BROKEN])
def test_what_answered_somebody_is_the_right_server(error: ProviderError, breaker: Watched) -> None:
    breaker.answered()
    assert breaker.fail(*[error] * 20).asks


def test_questions_that_are_rejected_one_by_one_for_minutes_end_nothing(breaker: Watched) -> None:
    # What is left of a run may be the questions that a filter rejects.
    assert breaker.try_for(1000, Rejected("flagged", status=403)).asks


def test_another_kind_of_failure_in_between_is_no_common_reason(breaker: Watched) -> None:
    no, single = Rejected("no", status=401), Rejected("too long", status=400)
    assert breaker.fail(no, no, single, no, no).asks


def test_one_request_alone_never_ends_the_run(breaker: Watched) -> None:
    # With --concurrency 1, a question that always times out is all that is asked for twenty minutes.
    breaker.answered()
    breaker.attempt_failed(GONE, breaker.now, "the slow one")
    breaker.now += 1200
    breaker.attempt_failed(GONE, breaker.now, "the slow one")
    assert breaker.asks
    assert breaker.is_over  # so it is given up itself
    breaker.request_failed(GONE)
    breaker.attempt_failed(BROKEN, breaker.now, "another one")
    assert breaker.asks  # that one is tried again
    assert not breaker.is_over
    breaker.now += 300
    breaker.attempt_failed(BROKEN, breaker.now, "another one")
    assert not breaker.asks


# -- a server that refuses every request in the same way --------------------------------------------------------------


@pytest.mark.parametrize("status", [307, 400, 403, 413, 422])
def test_a_server_that_refuses_all_in_one_way_is_asked_no_further(status: int, breaker: Watched) -> None:
    # 14,042 questions would be refused one by one: an unknown parameter, a redirect, a body that is too long.
    refused = Rejected(f"m: HTTP {status}: no such parameter.", status=status)
    assert breaker.fail(*[refused] * 63).asks
    assert not breaker.fail(refused).asks
    assert str(breaker.refusal()) == (
        f"not asked: m: HTTP {status}: no such parameter; 64 requests in a row were refused so, "
        "and none has been answered"
    )


def test_a_server_that_answered_once_may_refuse_the_rest_one_by_one(breaker: Watched) -> None:
    breaker.answered()
    assert breaker.fail(*[Rejected("flagged", status=403)] * 1000).asks


def test_refusals_of_different_kinds_are_of_the_requests(breaker: Watched) -> None:
    flagged, long = Rejected("flagged", status=403), Rejected("too long", status=400)
    assert breaker.fail(*[flagged] * 40, *[long] * 40, *[flagged] * 40).asks


def test_what_cannot_even_be_sent_is_no_refusal_of_the_server(breaker: Watched) -> None:
    assert breaker.fail(*[Rejected("cannot be written as JSON")] * 100).asks


# -- a want of our own -------------------------------------------------------------------------------------------------


def test_a_want_of_descriptors_is_waited_for_as_no_missing_server_is(breaker: Watched) -> None:
    # Eight seconds are for a wrong address; files of this machine become free again.
    assert breaker.try_for(299, OutOfSockets("no room")).asks
    assert not breaker.try_for(2, OutOfSockets("no room")).asks


def test_a_server_was_not_reached_because_this_machine_lacked_something(breaker: Watched) -> None:
    breaker.attempt_failed(OutOfSockets("no room"), breaker.now)
    assert not breaker.try_for(9, GONE).asks


# -- a server that is away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [GONE, Overloaded("Loading model", status=503), Overloaded("x", status=502)]
)
def test_a_server_that_is_away_is_waited_for_as_long_as_the_user_says(error: ProviderError) -> None:
    for away_s in (30.0, 900.0):
        breaker = Watched()
        breaker._away_s = away_s
        breaker.answered()
        assert breaker.try_for(away_s - 1, error).asks
        assert not breaker.try_for(2, error).asks


def test_the_patience_with_other_failures_stays_what_it_is() -> None:
    breaker = Watched()
    breaker._away_s = 900.0
    breaker.answered()
    assert not breaker.try_for(301, BUSY).asks

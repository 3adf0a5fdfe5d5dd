"""Limits as arithmetic: what may be spent, how a limit is measured, how it grows back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmlubench.engine.limits.buckets import Bucket, CubicLimit, Tokens, Window
from mmlubench.schema import Message, Params, Request, Usage

rates = st.floats(0.1, 10_000)
seconds = st.floats(0.001, 100)

# -- a limit that is felt for ----------------------------------------------------------------------------------------


def test_a_limit_that_was_never_cut_stands_at_the_most() -> None:
    ceiling = CubicLimit(1, 64, step=0.5)
    ceiling.grow(0)
    assert [ceiling.at(now) for now in (0, 1, 1e6)] == [64, 64, 64]


def test_a_cut_holds_until_something_is_answered_and_then_heals_along_the_curve() -> None:
    ceiling = CubicLimit(1, 1000, step=0.5)
    ceiling.cut(low=80, peak=100, recovery_s=10)
    assert ceiling.at(1e6) == 80  # silence promises nothing
    ceiling.grow(50)
    ceiling.grow(55)  # it has begun already
    assert [round(ceiling.at(50 + s)) for s in (0, 1, 5, 10, 20, 30, 40)] == [80, 85, 98, 100, 120, 260, 640]


def test_a_limit_cut_to_its_least_still_grows() -> None:
    # Else a run that was once down to one request at a time would stay there.
    ceiling = CubicLimit(1, 64, step=0.5)
    ceiling.cut(low=0.2, peak=0.3, recovery_s=10)
    ceiling.grow(0)
    assert (ceiling.at(0), ceiling.at(10)) == (1, 1)
    assert ceiling.at(60) == 63.5
    assert ceiling.at(100) == 64


@given(
    low=st.floats(0, 200),
    peak=st.floats(0, 200),
    span=seconds,
    times=st.lists(st.floats(0, 1000), min_size=2),
)
def test_a_limit_keeps_its_bounds_and_only_grows(
    low: float, peak: float, span: float, times: list[float]
) -> None:
    ceiling = CubicLimit(1, 100, step=0.5)
    ceiling.cut(low, peak, span)
    ceiling.grow(0)
    stood = [ceiling.at(now) for now in sorted(times)]
    assert all(1 <= at <= 100 for at in stood)
    assert all(before <= after for before, after in pairwise(stood))


def test_what_is_lifted_is_forgotten() -> None:
    ceiling = CubicLimit(1, 64, step=0.5)
    ceiling.cut(2, 3, 10)
    ceiling.lift()
    assert (ceiling.at(0), ceiling.peak) == (64, 64)


# -- what may be spent -----------------------------------------------------------------------------------------------


@given(rate=rates, pauses=st.lists(seconds, min_size=1, max_size=50))
def test_never_more_is_spent_than_came_in_and_what_the_bucket_holds(rate: float, pauses: list[float]) -> None:
    bucket, now, spent = Bucket(keep_s=0.05), 0.0, 0
    for pause in pauses:
        for _ in range(20):
            if bucket.wait_s(1, rate, now) > 0:
                break
            bucket.spend(1)
            spent += 1
        now += pause
    assert spent <= rate * now + 1 + 0.05 * rate + 1e-6


@given(rate=rates, late=st.floats(0, 0.04))
def test_who_comes_when_told_to_gets_the_whole_rate_even_if_timers_are_late(rate: float, late: float) -> None:
    # At 1,000 a second a timer is late by half of what it waits for; that must not halve the rate.
    bucket, now, spent = Bucket(keep_s=0.05), 0.0, 0
    while spent < 200:
        wait = bucket.wait_s(1, rate, now)
        if wait > 0:
            now += wait + late
        else:
            bucket.spend(1)
            spent += 1
    assert spent >= rate * (now - late) * 0.999 - 1


def test_more_than_it_holds_can_be_spent_on_credit() -> None:
    bucket = Bucket(keep_s=2)
    assert bucket.wait_s(1000, 10, now=0) == 2.0  # until it is full: 1 and 2 s at 10 a second
    assert bucket.wait_s(1000, 10, now=2) == 0.0
    bucket.spend(1000)
    assert bucket.wait_s(1, 10, now=2) == pytest.approx(98)


def test_giving_back_and_starting_anew() -> None:
    bucket = Bucket(keep_s=1)
    bucket.wait_s(1, 10, now=0)
    bucket.spend(5)
    bucket.spend(-5)
    assert bucket.wait_s(1, 10, now=0) == 0.0
    bucket.drain(7)  # the pause ends in seven seconds
    assert bucket.wait_s(1, 10, now=7) == pytest.approx(0.1)


# -- how many were taken ---------------------------------------------------------------------------------------------


def test_requests_that_were_not_turned_down_were_taken_though_their_replies_are_not_there_yet() -> None:
    window = Window()
    window.restart(at=10, sent=100)
    for number in (101, 103, 110):
        window.lose(number)
    assert window.up_to(110, sent_at=12) == (3.5, 2, 7)


def test_what_was_sent_before_does_not_count() -> None:
    window = Window()
    window.restart(at=10, sent=100)
    window.lose(99)
    assert window.up_to(100, sent_at=9).accepted == 0
    assert window.up_to(101, sent_at=10).rate == 1000  # in no time at all, but not infinitely many


@given(rate=st.floats(0.5, 2000), lost=st.integers(2, 20))
def test_a_steady_rate_is_measured_as_it_is(rate: float, lost: int) -> None:
    window = Window()
    window.restart(0, 0)
    for number in range(1, 300):
        now = number / rate
        window.roll(now, number)
        if number % lost == 0:
            window.lose(number)
    number -= number % lost
    seen = window.up_to(number, number / rate)
    assume(seen.accepted > 20)
    assert seen.rate == pytest.approx(rate * (1 - 1 / lost), rel=0.12)


def test_what_is_long_ago_is_forgotten() -> None:
    window = Window()
    window.restart(0, 0)
    sent = 0
    for rate, begin in ((10, 0), (100, 10)):
        for step in range(10 * rate):
            sent += 1
            window.roll(begin + step / rate, sent)
    seen = window.up_to(sent, 20)
    assert 1 <= seen.seconds <= 2.1
    assert seen.rate == pytest.approx(100, rel=0.02)


# -- tokens ----------------------------------------------------------------------------------------------------------


def question(chars: int, max_tokens: int | None = None) -> Request:
    return Request("q", (Message("user", "x" * chars),), Params(max_tokens=max_tokens))


def test_replies_are_guessed_from_the_limit_and_then_from_experience() -> None:
    tokens = Tokens(tpm=60_000)
    assert tokens.guess(question(400, max_tokens=2048)) == 100 + 2048
    assert tokens.guess(question(400)) == 100 + 256
    tokens.settle(0, Usage(100, 10))
    assert tokens.guess(question(400, max_tokens=2048)) == 110
    tokens.settle(0, Usage(100, 20))
    assert tokens.guess(question(400)) == 111


@given(actual=st.integers(1, 3000), guess=st.floats(1, 3000), tpm=st.floats(600, 600_000))
def test_tokens_keep_to_their_limit_however_wrong_the_guess(actual: int, guess: float, tpm: float) -> None:
    tokens, now = Tokens(tpm), 0.0
    n = 50
    for _ in range(n):
        while (wait := tokens.wait_s(guess, now)) > 0:
            now += wait
        tokens.spend(guess)
        now += 0.001
        tokens.settle(guess, Usage(actual, 0))
    # What the last one took is on credit, and a bucket may be full at the start.
    assert (n - 1) * actual - guess <= tpm / 60 * (now + 2) + 1 + actual


def test_a_request_that_failed_took_nothing() -> None:
    tokens = Tokens(tpm=60)
    tokens.wait_s(1, now=0)
    tokens.spend(1)
    assert tokens.wait_s(1, now=0) == 1.0
    tokens.settle(1, None)
    assert tokens.wait_s(1, now=0) == 0.0

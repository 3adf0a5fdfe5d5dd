"""Token buckets as arithmetic: what may be spent, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.buckets import Bucket, Tokens
from mmlubench.schema import Message, Params, Request, Usage

rates = st.floats(0.1, 10_000)
seconds = st.floats(0.001, 100)

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

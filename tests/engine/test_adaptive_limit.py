"""The adaptive limit after rejected requests, step by step; whole runs are in test_limiter.py."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.adaptive import LONGEST_PAUSE_S, AdaptiveLimit


class Story:
    """Requests that are sent, answered and turned down at given times, with their numbers counted."""

    def __init__(self, concurrency: int = 64, most_per_s: float = inf) -> None:
        self.limit = AdaptiveLimit(concurrency, most_per_s)
        self.last = 0

    def send(self, now: float) -> int:
        self.last += 1
        self.limit.sent(self.last, now)
        return self.last

    def answered(self, rate: float, begin: float, end: float, latency_s: float = 0.05) -> None:
        """So many requests a second are sent and answered."""
        for step in range(round(rate * (end - begin))):
            at = begin + step / rate
            self.limit.answered(self.send(at), at, at + latency_s)

    def reject(self, now: float, pause_s: float = 0.0) -> None:
        """One more request, turned down at once."""
        number = self.send(now)
        self.limit.lost(number)
        self.limit.rejected(number, now, self.last, now, pause_s)


def settled(rate: int = 100) -> Story:
    """A server that took so many requests in each of five seconds, and then turned one down."""
    story = Story()
    story.answered(rate, 0, 5)
    story.reject(5)
    return story


def test_nothing_is_limited_until_something_is_turned_down() -> None:
    story = Story()
    story.answered(1000, 0, 1)
    story.limit.lost(17)  # a failure of another kind
    assert (story.limit.places(1), story.limit.rate(1), story.limit.is_free) == (64, inf, True)


def test_a_rejection_cuts_both_limits() -> None:
    story = settled()
    assert story.limit.places(5) == 44  # 0.7 of 64
    assert story.limit.rate(5) == pytest.approx(95, rel=0.02)
    assert not story.limit.is_free


def test_sixty_four_rejections_at_once_are_one() -> None:
    story = Story()
    story.answered(100, 0, 5)
    burst = [story.send(5) for _ in range(64)]
    for number in burst:
        story.limit.lost(number)
        story.limit.rejected(number, 5, story.last, 5.01)
    assert story.limit.places(5.01) == 44


def test_cuts_are_a_second_apart() -> None:
    story = settled()
    story.answered(100, 5, 5.5)
    story.reject(5.9)
    assert story.limit.places(5.9) > 44
    story.reject(6.1)
    assert story.limit.places(6.1) < 44


def test_a_limit_that_is_known_is_left_by_small_steps() -> None:
    story = settled()
    story.answered(100, 5, 15)
    places = story.limit.places(15)
    story.reject(15)
    assert story.limit.places(15) >= 0.93 * places
    assert story.limit.rate(15) == pytest.approx(95, rel=0.05)


def test_an_outage_with_nothing_answered_says_nothing_of_the_rate() -> None:
    # Ten seconds of 529 must not leave a run crawling for minutes afterwards.
    story = settled()
    before = story.limit.rate(5)
    for second in range(7, 17):
        story.reject(second)
    assert story.limit.rate(17) == before
    assert story.limit.places(17) == 1
    story.answered(1, 17, 18)
    assert story.limit.places(17.05 + 10) >= 44


def test_both_limits_grow_back_and_are_forgotten_when_nothing_is_turned_down() -> None:
    story = settled()
    for second in range(5, 80):
        story.answered(20, second, second + 1)
    assert story.limit.is_free
    assert (story.limit.places(80), story.limit.rate(80)) == (64, inf)


def test_a_limit_that_was_told_is_never_exceeded() -> None:
    story = Story(most_per_s=5)
    for second in range(100):
        story.answered(5, second, second + 1)
    assert story.limit.rate(100) == 5


# -- pauses ----------------------------------------------------------------------------------------------------------


def test_a_pause_is_for_all() -> None:
    story = settled()
    story.reject(7, pause_s=3)
    assert story.limit.resume_at == 10
    story.limit.pause(1, story.last, 8)  # a shorter wish does not shorten it
    assert story.limit.resume_at == 10


def test_a_pause_until_tomorrow_is_not_made() -> None:
    story = settled()
    story.limit.pause(LONGEST_PAUSE_S + 1, story.last, 6)
    assert story.limit.resume_at == -inf


def test_after_a_pause_nobody_starts_in_the_same_instant() -> None:
    story = Story()
    story.answered(64, 0, 0.1)
    story.limit.pause(1, story.last, 0.1)
    assert story.limit.rate(1.1) < inf


def test_what_was_saved_up_in_a_pause_is_not_taken_for_the_rate() -> None:
    # It allows 100 a second and saved up 100 in a pause of one: 130 in 0.3 s must not be read as 433 a second.
    story = settled(rate=400)
    story.reject(7, pause_s=1)
    story.answered(433, 8, 8.3)
    story.reject(8.31)
    assert 100 < story.limit.rate(8.31) < 250


def test_a_silence_that_nobody_announced_is_a_pause_as_well() -> None:
    # Counters that start anew every second, without Retry-After: 100 in its first tenth, nothing for the rest.
    story = settled(rate=400)
    story.answered(1000, 6, 6.1)
    story.reject(6.11)
    assert 100 < story.limit.rate(6.11) < 350


# -- whatever happens ------------------------------------------------------------------------------------------------

events = st.lists(
    st.tuples(
        st.sampled_from(["send", "answer", "reject", "lose", "pause"]),
        st.floats(0, 30),
        st.integers(1, 200),
        st.floats(0, 200),
    ),
    max_size=60,
)


@given(events=events, concurrency=st.integers(1, 300), most=st.one_of(st.just(inf), st.floats(0.01, 1000)))
def test_limits_keep_their_bounds_whatever_happens(
    events: list[tuple[str, float, int, float]], concurrency: int, most: float
) -> None:
    story, now = Story(concurrency, most), 0.0
    story.send(0)
    for kind, passes, count, pause_s in events:
        now += passes
        if kind == "send":
            for _ in range(count):
                story.send(now)
        elif kind == "answer":
            story.limit.answered(max(1, story.last - count), now - passes, now)
        elif kind == "reject":
            story.reject(now, pause_s if count % 2 else 0.0)
        elif kind == "lose":
            story.limit.lost(max(1, story.last - count))
        else:
            story.limit.pause(pause_s, story.last, now)
        assert 1 <= story.limit.places(now) <= concurrency
        assert 0 < story.limit.rate(now) <= most
        assert story.limit.resume_at <= now + LONGEST_PAUSE_S

"""The adaptive limit, round by round; whole runs are in tests/perf/test_limit_rows.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.adaptive import LONGEST_PAUSE_S, AdaptiveLimit

Rates = Callable[[AdaptiveLimit], float]


def beyond(rate: float, wish: float) -> Rates:
    """What a server refuses that takes so many requests a second."""
    return lambda limit: max(0.0, 1 - rate / min(limit.rate, wish))


class Story:
    """Requests that are sent, answered and refused at given times, with their numbers counted."""

    def __init__(self, concurrency: int = 64, most_per_s: float = inf) -> None:
        self.limit = AdaptiveLimit(concurrency, most_per_s)
        self.last = 0

    def send(self, now: float, under_way: int = 1) -> int:
        self.last += 1
        self.limit.sent(self.last, under_way, now)
        return self.last

    def refuse(self, now: float, asked_s: float = 0.0, beside: int = 0) -> None:
        """One more request, refused at once."""
        number = self.send(now, beside + 1)
        self.limit.refused(number, beside, beside, self.last, now, asked_s)

    def play(
        self, begin: float, seconds: float, wish: float, refuses: float | Rates = 0.0, asked_s: float = 0.0
    ) -> None:
        """So many requests a second, unless the limits allow fewer; a share of them is refused, evenly spread.

        In place of a share there may be a function from the present limit to one. All places are in use.
        """
        now, part = begin, 0.0
        while (now := max(now, self.limit.resume_at)) < begin + seconds:
            part += refuses(self.limit) if callable(refuses) else refuses
            beside = self.limit.places - 1
            if part >= 1:
                part -= 1
                self.refuse(now, asked_s, beside)
            else:
                self.limit.answered(self.send(now, beside + 1), now - 0.05, now)
            now += 1 / min(wish, self.limit.rate)

    def outage(self, begin: float, seconds: float) -> list[float]:
        """A time in which whatever is sent as soon as the limits allow is refused; returns when that was."""
        now, sent_at = begin, []
        while (now := max(now, self.limit.resume_at)) < begin + seconds:
            self.refuse(now)
            sent_at.append(now)
            now += 0.01
        return sent_at

    @property
    def limits(self) -> tuple[float, int]:
        return self.limit.rate, self.limit.places


def limited(rate: float = 100) -> Story:
    """After three seconds at a server that takes so many requests a second; twice as many are wanted."""
    story = Story()
    story.play(0, 3, 2 * rate, beyond(rate, 2 * rate))
    return story


# -- how fast --------------------------------------------------------------------------------------------------------


def test_nothing_is_limited_until_something_is_refused() -> None:
    story = Story()
    story.play(0, 5, 1000)
    assert story.limits == (inf, 64)
    assert story.limit.is_free


def test_a_refusal_in_a_hundred_slows_nothing_down() -> None:
    story = Story()
    story.play(0, 10, 300, 0.01)
    assert story.limits == (inf, 64)


def test_many_refusals_set_the_rate_to_what_the_server_took() -> None:
    story = limited(100)
    assert story.limit.rate == pytest.approx(100, rel=0.08)
    assert not story.limit.is_free


@pytest.mark.parametrize("before", [0, 100])
def test_sixty_four_rejections_at_once_are_one_cut(before: int) -> None:
    story = Story()
    story.play(0, 1, before or 1)
    burst = [story.send(1, place + 1) for place in range(64)]
    seen = set()
    for beside, number in enumerate(burst):
        story.limit.refused(number, beside, 63 - beside, story.last, 1.01)
        seen.add((*story.limits, story.limit.closed_at))
    assert len(seen) <= 2


def test_a_rate_that_was_safe_comes_back_after_a_faster_one_failed() -> None:
    story = limited(100)
    rates = []
    for second in range(3, 60):
        story.play(second, 1, 400, beyond(100, 400))
        rates.append(story.limit.rate)
    assert min(rates) >= 85
    assert max(rates) <= 140
    assert sum(rates) / len(rates) == pytest.approx(100, rel=0.05)


def test_tries_to_go_faster_become_rare_where_they_fail() -> None:
    # Or a run would meet refusals every few seconds for hours.
    story, tries = limited(100), []
    for second in range(3, 123):
        before = story.limit.rate
        story.play(second, 1, 400, beyond(100, 400))
        if story.limit.rate > max(before, 103):
            tries.append(second)
    assert 2 <= len(tries) <= 30
    assert len([at for at in tries if at > 60]) <= 12


def test_limits_are_forgotten_when_nothing_is_refused_any_more() -> None:
    story = limited(100)
    story.play(3, 60, 400)
    assert story.limits == (inf, 64)
    assert story.limit.is_free


def test_a_limit_that_was_told_is_never_exceeded() -> None:
    story = Story(most_per_s=20)
    for second in range(60):
        story.play(second, 1, 100, 0.5 if second % 7 == 0 else 0.0)
        assert story.limit.rate <= 20
    story.play(60, 60, 100)
    assert story.limit.rate == 20


@pytest.mark.parametrize("share", [0.15, 0.3, 0.5])
def test_a_share_that_is_refused_at_every_speed_slows_nothing_down_for_long(share: float) -> None:
    # A router that sends some of the requests to a server which is down: slower is no better, only slower.
    story = Story()
    story.play(0, 30, 400, share)
    assert story.limits == (inf, 64)


def test_a_share_that_falls_is_followed() -> None:
    story = Story()
    story.play(0, 20, 400, 0.3)
    story.play(20, 40, 400)
    assert story.limits == (inf, 64)
    assert story.limit.is_free


def test_a_limit_is_found_though_some_requests_are_refused_at_every_speed() -> None:
    story = Story()
    story.play(0, 60, 400, lambda limit: 0.1 + 0.9 * beyond(100, 400)(limit))
    assert story.limit.rate == pytest.approx(100, rel=0.25)


def test_a_server_that_takes_so_many_at_once_is_not_asked_for_more() -> None:
    story = Story()
    for step in range(300):
        now, beside = step / 100, step % 16
        if beside >= 8 and story.limit.places > beside:
            story.refuse(now, beside=beside)
        elif story.limit.places > beside:
            story.limit.answered(story.send(now, beside + 1), now, now + 0.1)
    assert story.limit.places == 8
    assert story.limit.rate == inf


# -- a server that takes nothing -------------------------------------------------------------------------------------


def test_a_server_that_refuses_everything_is_probed_ever_more_rarely() -> None:
    # Each probe counts against the limits of many servers, and a long outage needs no second-by-second news.
    story = Story()
    sent_at = story.outage(0, 300)
    closed_at = story.limit.closed_at
    assert closed_at is not None
    assert len([at for at in sent_at if at <= closed_at]) <= 20
    probes = [at for at in sent_at if at > closed_at]
    for before, after in pairwise([closed_at, *probes]):
        assert after - before == pytest.approx(min(max((before - closed_at) / 10, 0.25), 8), abs=0.02)
    assert len(probes) < 80


def test_one_answer_to_a_probe_opens() -> None:
    story = Story()
    story.outage(0, 10)
    now = story.limit.resume_at
    story.limit.answered(story.send(now), now, now + 1)
    assert story.limit.closed_at is None
    assert story.limit.resume_at <= now + 1


def test_an_answer_to_a_request_from_before_the_outage_does_not() -> None:
    story = Story()
    early = story.send(0)
    story.outage(1, 10)
    story.limit.answered(early, 0, 11)
    assert story.limit.closed_at is not None


def test_three_probes_under_way_open_too_as_the_server_may_be_slow() -> None:
    # Else a server that takes a minute for a reply would get one request a minute after an outage.
    story = Story()
    story.outage(0, 10)
    for _ in range(3):
        assert story.limit.closed_at is not None
        story.send(story.limit.resume_at)
    assert story.limit.closed_at is None


@pytest.mark.parametrize("rate", [None, 100])
def test_an_outage_says_nothing_of_the_rate(rate: int | None) -> None:
    # Ten seconds of 529 must not leave a run crawling for minutes afterwards.
    story = limited(rate) if rate else Story()
    story.play(3, 2, rate or 100)
    before = story.limits
    story.outage(5, 10)
    now = story.limit.resume_at
    story.limit.answered(story.send(now), now, now + 0.05)
    assert story.limits == pytest.approx(before, rel=0.15)


def test_an_outage_that_hits_a_slow_run_after_refusals_by_chance_closes_as_well() -> None:
    # With a share of refusals known, ten in a row at ten a second are judged by it; it must not become "all".
    story = Story()
    story.play(0, 20, 9.5, 0.2)
    assert story.limit.closed_at is None
    story.play(20, 120, 9.5, 1.0)
    assert story.limit.closed_at is not None


# -- pauses ----------------------------------------------------------------------------------------------------------


def test_a_pause_is_for_all_and_a_shorter_one_does_not_shorten_it() -> None:
    story = Story()
    story.play(0, 1, 100)
    story.limit.pause(3, story.last, 7)
    assert story.limit.resume_at == 10
    story.limit.pause(1, story.last, 8)
    assert story.limit.resume_at == 10
    assert not story.limit.is_free


def test_a_pause_until_tomorrow_is_not_made() -> None:
    # A run that sleeps for hours looks like one that hangs.
    story = Story()
    story.send(0)
    story.limit.pause(LONGEST_PAUSE_S + 1, story.last, 6)
    assert story.limit.resume_at == -inf


def test_a_round_in_which_most_were_refused_ends_with_the_pause_that_was_asked_for() -> None:
    story = Story()
    story.play(0, 2, 200, 0.6, asked_s=5)
    assert 6 <= story.limit.resume_at <= 6.5


def test_a_single_refusal_does_not_make_all_others_wait() -> None:
    story = Story()
    story.play(0, 5, 200, 0.01, asked_s=60)
    assert story.limit.resume_at == -inf


def test_while_everything_is_refused_probes_keep_to_the_pause_that_is_asked_for() -> None:
    story = Story()
    for step in range(20):
        story.refuse(step / 1000, asked_s=20)
    assert story.limit.closed_at is not None
    for _ in range(3):
        now = story.limit.resume_at
        story.refuse(now, asked_s=20)
        assert story.limit.resume_at == now + 20
    story.refuse(story.limit.resume_at, asked_s=1000)
    assert story.limit.resume_at <= now + 20 + LONGEST_PAUSE_S


# -- whatever happens ------------------------------------------------------------------------------------------------

events = st.lists(
    st.tuples(
        st.sampled_from(["send", "answer", "refuse", "refuse many", "pause"]),
        st.floats(0, 30),
        st.integers(1, 200),
        st.floats(0, 200),
    ),
    max_size=60,
)


@given(events=events, concurrency=st.integers(1, 300), most=st.one_of(st.just(inf), st.floats(0.05, 1000)))
def test_limits_keep_their_bounds_whatever_happens(
    events: list[tuple[str, float, int, float]], concurrency: int, most: float
) -> None:
    story, now = Story(concurrency, most), 0.0
    story.send(0)
    for kind, passes, count, pause_s in events:
        now += passes
        beside = count % concurrency
        if kind == "send":
            for number in range(count):
                story.send(now, number % concurrency + 1)
        elif kind == "answer":
            story.limit.answered(max(1, story.last - count), now - passes, now)
        elif kind == "refuse":
            story.refuse(now, pause_s if count % 2 else 0.0, beside)
        elif kind == "refuse many":
            for number in range(count):
                story.refuse(now + passes * number / count, 0.0, number % concurrency)
            now += passes
        else:
            story.limit.pause(pause_s, story.last, now)
        assert 1 <= story.limit.places <= concurrency
        assert 0 < story.limit.rate <= most
        assert story.limit.resume_at <= now + LONGEST_PAUSE_S


@given(
    seconds=st.lists(
        st.tuples(st.integers(1, 100), st.sampled_from([0, 0.02, 0.1, 0.3, 0.5, 0.9, 1])), max_size=80
    )
)
def test_any_share_of_refusals_second_by_second_leaves_limits_to_go_on_with(
    seconds: list[tuple[int, float]],
) -> None:
    story, now = Story(), 0.0
    for sent, share in seconds:
        story.play(now, 1, sent, share)
        now += 1
        assert 1 <= story.limit.places <= 64
        assert story.limit.rate > 0
        assert 0 <= story.limit._steady.value < 1
        assert story.limit.resume_at <= now + LONGEST_PAUSE_S

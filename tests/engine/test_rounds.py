"""Rounds of requests: what explains their refusals, and which share of them has nothing to do with the speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.rounds import BadRound, Round, SteadyShare


def round_of(sent: int, refused: int, seconds: float = 1.0) -> Round:
    made = Round(0.0, 0, sent, refused=refused)
    assert made.speed(seconds) == sent / seconds
    return made


def crowd(*, taken: dict[int, int], refused: dict[int, int]) -> Round:
    """A round by the number of others under way when requests were sent."""
    made = Round(0.0, 0, sum(taken.values()) + sum(refused.values()))
    made.sent_beside.update(taken)
    for others, count in refused.items():
        made.sent_beside[others] += count
        for _ in range(count):
            made.refuse(others, others, 0.0)
    return made


# -- requests at once ------------------------------------------------------------------------------------------------


@given(
    limit=st.integers(1, 40),
    below=st.integers(5, 30),
    beyond=st.integers(5, 30),
    each=st.integers(1, 5),
)
def test_a_limit_of_requests_at_once_is_read_off_the_refusals(
    limit: int, below: int, beyond: int, each: int
) -> None:
    made = crowd(
        taken=dict.fromkeys(range(max(0, limit - below), limit), each),
        refused=dict.fromkeys(range(limit, limit + beyond), each),
    )
    assert made.places == limit


def test_a_few_exceptions_do_not_hide_it() -> None:
    # Replies end while requests are on their way, so the number of others is known to one or two only.
    made = crowd(
        taken={**dict.fromkeys(range(8), 10), 8: 2}, refused={7: 2, **dict.fromkeys(range(8, 16), 10)}
    )
    assert made.places == 8


def test_refusals_that_do_not_depend_on_the_number_of_others_show_no_such_limit() -> None:
    assert crowd(taken=dict.fromkeys(range(16), 7), refused=dict.fromkeys(range(16), 3)).places is None


@given(
    taken=st.dictionaries(st.integers(0, 63), st.integers(1, 20)),
    refused=st.dictionaries(st.integers(0, 63), st.integers(1, 20)),
)
def test_the_limit_that_is_read_off_leaves_one_request_at_least(
    taken: dict[int, int], refused: dict[int, int]
) -> None:
    made = crowd(taken=taken, refused=refused)
    assert made.places is None or made.places >= 1


# -- how long a round is ---------------------------------------------------------------------------------------------


def test_a_round_has_ten_requests_and_a_second() -> None:
    assert not round_of(9, 0).is_full(100)
    assert not round_of(1000, 0).is_full(0.99)
    assert round_of(10, 0).is_full(1)


def test_a_round_that_is_clear_is_cut_short() -> None:
    assert round_of(30, 24).is_clear(0.1)
    assert not round_of(29, 29).is_clear(0.1)
    assert not round_of(100, 79).is_clear(0.1)


# -- a share that is refused at any speed ----------------------------------------------------------------------------


def bad(share: float, rate: float = 100.0, places: int = 64) -> BadRound:
    return BadRound(rate, places, share, rate)


def believing(share: float) -> SteadyShare:
    """The share after three rounds at falling speeds, and a fourth that is as good as it must be."""
    steady = SteadyShare()
    for rate in (400, 280, 200):
        found = steady.find(bad(share, rate), rate * (1 - share))
    assert found is not None
    steady.check(400 * (1 - share))
    return steady


def test_three_rounds_with_the_same_share_at_falling_speeds_are_no_matter_of_speed() -> None:
    steady = SteadyShare()
    rounds = [bad(share, rate) for share, rate in ((0.3, 400), (0.25, 280), (0.35, 200))]
    assert steady.find(rounds[0], 280) is None
    assert steady.find(rounds[1], 210) is None
    assert steady.find(rounds[2], 130) is rounds[0]
    assert steady.value == pytest.approx(0.3)


def test_a_share_that_falls_with_the_speed_is_a_matter_of_speed() -> None:
    steady = SteadyShare()
    assert [steady.find(bad(share), 50) for share in (0.8, 0.5, 0.2, 0.07)] == [None] * 4
    assert steady.value == 0.0


def test_the_speed_to_return_to_is_one_that_had_that_share() -> None:
    # At 400 a second most were refused because of the speed; at 90, 80 and 70 it was only chance.
    steady = SteadyShare()
    first, *others = (bad(share, rate) for share, rate in ((0.8, 400), (0.1, 90), (0.11, 80), (0.1, 70)))
    assert steady.find(first, 80) is None
    assert [steady.find(other, other.rate * 0.9) for other in others] == [None, None, others[0]]


def test_a_share_is_doubted_if_the_first_speed_brings_no_more_and_needs_more_proof_from_then_on() -> None:
    steady = SteadyShare()
    for rate in (400, 280, 200):
        steady.find(bad(0.3, rate), 140)
    steady.check(150)
    assert steady.value == 0.0
    assert [steady.find(bad(0.3, rate), 140) for rate in (400, 280, 200, 140, 100)] == [None] * 5
    assert steady.find(bad(0.3, 70), 50) is not None


def test_a_share_that_is_confirmed_stays() -> None:
    steady = believing(0.3)
    assert steady.value == pytest.approx(0.3)
    assert steady.explains(round_of(100, 33))
    assert not steady.explains(round_of(100, 50))


def test_a_good_round_at_a_lower_speed_clears_the_speed_of_no_suspicion() -> None:
    steady = SteadyShare()
    steady.find(bad(0.3), 70)
    steady.find(bad(0.3), 70)
    steady.compare(round_of(100, 2))
    assert steady.find(bad(0.3), 70) is None


def test_a_server_that_recovers_is_followed_until_nothing_is_left() -> None:
    steady = believing(0.3)
    for _ in range(20):
        steady.lower(0.0)
    assert steady.value == 0.0


@pytest.mark.parametrize(
    ("share", "sent", "full", "may_be_chance"),
    [
        (0.0, 15, False, True),
        (0.0, 16, False, False),
        (0.0, 10, True, False),
        (0.2, 10, True, False),
        (0.5, 16, False, True),
        (0.5, 25, False, False),
    ],
)
def test_that_all_fail_is_chance_only_where_many_fail_anyway(
    share: float, sent: int, full: bool, may_be_chance: bool
) -> None:
    steady = believing(share) if share else SteadyShare()
    assert steady.explains_all(round_of(sent, sent), is_full=full) == may_be_chance


@given(
    rounds=st.lists(
        st.tuples(st.floats(0.04, 1), st.floats(0.02, 400), st.integers(10, 400), st.booleans()), max_size=60
    )
)
def test_whatever_is_refused_the_share_leaves_room_for_answers(
    rounds: list[tuple[float, float, int, bool]],
) -> None:
    steady = SteadyShare()
    for share, rate, sent, is_good in rounds:
        judged = round_of(sent, round(share * sent))
        steady.check(rate * (1 - share))
        if steady.explains(judged) and is_good:
            steady.compare(judged)
            steady.lower(judged.share)
        else:
            steady.find(bad(judged.share, rate), rate * (1 - share))
        assert 0 <= steady.value <= 0.9
        # Some more refusals are always too many, and a server that refuses all is always noticed.
        assert not steady.explains(round_of(1000, 1000))
        assert not steady.explains_all(round_of(1000, 1000), is_full=True)

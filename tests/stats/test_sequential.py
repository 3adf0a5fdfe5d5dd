"""A gate that is looked at often while answers come in is still decided rightly."""

from __future__ import annotations

from math import comb
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.stats.sequential import Verdict, bounds, gate


def brute_force(correct: int, n: int, total: int, alpha: float) -> tuple[float, float]:
    every = [
        number
        for number in range(total + 1)
        if comb(number, correct) * comb(total - number, n - correct) / comb(total + 1, n + 1)
        > alpha / (total + 1)
    ]
    return min(every) / total, max(every) / total


@settings(deadline=None)
@given(
    st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(max(n, 1), 80)))
)
def test_the_bounds_are_those_of_every_number_tried(case: tuple[int, int, int]) -> None:
    alpha = 0.050123  # with 0.05, some numbers lie exactly at the bound, where the last digit of a logarithm decides
    assert bounds(*case, alpha=alpha) == pytest.approx(brute_force(*case, alpha))


def answers(seed: int, right: int, total: int) -> list[bool]:
    drawn = [True] * right + [False] * (total - right)
    Random(seed).shuffle(drawn)
    return drawn


def decided(seed: int, share: float, least: float, total: int) -> tuple[Verdict, int]:
    correct = 0
    for n, is_right in enumerate(answers(seed, round(share * total), total), 1):
        correct += is_right
        if n >= 100 and n % 50 == 0 and (verdict := gate(correct, n, total, least)) is not Verdict.UNDECIDED:
            return verdict, n
    return gate(correct, total, total, least), total


@pytest.mark.parametrize(("share", "expected"), [(0.75, Verdict.PASSES), (0.55, Verdict.FAILS)])
def test_a_distant_gate_is_decided_early_and_rightly(share: float, expected: Verdict) -> None:
    outcomes = [decided(seed, share, 0.65, 2_000) for seed in range(20)]
    assert {verdict for verdict, _ in outcomes} == {expected}
    assert sorted(n for _, n in outcomes)[10] <= 500


def test_a_gate_just_missed_passes_hardly_ever_although_it_is_looked_at_often() -> None:
    verdicts = [decided(seed, 0.649, 0.65, 1_000)[0] for seed in range(200)]
    assert (
        verdicts.count(Verdict.PASSES) <= 10
    )  # 5 % at most; looking at a plain interval each time errs in 29 %


def test_when_all_were_asked_the_gate_is_decided() -> None:
    assert gate(650, 1_000, 1_000, 0.65) is Verdict.PASSES
    assert gate(649, 1_000, 1_000, 0.65) is Verdict.FAILS

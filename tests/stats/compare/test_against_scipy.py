"""The statistics that compare, against scipy and statsmodels, and against cases worked by hand."""

from __future__ import annotations

from itertools import combinations
from math import comb, inf, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.stats.compare.distributions import incomplete_beta, t_cdf, t_quantile
from mmlubench.stats.compare.many_tests import benjamini_hochberg, holm
from mmlubench.stats.compare.mcnemar import mcnemar
from mmlubench.stats.compare.paired import Pair, compare
from mmlubench.stats.compare.power import questions_for, questions_for_equivalence, smallest_difference
from mmlubench.stats.compare.ranking import compact_letters, rank_intervals

scipy_stats = pytest.importorskip("scipy.stats", reason="needs scipy: pip install 'mmlubench[dev]'")
scipy_special = pytest.importorskip("scipy.special", reason="needs scipy: pip install 'mmlubench[dev]'")


@pytest.mark.parametrize("df", [1, 2, 5, 13, 56, 200, 14_041, inf])
def test_students_t_is_scipys(df: float) -> None:
    for p in (0.001, 0.025, 0.2, 0.5, 0.9, 0.975, 0.99995):
        value = scipy_stats.t.ppf(p, df)
        assert t_cdf(value, df) == pytest.approx(p, abs=1e-11)
        if df < inf:
            assert t_quantile(p, df) == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(st.floats(0.05, 500), st.floats(0.05, 500), st.floats(0.0, 1.0))
def test_the_incomplete_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(scipy_special.betainc(a, b, x), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("b", "c"), [(137, 101), (0, 0), (1, 0), (5, 0), (3, 3), (900, 1000), (12, 30)])
def test_mcnemar_is_statsmodels_and_scipys(b: int, c: int) -> None:
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables", reason="needs statsmodels")
    found = mcnemar(b, c)
    assert found.exact == pytest.approx(contingency.mcnemar([[0, b], [c, 0]], exact=True).pvalue, abs=1e-9)
    k, n = min(b, c), b + c
    mid = 2 * scipy_stats.binom.cdf(k, n, 0.5) - scipy_stats.binom.pmf(k, n, 0.5)
    assert found.mid_p == pytest.approx(min(1.0, mid), abs=1e-9)


def test_mcnemar_by_hand() -> None:
    # Six differ, one the other way: 2·(1/64 + 6/64) exact; half of the last term for mid-p.
    assert mcnemar(5, 1) == pytest.approx((2 * 1 / 64 + 6 / 64, 2 * 7 / 64))
    assert mcnemar(0, 0) == (1.0, 1.0)


@pytest.mark.parametrize("count", [1, 2, 3, 57])
def test_corrections_are_statsmodels(count: int) -> None:
    chance = Random(count)
    p_values = [round(chance.random() ** 3, 2) for _ in range(count)]  # rounded, so that some are equal
    multi = pytest.importorskip("statsmodels.stats.multitest", reason="needs statsmodels")
    assert holm(p_values) == pytest.approx(list(multi.multipletests(p_values, method="holm")[1]), abs=1e-9)
    expected = list(multi.multipletests(p_values, method="fdr_bh")[1])
    assert benjamini_hochberg(p_values) == pytest.approx(expected, abs=1e-9)


def pairs_of(seed: int, n: int, clusters: int = 0) -> list[Pair]:
    chance = Random(seed)
    return [
        Pair(
            float(chance.random() < 0.6),
            float(chance.random() < 0.7),
            cluster=chance.randrange(clusters) if clusters else None,
        )
        for _ in range(n)
    ]


@pytest.mark.parametrize(("n", "seed"), [(80, 2), (500, 3)])
def test_without_clusters_it_is_the_paired_t_interval(n: int, seed: int) -> None:
    pairs = pairs_of(seed, n)
    found = compare(pairs)
    oracle = scipy_stats.ttest_rel([p.after for p in pairs], [p.before for p in pairs])
    interval = oracle.confidence_interval(0.95)
    assert found.difference == pytest.approx(sum(p.after - p.before for p in pairs) / n)
    if found.standard_error:
        cut = (max(-1.0, interval.low), min(1.0, interval.high))
        assert found.interval() == pytest.approx(cut, abs=1e-9)


def test_clusters_are_those_of_a_regression_with_clustered_errors() -> None:
    api = pytest.importorskip("statsmodels.api", reason="needs statsmodels")
    import numpy as np

    pairs = pairs_of(5, 400, clusters=23)
    found = compare(pairs)
    y = np.array([p.after - p.before for p in pairs])
    fit = api.OLS(y, np.ones((len(y), 1))).fit(
        cov_type="cluster",
        cov_kwds={"groups": np.array([p.cluster for p in pairs]), "use_correction": False},
    )
    assert found.standard_error == pytest.approx(fit.bse[0] * sqrt(23 / 22), abs=1e-9)
    assert found.degrees == 22
    half = scipy_stats.t.ppf(0.975, 22) * found.standard_error
    assert found.interval() == pytest.approx((found.difference - half, found.difference + half), abs=1e-9)


def test_a_comparison_by_hand() -> None:
    pairs = [
        Pair(0, 1, ("A", "B")),  # gained
        Pair(0, 1, ("C", "B")),  # gained
        Pair(1, 0, ("D", "A")),  # lost
        Pair(0, 0, ("A", "C")),  # another wrong letter
        Pair(0, 0, ("A", "A")),
        Pair(1, 1, ("D", "D")),
    ]
    found = compare(pairs)
    assert (found.n, found.gained, found.lost, found.changed_but_wrong, found.changed_letters) == (
        6,
        2,
        1,
        1,
        4,
    )
    assert found.discordant == 0.5
    # The differences are 1, 1, -1, 0, 0, 0, and half a 1, half a -1 and 0: mean 1/8, sum of squares 4 - 8/64.
    assert found.centre == pytest.approx(1 / 8)
    assert found.standard_error == pytest.approx(sqrt((4 - 8 / 64) / 8 / 8))


def test_equivalence_is_two_one_sided_tests() -> None:
    weightstats = pytest.importorskip("statsmodels.stats.weightstats", reason="needs statsmodels")
    import numpy as np

    pairs = pairs_of(9, 300)
    found = compare(pairs)
    for margin in (0.02, 0.1, 0.3):
        before, after = (np.array([getattr(p, side) for p in pairs]) for side in ("before", "after"))
        p, (_, lower, *_), _ = weightstats.ttost_paired(after, before, -margin, margin)
        assert found.equivalence_p(margin) == pytest.approx(p, abs=1e-9)
        assert found.not_worse_p(margin) == pytest.approx(lower, abs=1e-9)


def test_one_question_says_little_and_none_says_nothing() -> None:
    assert compare([]).interval() == (-1.0, 1.0)
    assert (compare([]).p, compare([]).not_worse_p(0.5), compare([]).equivalence_p(0.5)) == (1.0, 1.0, 1.0)
    alone = compare([Pair(0, 1)])
    low, high = alone.interval()
    assert (alone.difference, high) == (1.0, 1.0)
    assert low < 0
    assert alone.not_worse_p(0.1) > 0.1


def test_one_cluster_says_as_little_as_one_question() -> None:
    found = compare([Pair(0, 1, cluster="only"), Pair(0, 1, cluster="only"), Pair(1, 1, cluster="only")])
    low, high = found.interval()
    assert found.difference == pytest.approx(2 / 3)
    assert low < 0
    assert high > 0.8


def test_equal_answers_to_few_questions_do_not_show_that_two_models_are_equal() -> None:
    found = compare([Pair(1, 1), Pair(0, 0), Pair(1, 1)])
    assert found.test.exact == found.p == 1.0
    # 0.5 in each of four cells: sqrt(1/5/5).
    assert found.standard_error == pytest.approx(0.2)
    assert found.not_worse_p(0.01) > 0.4
    many = compare([Pair(1, 1)] * 14_042)
    assert many.not_worse_p(0.01) < 1e-9
    assert many.interval() == pytest.approx((0, 0), abs=2e-4)


@pytest.mark.parametrize(("n", "gains", "losses"), [(60, 0.1, 0.1), (100, 0.02, 0.06), (200, 0.03, 0.0)])
def test_the_interval_of_few_differences_covers_the_true_one(n: int, gains: float, losses: float) -> None:
    # Exactly: every number of gained and lost questions, weighted with its probability.
    covered = 0.0
    for b in range(n + 1):
        at_b = float(scipy_stats.binom.pmf(b, n, gains))
        if at_b < 1e-9:
            continue
        for c in range(n - b + 1):
            weight = at_b * float(scipy_stats.binom.pmf(c, n - b, losses / (1 - gains)))
            if weight > 1e-9:
                cells = [Pair(0, 1)] * b + [Pair(1, 0)] * c + [Pair(1, 1)] * (n - b - c)
                low, high = compare(cells).interval()
                covered += weight * (low <= gains - losses <= high)
    assert 0.93 <= covered <= 0.99


def test_power_is_the_published_table() -> None:
    # facts of the literature: n = 14,042 shows 0.53, 0.75 and 1.06 points at a disagreement of 5, 10 and 20 %
    for share, points in ((0.05, 0.53), (0.10, 0.75), (0.20, 1.06)):
        assert 100 * smallest_difference(14_042, share) == pytest.approx(points, abs=0.005)
        assert questions_for(points / 100, share) == pytest.approx(14_042, rel=0.02)
    for share, n in ((0.05, 4_282), (0.10, 8_564), (0.20, 17_128)):
        assert questions_for_equivalence(0.01, share) == pytest.approx(n, abs=1)


@given(
    st.integers(2, 7).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.booleans(), min_size=21, max_size=21))
    )
)
def test_models_share_a_letter_exactly_if_they_were_not_shown_to_differ(
    given_: tuple[int, list[bool]],
) -> None:
    count, flags = given_
    names = [f"m{number}" for number in range(count)]
    differ = dict(zip(combinations(names, 2), flags, strict=False))
    letters = compact_letters(names, differ)
    for pair, differs in differ.items():
        assert bool(set(letters[pair[0]]) & set(letters[pair[1]])) is not differs
    assert all(letters.values())


def test_ranks_of_equal_and_of_distant_models() -> None:
    chance = Random(3)
    good = [float(chance.random() < 0.9) for _ in range(1_000)]
    alike = [float(chance.random() < 0.9) for _ in range(1_000)]
    bad = [float(chance.random() < 0.3) for _ in range(1_000)]
    ranks = rank_intervals({"good": good, "alike": alike, "bad": bad, "same": bad})
    assert ranks["good"] == (1, 2)
    assert ranks["alike"] == (1, 2)
    assert ranks["bad"] == ranks["same"] == (3, 3)


def test_binomial_terms_by_hand() -> None:
    assert mcnemar(2, 2).exact == pytest.approx(1.0)
    assert mcnemar(7, 2).exact == pytest.approx(2 * (comb(9, 0) + comb(9, 1) + comb(9, 2)) / 2**9)

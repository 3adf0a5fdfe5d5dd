"""Every figure of a comparison of 14,042 answers, against an evaluation written separately with scipy and others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.figures import interval
from tests.made_runs import made_entries, write_run

WHY = "needs scipy and statsmodels: pip install 'mmlubench[dev]'"
scipy_stats = pytest.importorskip("scipy.stats", reason=WHY)
sm = pytest.importorskip("statsmodels.api", reason=WHY)
contingency = pytest.importorskip("statsmodels.stats.contingency_tables", reason=WHY)
proportion = pytest.importorskip("statsmodels.stats.proportion", reason=WHY)
weightstats = pytest.importorskip("statsmodels.stats.weightstats", reason=WHY)
multitest = pytest.importorskip("statsmodels.stats.multitest", reason=WHY)

#: Subjects in which the second model is better or worse than elsewhere.
DRIFT = {"subject_05": 0.15, "subject_41": -0.1, "subject_48": 0.08}
NEAR = 1e-9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    write_run(made / "20260101-gpt", made_entries(1, 0.55, model="gpt-like", errors=30))
    write_run(made / "20260102-claude", made_entries(2, 0.57, model="claude-like", drift=DRIFT))
    write_run(made / "20260103-third", made_entries(3, 0.56, model="third"))
    several = {"languages": ("DE_DE", "FR_FR", "ZH_CN"), "sizes": [200, 150, 250], "benchmark": "mmmlu"}
    write_run(made / "20260104-de", made_entries(4, 0.55, model="one", **several))  # type: ignore[arg-type]
    write_run(made / "20260105-de", made_entries(5, 0.6, model="two", **several))  # type: ignore[arg-type]
    return made


def run(folder: Path, *arguments: str) -> str:
    ended = CliRunner().invoke(
        main, ["compare", "--run-dir", str(folder), *arguments], catch_exceptions=False
    )
    assert ended.exit_code == 0, ended.output
    return str(ended.stdout)


def told(folder: Path, *arguments: str) -> dict[str, Any]:
    (found,) = json.loads(run(folder, *arguments, "--json"))["comparisons"]
    return dict(found)


def cases(path: Path) -> Iterator[dict[str, Any]]:
    for line in (path / "results.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case["outcome"] not in ("error", "skipped"):
            yield case


def table(folder: Path, first: str, second: str) -> Any:
    """One row for each common question: `a` and `b` are 1 for right, else 0."""
    import pandas as pd

    one, other = (pd.DataFrame(cases(folder / name)) for name in (first, second))
    both = one.merge(other, on="id", suffixes=("", "_b")).set_index("id")
    both["a"] = (both["outcome"] == "correct").astype(float)
    both["b"] = (both["outcome_b"] == "correct").astype(float)
    both["item"] = [re.sub(r"/[A-Z]{2}_[A-Z]{2}/", "/", key) for key in both.index]
    return both


def mid_p(gained: int, lost: int) -> float:

    n, k = gained + lost, min(gained, lost)
    return float(min(1.0, 2 * scipy_stats.binom.cdf(k, n, 0.5) - scipy_stats.binom.pmf(k, n, 0.5)))


def test_every_figure_of_two_results(folder: Path) -> None:
    import numpy as np

    found = told(folder, "20260101-gpt", "20260102-claude")
    data = table(folder, "20260101-gpt", "20260102-claude")
    n, d = len(data), data["b"] - data["a"]
    assert (found["n"], found["questions"]["errors"]) == (n, 30) == (14_042 - 30, 30)
    for side, column in (("first", "a"), ("second", "b")):
        assert found[side]["accuracy"] == pytest.approx(data[column].mean(), abs=NEAR)
        wilson = proportion.proportion_confint(data[column].sum(), n, method="wilson")
        assert found[side]["ci95"] == pytest.approx(list(wilson), abs=NEAR)
    interval = scipy_stats.ttest_rel(data["b"], data["a"]).confidence_interval(0.95)
    assert found["difference"] == pytest.approx(d.mean(), abs=NEAR)
    assert found["ci95"] == pytest.approx([interval.low, interval.high], abs=NEAR)
    gained, lost = int((d > 0).sum()), int((d < 0).sum())
    assert (found["gained"], found["lost"]) == (gained, lost)
    exact = contingency.mcnemar([[0, gained], [lost, 0]], exact=True).pvalue
    assert found["mcnemar"] == pytest.approx({"mid_p": mid_p(gained, lost), "exact": exact}, abs=NEAR)
    wrong = (data["a"] == 0) & (data["b"] == 0) & (data["prediction"] != data["prediction_b"])
    assert found["changed_but_wrong"] == int(wrong.sum())
    assert found["flip_rate"] == pytest.approx((data["a"] != data["b"]).mean(), abs=NEAR)
    assert found["noise_floor"] == {"first": None, "second": None}
    share, z = (gained + lost) / n, scipy_stats.norm.ppf(0.975) + scipy_stats.norm.ppf(0.8)
    assert found["smallest_difference_at_80_percent_power"] == pytest.approx(z * np.sqrt(share / n), abs=NEAR)
    assert found["questions_for_0.01"] == int(np.ceil(share * (z / 0.01) ** 2))
    margin = found["margin"]
    p, (_, lower, _), _ = weightstats.ttost_paired(data["b"].to_numpy(), data["a"].to_numpy(), -0.01, 0.01)
    low, high = scipy_stats.ttest_rel(data["b"], data["a"]).confidence_interval(0.9)
    assert margin["equivalence_p"] == pytest.approx(p, abs=NEAR)
    assert margin["not_worse_p"] == pytest.approx(lower, abs=NEAR)
    assert margin["ci90"] == pytest.approx([low, high], abs=NEAR)
    assert margin["lower_bound_95"] == pytest.approx(low, abs=NEAR)
    assert (margin["not_worse"], margin["equivalent"]) == (lower < 0.05, p < 0.05)
    for_margin = share * ((scipy_stats.norm.ppf(0.95) + scipy_stats.norm.ppf(0.9)) / 0.01) ** 2
    assert margin["questions_for_equivalence"] == int(np.ceil(for_margin))


@pytest.mark.parametrize(
    ("kind", "key", "count"), [("category", "categories", 4), ("subject", "subjects", 57)]
)
def test_every_figure_of_categories_and_subjects(folder: Path, kind: str, key: str, count: int) -> None:

    found = told(folder, "20260101-gpt", "20260102-claude")
    data = table(folder, "20260101-gpt", "20260102-claude")
    groups = dict(list(data.groupby(kind)))
    assert [row["name"] for row in found[key]] == sorted(groups)
    assert len(groups) == count
    p_values = []
    for row in found[key]:
        group = groups[row["name"]]
        d = group["b"] - group["a"]
        gained, lost = int((d > 0).sum()), int((d < 0).sum())
        assert (row["n"], row["gained"], row["lost"]) == (len(group), gained, lost)
        assert (row["before"], row["after"]) == pytest.approx(
            (group["a"].mean(), group["b"].mean()), abs=NEAR
        )
        if gained + lost >= 30:  # below, Agresti's and Min's interval, which the tests of `compare` check
            low, high = scipy_stats.ttest_rel(group["b"], group["a"]).confidence_interval(0.95)
            assert row["ci95"] == pytest.approx([low, high], abs=NEAR)
        p_values.append(mid_p(gained, lost))
        assert row["p"] == pytest.approx(p_values[-1], abs=NEAR)
    by_holm = multitest.multipletests(p_values, method="holm")[1]
    assert [row["p_holm"] for row in found[key]] == pytest.approx(list(by_holm), abs=NEAR)
    listed = scipy_stats.false_discovery_control(p_values, method="bh")
    assert [row["p_benjamini_hochberg"] for row in found[key]] == pytest.approx(list(listed), abs=NEAR)
    assert found["subjects_by_chance"] == pytest.approx(57 * 0.05)


def test_every_figure_on_the_screen_is_one_of_the_json(folder: Path) -> None:
    pair = ("20260101-gpt", "20260102-claude")
    found, lines = told(folder, *pair), run(folder, *pair)
    text = " ".join(lines.split())
    low, high = found["ci95"]
    margin = found["margin"]
    for expected in (
        "left out: 30 questions that ended in an error.",
        *(
            f"{one['name']} {found['n']:,} {one['accuracy']:.3f} {interval(one['ci95'])}"
            for one in (found["first"], found["second"])
        ),
        f"{found['difference']:+.3f} (95 % CI {low:+.3f} to {high:+.3f}; paired, not clustered)",
        f"gained {found['gained']:,} · lost {found['lost']:,} · ",
        f"wrong in both with another answer {found['changed_but_wrong']:,}",
        f"{100 * found['flip_rate']:.1f} %",
        f"14,012 questions can show a difference of {found['smallest_difference_at_80_percent_power']:.3f} or more",
        f"to see one of 0.01 takes {found['questions_for_0.01']:,}.",
        f"one-sided 95 % bound {margin['lower_bound_95']:+.3f}",
        f"90 % CI {margin['ci90'][0]:+.3f} to {margin['ci90'][1]:+.3f}",
        f"takes {margin['questions_for_equivalence']:,} questions.",
        "of 57 subjects, 5 differ at the 5 % level, and 2.9 would by chance; 3 are worth a look "
        "(Benjamini-Hochberg), and 3 may be claimed (Holm):",
    ):
        assert expected in text
    below = [row for row in found["subjects"] if row["p"] < 0.05]
    notable = {row["name"] for row in found["subjects"] if row["p_benjamini_hochberg"] < 0.05}
    assert (len(below), notable) == (5, set(DRIFT))
    for row in [*found["categories"], *(row for row in found["subjects"] if row["name"] in notable)]:
        start, end = row["ci95"]
        assert f"{row['name']} {row['n']:,} {row['difference']:+.3f} {start:+.3f} to {end:+.3f}" in text


def test_translations_are_clusters(folder: Path) -> None:
    import numpy as np

    found = told(folder, "20260104-de", "20260105-de")
    data = table(folder, "20260104-de", "20260105-de")
    assert (found["n"], found["clustered_by"], found["p_is"]) == (1_800, "question", "by Student's t")
    y, items = (data["b"] - data["a"]).to_numpy(), data["item"].to_numpy()
    assert len(set(items)) == 600
    options = {"groups": np.unique(items, return_inverse=True)[1], "use_correction": False}
    fit = sm.OLS(y, np.ones((len(y), 1))).fit(cov_type="cluster", cov_kwds=options)
    error = fit.bse[0] * np.sqrt(600 / 599)
    assert found["standard_error"] == pytest.approx(error, abs=NEAR)
    half = scipy_stats.t.ppf(0.975, 599) * error
    assert found["ci95"] == pytest.approx([y.mean() - half, y.mean() + half], abs=NEAR)
    assert found["p"] == pytest.approx(2 * scipy_stats.t.sf(abs(y.mean() / error), 599), abs=NEAR)
    naive = y.std(ddof=1) / np.sqrt(len(y))
    assert error != pytest.approx(naive, rel=1e-3)
    assert "clustered by question over its languages" in " ".join(
        run(folder, "20260104-de", "20260105-de").split()
    )


def test_several_results_agree_with_their_pairs(folder: Path) -> None:
    from itertools import combinations

    import numpy as np

    runs = ("20260101-gpt", "20260102-claude", "20260103-third")
    found = told(folder, *runs)
    assert found["models"][0]["name"] == "claude-like"
    wide = np.array(
        [table(folder, runs[0], name)["b"].to_numpy() for name in runs]
    )  # the questions of the first run
    names = [one["name"] for one in found["models"]]
    by_name = dict(zip(("gpt-like", "claude-like", "third"), wide, strict=True))
    p_values = []
    for pair, (better, worse) in zip(found["pairs"], combinations(names, 2), strict=True):
        d = by_name[better] - by_name[worse]
        assert (pair["first"], pair["second"]) == (worse, better)
        assert pair["difference"] == pytest.approx(d.mean(), abs=NEAR)
        p_values.append(mid_p(int((d > 0).sum()), int((d < 0).sum())))
        assert pair["p"] == pytest.approx(p_values[-1], abs=NEAR)
    adjusted = multitest.multipletests(p_values, method="holm")[1]
    assert [pair["p_holm"] for pair in found["pairs"]] == pytest.approx(list(adjusted), abs=NEAR)
    letters = {one["name"]: set(one["letters"]) for one in found["models"]}
    for pair in found["pairs"]:
        assert (pair["p_holm"] < 0.05) == (not letters[pair["first"]] & letters[pair["second"]])
    # Another bootstrap over the same questions gives the same ranks.
    chance = np.random.default_rng(7)
    draws = [chance.integers(0, wide.shape[1], wide.shape[1]) for _ in range(500)]
    means = np.array([[by_name[name][draw].mean() for name in names] for draw in draws])
    ranks = np.sort(1 + (means[:, None, :] > means[:, :, None]).sum(axis=2), axis=0)
    for at, one in enumerate(found["models"]):
        assert one["ranks95"] == [ranks[12, at], ranks[-13, at]]

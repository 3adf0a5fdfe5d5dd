"""Every figure on the page of 14,042 answers of two models, against one written with scipy and statsmodels."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from tests.made_logs import write_logs
from tests.made_runs import made_entries, write_run
from tests.page.parsed import Page

WHY = "needs scipy and statsmodels: pip install 'mmlubench[dev]'"
scipy_stats = pytest.importorskip("scipy.stats", reason=WHY)
proportion = pytest.importorskip("statsmodels.stats.proportion", reason=WHY)
multitest = pytest.importorskip("statsmodels.stats.multitest", reason=WHY)

DRIFT = {"subject_05": 0.15, "subject_41": -0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    gpt = made_entries(1, 0.55, model="gpt-like", errors=30)
    claude = made_entries(2, 0.57, model="claude-like", drift=DRIFT)
    write_logs(write_run(made / "gpt", gpt), gpt, words=5)
    write_logs(write_run(made / "claude", claude), claude, words=5)
    arguments = ["report", str(made / "gpt"), str(made / "claude"), "--html", str(made / "two.html")]
    ended = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "two.html").read_text())


def cases(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    lines = (folder / name / "results.jsonl").read_text().splitlines()
    return {case["id"]: case for case in map(json.loads, lines) if case["outcome"] != "error"}


def is_right(case: dict[str, Any]) -> bool:
    return bool(case["outcome"] == "correct")


def shown(share: float) -> str:
    return f"{share:.3f}"


def wilson(right: int, n: int) -> str:
    low, high = proportion.proportion_confint(right, n, method="wilson")
    return f"{low:.3f}\N{EN DASH}{high:.3f}"


@pytest.mark.parametrize("name", ["gpt", "claude"])
def test_accuracy_and_interval_of_all_of_each_category_and_of_each_subject(folder, page, name):
    known = cases(folder, name)
    (told,) = [
        line for line in page.paragraphs if line.startswith("Accuracy") and f"n = {len(known):,}" in line
    ]
    right = sum(map(is_right, known.values()))
    assert f"Accuracy {shown(right / len(known))} (95 % CI {wilson(right, len(known))}" in told
    rows = {row[0]: row[2:] for row in page.tables[f"mmlu · {name}-like"][1:]}
    for kind in ("category", "subject"):
        counts = Counter(case[kind] for case in known.values())
        rights = Counter(case[kind] for case in known.values() if is_right(case))
        for group, n in counts.items():
            assert rows[group] == [shown(rights[group] / n), wilson(rights[group], n), f"{n:,}"]
    assert len(rows) == 4 + 57


def test_the_difference_of_each_subject_with_its_interval_and_adjusted_p(folder, page):
    first, second = cases(folder, "gpt"), cases(folder, "claude")
    caption = next(name for name in page.tables if name.startswith("From gpt-like (first) to claude-like"))
    rows = {row[0]: row[2:] for row in page.tables[caption][1:]}
    subjects = sorted({case["subject"] for case in second.values()})
    p_values = []
    for subject in subjects:
        pairs = [
            (is_right(first[key]), is_right(case))
            for key, case in second.items()
            if case["subject"] == subject and key in first
        ]
        before, after = ([pair[side] for pair in pairs] for side in (0, 1))
        gained, lost = pairs.count((False, True)), pairs.count((True, False))
        few = min(gained, lost)
        p = 2 * scipy_stats.binom.cdf(few, gained + lost, 0.5) - scipy_stats.binom.pmf(
            few, gained + lost, 0.5
        )
        p_values.append(min(1.0, p))
        share_before, share_after, difference, interval, n, _ = rows[subject]
        assert (share_before, share_after) == (
            shown(sum(before) / len(before)),
            shown(sum(after) / len(after)),
        )
        assert float(difference) == pytest.approx((sum(after) - sum(before)) / len(pairs), abs=5.01e-4)
        assert n == f"{len(pairs):,}"
        if gained + lost >= 30:  # below that the interval is drawn to 0, which has tests of its own
            differences = [int(b) - int(a) for a, b in pairs]
            mean, error = sum(differences) / len(pairs), scipy_stats.sem(differences)
            low, high = scipy_stats.t.interval(0.95, len(pairs) - 1, mean, error)
            assert [float(end) for end in interval.split(" to ")] == pytest.approx([low, high], abs=5.01e-4)
    holm = multitest.multipletests(p_values, method="holm")[1]
    for subject, p in zip(subjects, holm, strict=True):
        told = rows[subject][-1]
        assert told == "<0.0001" if p < 0.0001 else float(told) == pytest.approx(p, abs=5.01e-4)


def test_the_headline_has_the_difference_with_mcnemars_mid_p(folder, page):
    first, second = cases(folder, "gpt"), cases(folder, "claude")
    pairs = [(is_right(first[key]), is_right(second[key])) for key in first if key in second]
    gained, lost = pairs.count((False, True)), pairs.count((True, False))
    (told,) = [line for line in page.paragraphs if line.startswith("First gpt-like, second claude-like;")]
    assert f"{(gained - lost) / len(pairs):+.3f}" in told
    p = 2 * scipy_stats.binom.cdf(min(gained, lost), gained + lost, 0.5)
    p -= scipy_stats.binom.pmf(min(gained, lost), gained + lost, 0.5)
    said = re.search(r"McNemar mid-p (?:= (\S+)|(< 0.0001))", told)
    assert said
    assert said[2] if p < 0.0001 else float(said[1]) == pytest.approx(p, abs=5.01e-4)


def test_outcomes_letters_and_lengths(folder, page):
    known = cases(folder, "gpt")
    right, n = sum(map(is_right, known.values())), len(known)
    (row,) = [row for row in page.tables["Cases by outcome"] if row[0] == "mmlu · gpt-like"]
    total = n + 30
    assert row[2:] == [
        f"{right:,} ({100 * right / total:.1f} %)",
        f"{n - right:,} ({100 * (n - right) / total:.1f} %)",
        f"30 ({3000 / total:.1f} %)",
    ]
    letters = page.tables[
        "How often each letter is answered and is right, and the accuracy where it is right"
    ]
    for letter, _, said, keys, _, accuracy, interval, count in letters[1:5]:
        own = [case for case in known.values() if case["answer"] == letter]
        rights = sum(map(is_right, own))
        answered = sum(case["prediction"] == letter for case in known.values())
        assert [said, keys] == [f"{100 * answered / n:.1f} %", f"{100 * len(own) / n:.1f} %"]
        assert [accuracy, interval, count] == [
            shown(rights / len(own)),
            wilson(rights, len(own)),
            f"{len(own):,}",
        ]
    fifths = page.tables["Fifths of the questions by length, without what all prompts of a subject share"][
        1:6
    ]
    assert sum(int(row[-1].replace(",", "")) for row in fifths) == n
    shares = [float(row[2]) * int(row[-1].replace(",", "")) for row in fifths]
    assert sum(shares) == pytest.approx(right, abs=0.0005 * n)


def test_failures_are_counted_by_cause(folder, page):
    wrong = sum(not is_right(case) for name in ("gpt", "claude") for case in cases(folder, name).values())
    rows = page.tables["Cases that are not right, by cause"][1:]
    assert rows == [
        ["wrong letter (read by the rule answer_cue)", f"{wrong:,}"],
        ["error: cannot connect", "30"],
    ]


def test_the_index_says_what_has_changed_in_each_question(folder, page):
    first, second = cases(folder, "gpt"), cases(folder, "claude")
    index = page.index
    start = sum(number == 0 for number in index["columns"]["result"])
    found = Counter(index["changes"][change] for change in index["columns"]["change"][start:])
    both = [(first[key], second[key]) for key in second if key in first]
    assert found["gained"] == sum(not is_right(a) and is_right(b) for a, b in both)
    assert found["lost"] == sum(is_right(a) and not is_right(b) for a, b in both)
    assert found["other wrong answer"] == sum(
        not is_right(a) and not is_right(b) and a["prediction"] != b["prediction"] for a, b in both
    )
    assert found[""] == 30


def test_the_figures_of_the_page_are_those_of_compare(folder, page):
    ended = CliRunner().invoke(main, ["compare", str(folder / "gpt"), str(folder / "claude"), "--json"])
    (told,) = json.loads(ended.stdout)["comparisons"]
    flips = f"gained {told['gained']:,} · lost {told['lost']:,}"
    assert any(line.startswith(flips) for line in page.paragraphs)

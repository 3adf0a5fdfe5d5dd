"""--limit and --seed: a draw that is the same for every model, every process and every day."""

from __future__ import annotations

import json

import pytest


def drawn(cases, model):
    return [case.partition(f"[{model}-")[2] for case in cases if f"[{model}-" in case]


def test_as_many_are_asked_as_were_asked_for_spread_over_the_subjects(collected):
    cases = drawn(collected("--limit", "57"), "mock")
    assert len(cases) == 57
    assert len({case.rpartition("-")[0] for case in cases}) >= 50


def test_more_than_there_are_means_all(collected):
    assert collected("--limit", "100000") == collected()


def test_every_model_gets_the_same_questions(collected):
    cases = collected("--limit", "20", "--model", "mock/A", "--model", "mock/hash")
    assert len(cases) == 40
    assert drawn(cases, "mock-A") == drawn(cases, "mock-hash") == drawn(collected("--limit", "20"), "mock")


def test_another_seed_draws_others_and_the_same_seed_the_same(collected):
    first, again = (collected("--limit", "20", "--seed", "1") for _ in range(2))
    assert first == again != collected("--limit", "20") == collected("--limit", "20", "--seed", "0")


def test_the_draw_stays_in_the_order_of_the_data(collected):
    cases = collected("--limit", "30")
    assert cases == sorted(cases)


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_a_limit_that_asks_nothing_is_refused(limit, folder):
    assert folder.refused("--limit", limit) == (
        f"--limit {limit}: it must be at least 1; leave it out for the default."
    )


@pytest.mark.parametrize("option", ["--limit", "--seed", "--shots", "--max-tokens", "--concurrency"])
def test_a_count_must_be_a_whole_number(option, folder):
    said = folder.refused(option, "1.5")
    assert said == f"{option} 1.5: it must be a whole number; leave it out for the default."


# -- what a sample says of the whole


def test_the_summary_tells_the_sample_from_the_whole(folder):
    result = folder.run("-k", "mmlu", "--limit", "60", "--model", "mock/hash")
    entry = folder.entry()
    assert (entry["n"], entry["limit"], entry["drawn_from"]) == (60, 60, 120)
    (low, high), (lower, higher) = entry["ci95_benchmark"], entry["ci95"]
    assert lower < low < entry["accuracy"] < high < higher
    assert (high - low) / (higher - lower) == pytest.approx((60 / 119) ** 0.5, abs=0.03)
    headline = " ".join(result.stdout.str().split()).replace("\N{EN DASH}", "-")
    assert f"CI {lower:.3f}-{higher:.3f}, n = 60; of all 120: {low:.3f}-{high:.3f}; macro over" in headline
    assert folder.json("manifest")["data"]["mmlu"]["limit"] == 60


@pytest.mark.parametrize("options", [(), ("--limit", "120"), ("--limit", "5000")])
def test_a_limit_that_leaves_nothing_out_is_none(folder, options):
    folder.run("-k", "mmlu", *options, "--model", "mock/hash").stdout.no_fnmatch_line("*of all*")
    assert [folder.entry()[key] for key in ("limit", "drawn_from", "ci95_benchmark")] == [None] * 3
    assert "limit" not in folder.json("manifest")["data"]["mmlu"]


def test_the_whole_is_what_subject_and_category_leave(folder, collected):
    folder.run("-k", "mmlu", "--category", "stem", "--limit", "7", "--model", "mock/hash")
    there = len(collected("-k", "mmlu", "--category", "stem"))
    assert folder.entry()["drawn_from"] == there > 7


def test_workers_tell_the_same_of_the_whole(folder):
    folder.run_apart("-k", "mmlu", "--limit", "60", "--model", "mock/hash", "-n", "2")
    assert (folder.entry()["limit"], folder.entry()["drawn_from"]) == (60, 120)


def test_epochs_and_chosen_cases_are_no_plain_sample(folder):
    folder.run("-k", "mmlu", "--limit", "60", "--epochs", "2", "--temperature", "1", "--model", "mock/hash")
    assert (folder.entry()["limit"], folder.entry()["ci95_benchmark"]) == (60, None)
    folder.run("-k", "mmlu", "--limit", "60", "--model", "mock/A")
    folder.run("-k", "mmlu", "--limit", "60", "--model", "mock/A", "--lf")
    assert folder.entry()["n"] < 60
    assert (folder.entry()["drawn_from"], folder.entry()["ci95_benchmark"]) == (None, None)


# -- several languages

YAML = """
name: towns
file: towns.jsonl
columns: {question: q, choices: c, answer: a, subject: s, language: l, id: i}
"""


@pytest.fixture
def towns(folder):
    """80 questions in two languages, of which the second lacks every ninth."""
    rows = [
        {
            "q": f"{language} {n}?",
            "c": ["w", "x", "y"],
            "a": "ABC"[n % 3],
            "s": f"s{n % 4}",
            "l": language,
            "i": n,
        }
        for language in ("DE_DE", "FR_FR")
        for n in range(80)
        if language == "DE_DE" or n % 9
    ]
    folder.write("towns.jsonl", "\n".join(map(json.dumps, rows)))
    folder.write("towns.benchmark.yaml", YAML)
    return folder


def asked(folder):
    found: dict[str, set[str]] = {"DE_DE": set(), "FR_FR": set()}
    for line in folder.lines("results"):
        found[line["language"]].add(line["id"].replace(f"/{line['language']}", ""))
    return found


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("--subject", "s1", "--subject", "s2"), ("--dedup",)])
def test_the_same_questions_are_asked_in_every_language(towns, options):
    towns.run_apart("-k", "towns", "--limit", "30", "--model", "mock/A", *options)
    found = asked(towns)
    assert len(found["DE_DE"]) == 15
    assert found["DE_DE"] == found["FR_FR"]


def test_a_run_that_is_gone_on_with_asks_the_same_questions(towns):
    towns.run_apart("-k", "towns", "--limit", "30", "--model", "mock/A")
    before = {line["id"] for line in towns.lines("results")}
    towns.run_apart("-k", "towns", "--limit", "30", "--model", "mock/A", "-n", "2")
    assert {line["id"] for line in towns.lines("results")} == before

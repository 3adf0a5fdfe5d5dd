"""--limit and --seed: a draw that is the same for every model, every process and every day."""

from __future__ import annotations

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

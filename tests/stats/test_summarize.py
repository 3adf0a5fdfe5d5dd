from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.schema import ANSWERED, Entry, Outcome, Usage
from mmlubench.stats import Tally, Thresholds, summarize
from mmlubench.stats.latency import LATENCY

CATEGORY = {"anatomy": "other", "virology": "other", "algebra": "stem", "law": "humanities"}


def case(
    outcome: Outcome = Outcome.CORRECT, subject: str = "anatomy", cost: float | None = None, wait: float = 0.5
) -> Entry:
    usage = Usage(100, 20, 30, 4, cost, 6)
    return Entry(
        "id", "mmlu", subject, CATEGORY[subject], "m", outcome, "A", "A", "r", wait, usage, requests=2
    )


def cases(**counts: int) -> list[Entry]:
    return [case(Outcome(name)) for name, count in counts.items() for _ in range(count)]


runs = st.lists(
    st.builds(
        case,
        st.sampled_from(Outcome),
        st.sampled_from(sorted(CATEGORY)),
        st.one_of(st.none(), st.floats(0, 1)),
        st.floats(0, 100),
    ),
    max_size=80,
)


@given(runs)
def test_every_case_is_counted_once_at_every_level(results: list[Entry]) -> None:
    whole = summarize(results)
    assert whole.total.n == len(results)
    for level in (whole.categories, whole.subjects):
        for outcome in Outcome:
            assert sum(tally.outcomes[outcome] for tally in level.values()) == whole.total.outcomes[outcome]
    assert set(whole.to_dict()["outcomes"]) == {outcome.value for outcome in Outcome}


def test_a_run_that_is_not_complete_says_so_in_place_of_a_headline() -> None:
    told = summarize(cases(correct=1, wrong=3), unfinished="the run was stopped after 4 of 9 cases").to_dict()
    assert (told["headline"], told["why_no_headline"]) == (False, "the run was stopped after 4 of 9 cases")
    assert told["accuracy"] == 0.25
    assert told["warnings"] == []  # that it is like guessing says nothing any more


def test_thinking_without_a_reply_is_named_as_the_cause() -> None:
    silent = [replace(result, rule="unparsed:thinking") for result in cases(unparsed=4)]
    told = summarize([*cases(correct=6), *silent]).why_no_headline
    assert told is not None
    assert "thinking without a reply (4)" in told
    assert "--recipe" not in told


@given(runs)
def test_accuracy_is_right_answers_over_answers_and_errors_are_never_wrong(results: list[Entry]) -> None:
    answered = [result for result in results if result.outcome not in (Outcome.ERROR, Outcome.SKIPPED)]
    right = sum(result.outcome is Outcome.CORRECT for result in results)
    told = summarize(results).to_dict()
    assert told["answered"] == len(answered)
    assert told["accuracy"] == (right / len(answered) if answered else None)
    assert told["accuracy_strict"] == (right / len(results) if results else None)
    low, high = told["ci95"]
    assert told["accuracy"] is None or low <= told["accuracy"] <= high


@given(runs, st.randoms())
def test_the_order_of_the_results_changes_nothing(results: list[Entry], chance: random.Random) -> None:
    # Plain and -n 4 runs finish their cases in different orders.
    told = summarize(results).to_dict()
    chance.shuffle(results)
    assert summarize(results).to_dict() == told
    assert list(told["subjects"]) == sorted(told["subjects"])


def test_micro_weighs_questions_and_macro_weighs_subjects() -> None:
    results = [
        *(case(subject="anatomy") for _ in range(8)),
        *(case(Outcome.WRONG, "algebra") for _ in range(2)),
        case(Outcome.ERROR, "law"),  # answered nothing: counts in no average
    ]
    whole = summarize(results)
    assert whole.total.accuracy == 0.8
    assert whole.accuracy_macro == 0.5
    assert whole.total.ci95 == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert whole.accuracy_strict == pytest.approx(8 / 11)


def test_a_group_tells_its_own_figures() -> None:
    told = summarize(cases(correct=3, unparsed=1, truncated=1, error=2)).to_dict()
    group = told["subjects"]["anatomy"]
    assert (group["n"], group["answered"], group["correct"]) == (7, 5, 3)
    assert (group["accuracy"], group["category"]) == (0.6, "other")
    assert group["outcomes"] == told["outcomes"]
    assert told["categories"]["other"] == {key: value for key, value in group.items() if key != "category"}


def test_tokens_and_requests_add_up() -> None:
    told = summarize(case(cost=0.25) for _ in range(4)).to_dict()
    assert told["usage"] == Usage(400, 80, 120, 16, 1.0, 24).to_dict()
    assert (told["requests"], told["cost_usd"], told["cost_known_for"]) == (8, 1.0, 4)


@pytest.mark.parametrize(
    ("costs", "total", "known_for"),
    [([None, None], None, 0), ([0.5, None], 0.5, 1), ([0.0, 0.0], 0.0, 2), ([], None, 0)],
)
def test_a_price_that_is_not_known_is_never_nothing(
    costs: Iterable[float | None], total: float | None, known_for: int
) -> None:
    whole = summarize(case(cost=cost) for cost in costs)
    assert (whole.usage.cost_usd, whole.cost_known_for) == (total, known_for)


def test_what_an_error_cost_is_paid_all_the_same() -> None:
    whole = summarize([case(cost=0.5), case(Outcome.ERROR, cost=0.25)])
    assert (whole.usage.cost_usd, whole.cost_known_for) == (0.75, 1)


def test_latency_is_that_of_answered_cases() -> None:
    waits = [case(wait=float(second)) for second in range(1, 101)]
    run = summarize([*waits, case(Outcome.ERROR, wait=600), case(Outcome.SKIPPED, wait=0)])
    latency = run.value(LATENCY)
    assert latency is not None
    assert latency.to_dict() == {"mean": 50.5, "p50": 50, "p95": 95}
    assert summarize([case(wait=3)]).to_dict()["latency"] == {"mean": 3, "p50": 3, "p95": 3}
    assert summarize(cases(error=1)).value(LATENCY) is None


def test_no_headline_number_and_the_reason_go_together() -> None:
    fine, failed = summarize(cases(correct=99, error=1)), summarize(cases(correct=98, error=2))
    assert (fine.why_no_headline, fine.to_dict()["headline"]) == (None, True)
    assert failed.to_dict()["headline"] is False
    assert failed.to_dict()["why_no_headline"] == failed.why_no_headline
    assert "ended in errors" in str(failed.why_no_headline)


def test_the_thresholds_asked_for_are_those_applied_and_written_down() -> None:
    results = cases(correct=90, error=5, unparsed=5)
    lenient = summarize(results, Thresholds(max_error_rate=0.05, max_unparsed_rate=0.06)).to_dict()
    assert lenient["headline"] is True
    assert lenient["thresholds"] == {
        "max_error_rate": 0.05,
        "max_unparsed_rate": 0.06,
        "min_letter_mass": 0.1,
    }
    assert summarize(results).to_dict()["thresholds"]["max_error_rate"] == 0.01


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_errors_change_nothing_in_the_accuracy(right: int, wrong: int, errors: int) -> None:
    # A provider that was down for an hour must not make a model look worse.
    lenient = Thresholds(max_error_rate=1)
    without = summarize(cases(correct=right, wrong=wrong), lenient).to_dict()
    told = summarize(cases(correct=right, wrong=wrong, error=errors), lenient).to_dict()
    same = ("answered", "accuracy", "accuracy_macro", "ci95", "standard_error", "warnings")
    assert {key: told[key] for key in same} == {key: without[key] for key in same}
    assert told["outcomes"]["wrong"] == wrong


def test_nothing_is_doubted_where_there_is_no_reason() -> None:
    assert summarize(cases(correct=60, wrong=40)).warnings == ()
    assert summarize([]).warnings == ()
    assert summarize(cases(correct=60, wrong=40), asked_model="m", dropped={"seed": 0}).warnings == ()


def test_guessing_is_judged_by_the_choices_of_the_questions_that_were_answered() -> None:
    # 4 of 40 right: poor with four choices (0.250 - 3 x 0.068 = 0.045 is lower), what is expected with ten.
    def run(choices: int) -> list[Entry]:
        made = cases(correct=4, wrong=36)
        return [Entry.from_dict({**r.to_dict(), "choices": choices}) for r in made] + cases(skipped=50)

    (with_ten,) = summarize(run(10)).warnings
    assert with_ten.startswith(
        "accuracy 0.100 lies within 3 standard errors of what guessing scores (0.100, standard error 0.047):"
    )
    (with_two,) = summarize(run(2)).warnings
    assert "more than 3 standard errors below what guessing scores (0.500, standard error 0.079)" in with_two


def test_many_refusals_are_told_before_the_accuracy_is_compared_with_guessing() -> None:
    refusals, guessing = summarize(cases(refused=80)).warnings
    assert refusals.startswith("80 of 80 replies are refusals, which count as wrong: ")
    assert guessing.startswith("accuracy 0.000 lies")
    (few,) = summarize(cases(correct=80, wrong=15, refused=5, error=1)).warnings
    assert few.startswith("5 of 100 replies are refusals")
    assert summarize(cases(correct=81, wrong=15, refused=4)).warnings == ()


def test_an_accuracy_that_may_not_be_told_does_not_come_back_as_a_warning() -> None:
    assert summarize(cases(correct=25, wrong=75)).warnings != ()
    assert summarize(cases(correct=25, wrong=75, error=20)).warnings == ()


def test_who_answered_is_taken_from_the_results() -> None:
    def served(*names: str) -> list[Entry]:
        return [Entry.from_dict({**case().to_dict(), "served_model": name}) for name in names]

    results = served(*["gpt-4o-2024-08-06"] * 8, "other", "")
    first, second = summarize(results, asked_model="gpt-4o").warnings
    assert first.startswith("gpt-4o was asked for, but the server says that other (1 case) answered")
    assert second.startswith(
        "the served model changed during the run, gpt-4o-2024-08-06 (8 cases) and other (1 case)"
    )
    assert summarize(results).warnings == (second,)  # nobody knows what was asked for


def test_a_change_of_the_provider_behind_a_router_is_told() -> None:
    def served(*names: str) -> list[Entry]:
        return [Entry.from_dict({**case().to_dict(), "served_provider": name}) for name in names]

    assert summarize(served(*["Azure"] * 9, "")).warnings == ()
    (warning,) = summarize(served(*["Azure"] * 8, "DeepInfra", "")).warnings
    assert warning.startswith(
        "the provider behind the router changed during the run, Azure (8 cases) and DeepInfra (1 case): "
    )


@pytest.mark.parametrize(
    ("dropped", "said"),
    [
        ({"temperature": 14_042}, "asked for but not sent: temperature (14,042 requests); "),
        (
            {"temperature": 3, "seed": 1, "stop": 0},
            "asked for but not sent: seed (1 request), temperature (3 requests); ",
        ),
    ],
)
def test_a_parameter_that_was_not_sent_is_named(dropped: dict[str, int], said: str) -> None:
    # "temperature 0" in the manifest of a model that takes none would be believed.
    (warning,) = summarize(cases(correct=9), dropped=dropped).warnings
    assert warning == said + "the model does not take it and used its own default"


def test_the_gravest_doubt_comes_first() -> None:
    results = [Entry.from_dict({**r.to_dict(), "served_model": "x"}) for r in cases(correct=10, wrong=30)]
    told = summarize(results, asked_model="m", dropped={"seed": 40}).to_dict()["warnings"]
    assert [warning.split()[0] for warning in told] == ["accuracy", "m", "asked"]


class Counted(list[Entry]):
    """Results that count how often they are gone through."""

    passes = 0

    def __iter__(self) -> Iterator[Entry]:
        self.passes += 1
        return super().__iter__()


def test_a_hundred_times_the_cases_are_gone_through_no_more_often() -> None:
    # What grows with the square of the cases is a minute that every user waits at the end.
    def passes(times: int) -> int:
        results = Counted(cases(correct=90 * times, wrong=50 * times))
        summarize(results, asked_model="m", dropped={"seed": 1})
        return results.passes

    assert passes(100) == passes(1) > 0


def test_a_tally_grows_while_results_arrive() -> None:
    tally = Tally()
    assert (tally.n, tally.accuracy) == (0, None)
    for outcome in (Outcome.CORRECT, Outcome.ERROR, Outcome.WRONG, Outcome.SKIPPED, Outcome.REFUSED):
        tally.add(outcome)
    assert (tally.n, tally.asked, tally.answered, tally.errors) == (5, 4, 3, 1)
    assert tally.accuracy == pytest.approx(1 / 3)
    assert tally.standard_error == pytest.approx(1 / 3)
    assert Tally(cases(correct=2, error=1)).score().outcomes[Outcome.ERROR] == 1


def test_answered_outcomes_are_all_but_error_and_skipped() -> None:
    assert set(Outcome) - set(ANSWERED) == {Outcome.ERROR, Outcome.SKIPPED}

"""When a run has no headline number. Each sentence must say what was found, what is allowed, and what to try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.schema import Outcome
from mmlubench.stats import Tally, Thresholds
from mmlubench.stats.thresholds import DEFAULT

RUN_AGAIN = "fix the cause and run the same command again, which asks only the failed cases"


def tally(**counts: int) -> Tally:
    made = Tally()
    for name, count in counts.items():
        made.add(Outcome(name), count)
    return made


def reason(thresholds: Thresholds = DEFAULT, /, **counts: int) -> str | None:
    return thresholds.why_no_headline(tally(**counts))


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"correct": 99, "error": 1}, None),
        (
            {"correct": 98, "error": 2},
            f"2 of 100 cases (2.0 %) ended in errors, --max-error-rate allows 1 % (1 here): {RUN_AGAIN}",
        ),
        # Skipped cases do not water the share of errors down.
        (
            {"wrong": 1, "error": 1, "skipped": 98},
            f"1 of 2 cases (50.0 %) ended in errors, --max-error-rate allows 1 % (0 here): {RUN_AGAIN}",
        ),
        (
            {"error": 1_200},
            f"1,200 of 1,200 cases (100.0 %) ended in errors, --max-error-rate allows 1 % (12 here): {RUN_AGAIN}",
        ),
    ],
)
def test_too_many_errors(counts: dict[str, int], sentence: str | None) -> None:
    assert reason(**counts) == sentence


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"correct": 98, "unparsed": 1, "truncated": 1}, None),
        # The advice follows what happened, the more frequent first.
        (
            {"correct": 97, "truncated": 3},
            "3 of 100 replies (3.0 %) name no letter (0 unparsed, 3 truncated), "
            "--max-unparsed-rate allows 2 % (2 here): raise --max-tokens",
        ),
        (
            {"correct": 14_042 - 281, "unparsed": 281},
            "281 of 14,042 replies (2.0 %) name no letter (281 unparsed, 0 truncated), "
            "--max-unparsed-rate allows 2 % (280 here): "
            "read the replies in responses.jsonl and try another --recipe",
        ),
        (
            {"wrong": 7, "unparsed": 1, "truncated": 2},
            "3 of 10 replies (30.0 %) name no letter (1 unparsed, 2 truncated), "
            "--max-unparsed-rate allows 2 % (1 here): "
            "raise --max-tokens, and read the replies in responses.jsonl and try another --recipe",
        ),
        # Errors and skipped cases are no replies, and a refusal is an answer.
        (
            {"correct": 97, "unparsed": 3, "error": 1, "skipped": 900},
            "3 of 100 replies (3.0 %) name no letter (3 unparsed, 0 truncated), "
            "--max-unparsed-rate allows 2 % (2 here): "
            "read the replies in responses.jsonl and try another --recipe",
        ),
        ({"correct": 50, "refused": 50}, None),
    ],
)
def test_too_many_replies_without_a_letter(counts: dict[str, int], sentence: str | None) -> None:
    assert reason(**counts) == sentence


@pytest.mark.parametrize(
    ("causes", "advice"),
    [
        (
            {"unparsed:thinking": 5},
            "thinking without a reply (5): turn thinking off (extra_body in models.yaml), or check the reasoning "
            "parser of the server, which may have taken the reply for thinking",
        ),
        (
            {"unparsed:tool_call": 5},
            "a tool call without text (5): set tool_choice: none (extra_body in models.yaml), or start the server "
            "without its tool parser",
        ),
    ],
)
def test_a_known_cause_is_named_in_place_of_another_recipe(causes: dict[str, int], advice: str) -> None:
    told = DEFAULT.why_no_headline(tally(correct=95, unparsed=5), "", causes)
    assert told is not None
    assert told.endswith(f"(2 here): {advice}")


def test_causes_are_told_by_their_number_and_the_rest_keeps_its_advice() -> None:
    causes = {"unparsed:thinking": 6, "unparsed": 3, "unparsed:tool_call": 1}
    told = DEFAULT.why_no_headline(tally(correct=90, unparsed=10), "", causes)
    assert told is not None
    assert (
        told.index("thinking without a reply (6)")
        < told.index("try another --recipe")
        < told.index("a tool call without text (1)")
    )


@pytest.mark.parametrize("kind", ["unparsed", "truncated"])
def test_a_small_run_is_not_spoiled_by_a_single_reply(kind: str) -> None:
    # 1 of 20 is 5 %, which says nothing yet of the rate, and moves the accuracy by less than its interval is wide.
    assert reason(correct=19, **{kind: 1}) is None
    assert reason(correct=9, **{kind: 1}) is None
    assert reason(correct=8, **{kind: 1}) is not None  # of 9: a good part of the result
    assert reason(correct=18, **{kind: 2}) is not None
    assert reason(**{kind: 1}) is not None  # 0.000 would be no accuracy but a missing answer


def test_a_single_error_does_spoil_a_small_run() -> None:
    # Asking again costs one request, and then the number is complete.
    assert reason(correct=19, error=1) is not None


def test_a_rate_of_nothing_allows_nothing_and_one_of_everything_allows_all() -> None:
    assert reason(Thresholds(max_unparsed_rate=0), correct=999, unparsed=1) is not None
    assert reason(Thresholds(max_error_rate=0), correct=999, error=1) is not None
    assert reason(Thresholds(1, 1), unparsed=5, truncated=5, error=90) is None


def test_both_reasons_are_told_at_once() -> None:
    # Otherwise the second one turns up after the run was paid for again.
    told = reason(correct=90, unparsed=5, error=5)
    assert told is not None
    errors, _, unparsed = told.partition("; and ")
    assert errors.startswith("5 of 100 cases (5.0 %) ended in errors")
    assert unparsed.startswith("5 of 95 replies (5.3 %) name no letter")


@pytest.mark.parametrize("counts", [{"skipped": 3}, {}])
def test_without_any_answer_there_is_no_number(counts: dict[str, int]) -> None:
    assert reason(**counts) == f"0 of {sum(counts.values())} cases were answered"


def test_a_run_that_is_not_complete_has_no_number_however_good_it_is() -> None:
    why = "the run stopped at --max-cost after 2 of 4 cases"
    assert DEFAULT.why_no_headline(tally(correct=100), why) == why
    told = DEFAULT.why_no_headline(tally(correct=1, error=1), why)
    assert told is not None
    assert told.startswith(f"{why}; and 1 of 2 cases (50.0 %) ended in errors")


def test_errors_alone_are_no_number_however_many_are_allowed() -> None:
    assert reason(Thresholds(max_error_rate=1), error=3) == "0 of 3 cases were answered"


def test_a_rate_reads_as_it_was_given() -> None:
    told = reason(Thresholds(max_error_rate=0.07), correct=90, error=10)
    assert told is not None
    assert "--max-error-rate allows 7 % (7 here)" in told
    told = reason(Thresholds(max_unparsed_rate=0.025), correct=90, unparsed=10)
    assert told is not None
    assert "--max-unparsed-rate allows 2.5 % (2 here)" in told


def test_a_share_that_floating_point_misses_by_a_hair_is_allowed() -> None:
    assert Thresholds(max_error_rate=0.29).errors_allowed(100) == 29  # 0.29 * 100 is 28.999999999999996


@given(st.integers(0, 300), st.integers(0, 30))
def test_the_rule_for_errors_is_their_share(right: int, errors: int) -> None:
    told = reason(correct=right, error=errors)
    assert (told is None) == (right > 0 and 100 * errors <= right + errors)


@given(st.integers(0, 300), st.integers(0, 20), st.integers(0, 20))
def test_the_rule_for_letters_is_their_share_or_one(right: int, unparsed: int, truncated: int) -> None:
    n, missing = right + unparsed + truncated, unparsed + truncated
    told = reason(correct=right, unparsed=unparsed, truncated=truncated)
    assert (told is None) == (n > 0 and (50 * missing <= n or (missing == 1 and n >= 10)))


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 20_000))
def test_a_higher_rate_never_allows_less(one: float, other: float, n: int) -> None:
    low, high = sorted((one, other))
    assert Thresholds(low, low).errors_allowed(n) <= Thresholds(high, high).errors_allowed(n) <= n
    assert Thresholds(low, low).unparsed_allowed(n) <= Thresholds(high, high).unparsed_allowed(n) <= n

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.schema import ALPHABET, ANSWERED, Answer, Entry, Outcome, Params, Question, Usage

counts = st.integers(0, 10**9)
usages = st.builds(
    Usage,
    counts,
    counts,
    counts,
    counts,
    st.none() | st.floats(0, 1e6, allow_nan=False, allow_infinity=False),
    counts,
)
results = st.builds(
    Entry,
    latency_s=st.floats(0, 1e6),
    outcome=st.sampled_from(Outcome),
    usage=usages,
    prediction=st.none() | st.sampled_from(ALPHABET),
)


def question(identity: str = "mmlu/anatomy/0017", choices: int = 4) -> Question:
    return Question(identity, "mmlu", "anatomy", "other", "Which?", tuple("x" * choices), "A")


# -- questions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "shown"),
    [
        ("mmlu/anatomy/0017", "anatomy-0017"),
        ("mmlu_pro/4711", "4711"),
        ("mmmlu/de/anatomy/0017", "de-anatomy-0017"),
        ("lonely", "lonely"),
    ],
)
def test_the_test_id_of_a_question_is_its_id_without_the_benchmark(identity: str, shown: str) -> None:
    assert question(identity).case_id == shown


@pytest.mark.parametrize(("choices", "letters"), [(2, "AB"), (4, "ABCD"), (10, "ABCDEFGHIJ")])
def test_choices_are_lettered_from_a_on(choices: int, letters: str) -> None:
    assert question(choices=choices).letters == letters


def test_values_that_are_shared_by_hundreds_of_requests_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        question().answer = "B"  # type: ignore[misc]
    assert hash(question()) == hash(question())


# -- what is asked ---------------------------------------------------------------------------------------------------


def test_only_parameters_that_were_asked_for_are_named() -> None:
    assert Params().asked() == {"temperature": 0.0}
    assert Params(temperature=None).asked() == {}
    assert Params(0.5, 8, 0.9, 0, ("\n", "Q:")).asked() == {
        "temperature": 0.5,
        "max_tokens": 8,
        "top_p": 0.9,
        "seed": 0,  # zero is a seed
        "stop": ["\n", "Q:"],
    }
    assert Params(logprobs=0, choice=("A", "B")).asked() == {
        "temperature": 0.0,
        "logprobs": 0,  # the sampled token's own is asked for
        "choice": ["A", "B"],
    }


def test_no_parameter_is_forgotten_in_the_log() -> None:
    everything = Params(1.0, 1, 1.0, 1, ("x",), 1, ("A",))
    assert set(everything.asked()) == {field.name for field in fields(Params)}


# -- what it used ----------------------------------------------------------------------------------------------------


@given(usages, usages)
def test_tokens_add_up_in_any_order(one: Usage, other: Usage) -> None:
    total = one + other
    assert total == other + one
    assert total.input_tokens == one.input_tokens + other.input_tokens
    assert total.reasoning_tokens == one.reasoning_tokens + other.reasoning_tokens
    assert total.cache_write_tokens == one.cache_write_tokens + other.cache_write_tokens
    assert one + Usage() == one


def test_a_price_that_is_not_known_is_not_zero() -> None:
    # A summary that says 0.00 dollars for a model without a price would mislead.
    assert (Usage(1) + Usage(2)).cost_usd is None
    assert (Usage(1, cost_usd=0.5) + Usage(2)).cost_usd == 0.5
    assert (Usage(cost_usd=0.0) + Usage(cost_usd=0.25)).cost_usd == 0.25


# -- what came of it -------------------------------------------------------------------------------------------------


def test_errors_and_skipped_cases_are_the_only_ones_outside_accuracy() -> None:
    assert set(Outcome) - set(ANSWERED) == {Outcome.ERROR, Outcome.SKIPPED}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_reads_as_its_word_in_files_and_on_the_screen(outcome: Outcome) -> None:
    assert str(outcome) == f"{outcome}" == json.loads(json.dumps(outcome)) == outcome.value


@pytest.mark.parametrize(
    ("letter", "rule", "outcome"),
    [
        ("B", "cue", Outcome.WRONG),
        (None, "unparsed", Outcome.UNPARSED),
        (None, "truncated", Outcome.TRUNCATED),
        (None, "refused", Outcome.REFUSED),
    ],
)
def test_a_failed_assertion_says_whether_the_letter_was_wrong_or_missing(
    letter: str | None, rule: str, outcome: Outcome
) -> None:
    assert Answer(letter, rule, "text", "explanation").failure is outcome


@given(results)
def test_a_result_survives_its_line_in_the_file_and_the_way_from_a_worker(result: Entry) -> None:
    assert Entry.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    assert Usage.from_dict(json.loads(json.dumps(result.usage.to_dict()))) == result.usage
    assert pickle.loads(pickle.dumps(result)) == result


def test_a_line_of_results_has_every_field_and_plain_values_only() -> None:
    result = Entry(
        "mmlu/anatomy/0017", "mmlu", "anatomy", "other", "claude",
        Outcome.WRONG, "A", "B", "cue", 0.5, Usage(10, 2),
    )  # fmt: skip
    line = result.to_dict()
    assert list(line) == [field.name for field in fields(Entry)]
    assert line["outcome"] == "wrong"
    assert type(line["outcome"]) is str  # xdist refuses an Enum
    assert line["usage"] == {
        **{"input_tokens": 10, "output_tokens": 2, "cached_tokens": 0},
        **{"cache_write_tokens": 0, "reasoning_tokens": 0, "cost_usd": None},
    }


def test_a_line_of_an_older_version_lacks_what_was_not_measured_then() -> None:
    line = Entry("q", "b", "s", "c", "m", Outcome.WRONG, "A", "B", "logprob", 0.5, Usage()).to_dict()
    for name in ("letter_mass", "unlisted_mass", "second_tries"):
        del line[name]
    old = Entry.from_dict(line)
    assert (old.letter_mass, old.unlisted_mass, old.second_tries) == (None, 0.0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 3},
        {"model": None},
        {"error": ["x"]},
        {"latency_s": "fast"},
        {"requests": 1.5},
        {"choices": "4"},
        {"prediction": 1},
        {"score": "high"},
        {"probabilities": [0.5, 0.5]},
        {"letter_mass": "0.98"},
        {"unlisted_mass": None},
        {"second_tries": 0.5},
    ],
    ids=str,
)
def test_a_line_with_a_value_of_another_kind_is_refused_where_it_is_read(change: dict[str, object]) -> None:
    # Else a table or a sum far from the file would fail, and name neither file nor line.
    line = Entry("q", "b", "s", "c", "m", Outcome.WRONG, "A", "B", "cue", 0.5, Usage()).to_dict()
    (name,) = change
    with pytest.raises(TypeError, match=f"^{name} is "):
        Entry.from_dict(line | change)

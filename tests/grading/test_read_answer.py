"""A user would see a case under the wrong outcome, or an explanation that does not explain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.grading import read_answer
from mmlubench.schema import Completion, Outcome, Question, Usage

QUESTION = Question(
    id="mmlu/geography/0001",
    benchmark="mmlu",
    subject="geography",
    category="other",
    text="Which is the capital of France?",
    choices=("Lyon", "Nice", "Paris", "Lille"),
    answer="C",
)


def read(text, finish_reason="stop", **more):
    return read_answer(QUESTION, Completion(text, finish_reason, **more))


def test_a_wrong_letter_is_explained_with_both_letters_and_the_rule():
    answer = read("ANSWER: B")
    assert (answer.letter, answer.rule, answer.failure) == ("B", "answer_cue", Outcome.WRONG)
    assert answer.explanation == "answered B (rule: answer_cue), right is C"
    assert answer.text == "ANSWER: B"


def test_a_right_letter_passes_the_assertion_of_a_benchmark():
    answer = read("The answer is **C**.")
    assert answer.letter == QUESTION.answer, answer.explanation


def test_the_letters_are_those_of_the_question():
    two = Question("x/y/0", "x", "y", "z", "?", ("no", "yes"), "B")
    assert read_answer(two, Completion("C", "stop")).letter is None
    assert read_answer(two, Completion("B", "stop")).letter == "B"


@pytest.mark.parametrize(
    ("text", "finish_reason", "outcome"),
    [
        ("I am not sure.", "stop", Outcome.UNPARSED),
        ("", "stop", Outcome.UNPARSED),
        ("Let us first consider", "length", Outcome.TRUNCATED),
        ("<think>The answer is A", "length", Outcome.TRUNCATED),
        ("", "length", Outcome.TRUNCATED),
        ("I can't help with that.", "stop", Outcome.REFUSED),
        ("", "refusal", Outcome.REFUSED),
        ("", "content_filter", Outcome.REFUSED),
        # the provider knows better than our phrases why a reply ended
        ("I can't help with that. As I", "length", Outcome.TRUNCATED),
    ],
)
def test_a_reply_without_a_letter_says_why(text, finish_reason, outcome):
    answer = read(text, finish_reason)
    assert (answer.letter, answer.failure) == (None, outcome)
    assert answer.rule == outcome.value


@pytest.mark.parametrize(
    ("completion", "rule"),
    [
        (Completion("", "stop", reasoning="The answer is C."), "unparsed:thinking"),
        (Completion("<think>The answer is C.</think>", "stop"), "unparsed:thinking"),
        (Completion("<seed:think>The answer is C.", "stop"), "unparsed:thinking"),
        (Completion("", "tool_calls"), "unparsed:tool_call"),
        (Completion("", "tool_use", reasoning="I call a tool."), "unparsed:tool_call"),
        (Completion("", "stop"), "unparsed"),
        (Completion("I do not know.", "stop", reasoning="C?"), "unparsed"),
        (Completion("<think>The answer is C.", "length"), "truncated"),
    ],
)
def test_what_stands_in_place_of_a_reply_is_named(completion, rule):
    answer = read_answer(QUESTION, completion)
    assert answer.rule == rule
    assert answer.failure.value == rule.partition(":")[0]


def test_a_tool_call_with_a_letter_beside_it_is_an_answer():
    assert read("The answer is C.", "tool_calls").letter == "C"


def test_a_refusal_in_another_language_than_the_question_is_one():
    assert (
        read("\u62b1\u6b49\uff0c\u6211\u65e0\u6cd5\u56de\u7b54\u8fd9\u4e2a\u95ee\u9898\u3002").failure
        is Outcome.REFUSED
    )


@pytest.mark.parametrize("metadata", [{"type": "refusal"}, {"refusal": "I cannot."}])
def test_a_refusal_reported_in_the_metadata_counts(metadata):
    assert read("", metadata=metadata).failure is Outcome.REFUSED
    assert read("", metadata={"type": "text", "refusal": None}).failure is Outcome.UNPARSED


@pytest.mark.parametrize("finish_reason", ["stop", "length", "refusal", "content_filter"])
def test_a_letter_always_counts(finish_reason):
    assert read("I'm sorry, I can't help with more. ANSWER: C", finish_reason).letter == "C"


def test_a_letter_in_the_thinking_does_not_count():
    assert read("<think>ANSWER: C</think>I am not sure.").letter is None


@pytest.mark.parametrize(
    ("completion", "explanation"),
    [
        (Completion("I think\n that…", "stop"), "no letter in the reply: 'I think that…' (right is C)"),
        (Completion("", "stop"), "empty reply (right is C)"),
        (Completion("", "tool_calls"), "a tool call, no text (right is C)"),
        (Completion("<think>hm</think>", "stop"), "only thinking, no reply (right is C)"),
        (Completion("", "stop", reasoning="hm"), "only thinking, no reply (right is C)"),
        (
            Completion("Well", "length", Usage(output_tokens=16)),
            "cut off after 16 tokens before any letter; right is C \u2014 raise --max-tokens",
        ),
        (
            Completion("Well", "length"),
            "cut off by the token limit before any letter; right is C \u2014 raise --max-tokens",
        ),
        (Completion("I can't answer that.", "stop"), 'refused: "I can\'t answer that." (right is C)'),
        (Completion("", "content_filter"), "refused by the provider (content_filter); right is C"),
    ],
)
def test_the_explanation_is_one_plain_line(completion, explanation):
    assert read_answer(QUESTION, completion).explanation == explanation


@given(st.text(), st.sampled_from(["stop", "length", "refusal", "tool_calls", ""]))
def test_every_reply_gets_an_outcome_and_a_short_line(text, finish_reason):
    answer = read(text, finish_reason)
    assert answer.failure in Outcome
    assert "\n" not in answer.explanation
    assert len(answer.explanation) < 1000  # 80 characters, each at worst written as an escape of ten

"""A user would see answers taken from a model's thoughts, or no answers from models that think."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.grading import extract, strip_thinking
from tests.hang_guard import cpu_limit

TAGS = ["think", "thinking", "thought", "reasoning", "THINK", "Thinking"]
HOSTILE = {
    "tags": "<think>" * 28_000,
    "closing tags": "</think>" * 25_000,
    "half tags": "<think" * 33_000,
    "attributes": "<think a=" * 22_000,
    "a name without end": "<" + "thinking_" * 22_000,
    "brackets": "<[" * 100_000,
    "names": "<seed:" * 33_000,
    "channels": "<|channel|>analysis" * 10_000,
    "messages": "<|channel|>final<|message|>" * 7_000,
    "bare channels": "analysis" + "assistantfina" * 15_000,
    "finals": "analysisA" + "assistantfinal" * 14_000,
    "announced": "Here is my thought process:" + "Here is my response:\n" * 9_000,
    "announced, not ended": "Here are my reasoning steps:" + "[BEGIN FINAL RESPONSE" * 9_000,
    "blanks": "Here is my thought process:" + " " * 200_000,
}


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("brackets", ["<>", "[]", "\u25c1\u25b7"])
def test_a_block_of_thinking_is_removed(tag, brackets):
    left, right = brackets
    reply = f"{left}{tag}{right}The answer is A.\n{left}/{tag}{right}\n\nANSWER: B"
    assert strip_thinking(reply) == "ANSWER: B"


@pytest.mark.parametrize("tag", TAGS)
def test_thinking_that_was_cut_off_leaves_nothing(tag):
    assert strip_thinking(f"<{tag}>The answer is A. But") == ""


def test_what_was_said_before_thinking_began_again_is_kept():
    assert strip_thinking("ANSWER: B\n<think>or is it") == "ANSWER: B"


def test_a_closing_tag_alone_ends_thinking_that_the_template_had_opened():
    assert strip_thinking("The answer is A? No.\n</think>\nANSWER: B") == "ANSWER: B"


def test_several_blocks_are_all_removed():
    assert strip_thinking("<think>A</think>so <thinking>B</thinking>ANSWER: C") == "so ANSWER: C"


def test_thinking_about_the_tag_itself_does_not_swallow_the_answer():
    assert strip_thinking("<think>I close <think> soon</think>ANSWER: B") == "ANSWER: B"


def test_a_nested_block_ends_with_the_last_closing_tag():
    assert strip_thinking("<think>a<think>b</think>answer: A</think>ANSWER: B") == "ANSWER: B"


@pytest.mark.parametrize(
    "reply", ["ANSWER: B", "", "a < b", "I think B", "<thinker>B</thinker>", "x [1] y", " B\n"]
)
def test_a_reply_without_thinking_is_left_alone(reply):
    assert strip_thinking(reply) == reply


def test_only_the_final_channel_of_gpt_oss_is_read():
    analysis = "<|channel|>analysis<|message|>The answer is A.<|end|>"
    final = "<|start|>assistant<|channel|>final<|message|>ANSWER: B<|return|>"
    assert strip_thinking(analysis + final) == "ANSWER: B"
    assert strip_thinking(analysis) == ""
    assert strip_thinking("analysisThe answer is A.assistantfinalANSWER: B") == "ANSWER: B"


def test_a_few_words_before_a_stray_closing_tag_are_the_reply():
    assert strip_thinking("Answer: B</think>") == "Answer: B"
    assert strip_thinking("The answer is A. " * 20 + "</think>") == ""


def test_thinking_announced_in_words_ends_where_the_reply_is_announced():
    assert strip_thinking("Here is my thought process:\n\nA?\n\nHere is my response:\n\nB") == "B"
    alone = "Here is my thought process: A is wrong, so the answer is B."
    assert strip_thinking(alone) == alone


def test_a_bare_channel_that_was_cut_off_leaves_nothing():
    assert strip_thinking("analysisThe answer is A. Hold on") == ""
    assert strip_thinking("analysis of the text: B") == "analysis of the text: B"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_very_long_reply_is_stripped_in_no_time(name):
    # measured below 0.3 s; a pattern that backtracks would need minutes
    with cpu_limit(30):
        strip_thinking(HOSTILE[name])


@given(st.text(st.characters(exclude_characters="<>[]|\u25c1\u25b7")), st.sampled_from("ABCD"))
def test_no_letter_comes_out_of_a_thought(thought, letter):
    assert extract(strip_thinking(f"<think>{thought}</think>ANSWER: {letter}")).letter == letter
    assert extract(strip_thinking(f"<think>{thought} ANSWER: {letter}")).letter is None


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "<|channel|>", "final", "<|message|>", "analysis", "B", " "])
    )
)
def test_every_text_can_be_stripped(pieces):
    assert len(strip_thinking("".join(pieces))) <= len("".join(pieces))

"""What holds for every reply: which rule speaks, which match wins, and that nothing takes long."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.grading import extract
from mmlubench.grading.rules import tiers
from mmlubench.schema import ALPHABET
from tests.hang_guard import cpu_limit

DECORATIONS = [
    "{}",
    "{}.",
    "({})",
    "[{}]",
    "**{}**",
    "*{}*",
    "__{}__",
    "`{}`",
    '"{}"',
    "**({})**",
    "$\\boxed{{{}}}$",
    "\\boxed{{\\text{{{}}}}}",
    "$\\text{{{}}}$",
    "<answer>{}</answer>",
    "<b>{}</b>",
    "{}) it is written here",
    "{}. It is written here",
    "**{}**: it is written here",
]
CUES = [
    "ANSWER: ",
    "Answer: ",
    "answer:",
    "Answer:\n\n",
    "**Answer:** ",
    "Final answer: ",
    "The answer is ",
    "The correct answer is ",
    "The correct option is ",
    "The best answer to this question is ",
    "Therefore, the answer is ",
    "Correct answer: ",
    "A long argument.\n\nAnswer: ",
    "My answer: ",
]
letter_sets = st.integers(2, 26).map(lambda n: ALPHABET[:n])


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        ("<answer>B</answer>", "answer_tag"),
        ("so $\\boxed{B}$", "boxed"),
        ("ANSWER: B", "answer_cue"),
        ("The answer is **B**", "answer_cue"),
        ("Answer\nB", "answer_line"),
        ("The correct option is B", "option_cue"),
        ("I choose B.", "choose"),
        ('{"selected_option": "B"}', "field"),
        ('The result: {"selected_option": "B"', "field"),
        ("selected_option = B", "name"),
        ("It must be B.", "conclude"),
        ("The sum is 4, or (B).", "aside"),
        ("This matches option B.", "point"),
        ("Therefore, B.", "therefore"),
        ("B is correct.", "verdict"),
        ("- [ ] A\n- [x] B", "ticked"),
        ("(B)", "bare"),
        ("B) Paris", "leading"),
        ("Paris is the capital.\n\nB", "closing"),
        ("Paris", "unparsed"),
    ],
)
def test_the_rule_that_fired_is_named(reply, rule):
    # results.jsonl tells a user by which rule an answer was read
    assert extract(reply).rule == rule


def test_rule_names_are_unique_and_listed_above():
    names = [rule.name for tier in tiers() for rule in tier]
    assert len(names) == len(set(names))
    assert all(rule.pattern.groups == 1 for tier in tiers() for rule in tier)


@pytest.mark.parametrize("weak", ["I choose C.", "C is correct.", "C", "C) Paris"])
def test_a_stated_answer_beats_a_weaker_sign_wherever_it_stands(weak):
    assert extract(f"Answer: B\n\n{weak}").letter == "B"
    assert extract(f"{weak}\n\nAnswer: B").letter == "B"


def test_several_options_stated_as_the_answer_are_not_settled_by_a_weaker_sign():
    assert extract("Answer: A and C\n\nC") == (None, "unparsed")


def test_an_answer_in_the_middle_of_a_very_long_reply_is_found():
    prose = "The text speaks of many things. " * 3000
    assert extract(prose + "Answer: B\n" + prose).letter == "B"


@settings(deadline=None)  # patterns are built when first needed
@given(st.sampled_from(DECORATIONS), letter_sets, st.data())
def test_any_letter_in_any_decoration_is_that_letter(decoration, letters, data):
    letter = data.draw(st.sampled_from(letters))
    assert extract(decoration.format(letter), letters).letter == letter


@settings(deadline=None)  # patterns are built when first needed
@given(st.sampled_from(CUES), st.sampled_from(DECORATIONS), letter_sets, st.data())
def test_any_letter_in_any_decoration_after_any_cue_is_that_letter(cue, decoration, letters, data):
    letter = data.draw(st.sampled_from(letters))
    assert extract(cue + decoration.format(letter), letters).letter == letter


@settings(deadline=None)  # patterns are built when first needed
@given(st.sampled_from(CUES), st.sampled_from(DECORATIONS), st.data())
def test_the_last_statement_wins(cue, decoration, data):
    first, last = data.draw(st.sampled_from("ABCD")), data.draw(st.sampled_from("ABCD"))
    assert extract(f"Answer: {first}\n\nNo, wait.\n\n{cue}{decoration.format(last)}").letter == last


@settings(deadline=None)  # patterns are built when first needed
@given(st.sampled_from(CUES), st.sampled_from(DECORATIONS), st.integers(2, 25), st.data())
def test_a_letter_the_question_does_not_have_is_no_answer(cue, decoration, n, data):
    outside = data.draw(st.sampled_from(ALPHABET[n:]))
    assert extract(cue + decoration.format(outside), ALPHABET[:n]).letter is None


PIECES = [
    *CUES,
    *ALPHABET[:6],
    "a",
    "b",
    " ",
    "\n",
    ".",
    ")",
    "(",
    "**",
    "is",
    "not",
    "and",
    "or",
    "wrong",
    "correct",
    "option",
    "\\boxed{",
]


@settings(deadline=None)  # patterns are built when first needed
@given(st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join) | st.text(max_size=200), letter_sets)
def test_every_text_gets_a_letter_of_the_question_or_none(text, letters):
    letter, rule = extract(text, letters)
    assert (letter is None and rule == "unparsed") or (letter in letters and rule != "unparsed")


@settings(deadline=None)  # patterns are built when first needed
@given(st.text(st.characters(exclude_characters=ALPHABET + ALPHABET.lower(), max_codepoint=0x2000)))
def test_a_text_without_any_letter_has_no_answer(text):
    assert extract(text).letter is None


@settings(deadline=None)  # patterns are built when first needed
@given(
    st.lists(st.from_regex(r"[A-Za-z][a-z]{1,8}", fullmatch=True), max_size=30), st.sampled_from(["", *CUES])
)
def test_whole_words_are_never_letters(words, cue):
    # "Answer: Because" is not B, "Answer seems" is not S
    assert extract(cue + " ".join(words), ALPHABET).letter is None


HOSTILE = {
    "blanks": " " * 200_000 + "x",
    "lines": "A\n" * 100_000,
    "blank lines": "x" + "\n" * 200_000 + "x",
    "stars": "Answer" + "*" * 200_000,
    "brackets": "Answer: " + "(" * 200_000,
    "backslashes": "\\" * 200_000,
    "cues": "the answer is " * 14_000,
    "cues with gaps": ("answer:" + "\n" * 16) * 8_700,
    "relative clauses": "answer to to to to " * 10_000,
    "suppositions": "if the answer is A, " * 10_000,
    "questions": "answer: A? " * 18_000,
    "options": "A. x\n" * 40_000,
    "option letters": "A, B and C is " * 14_000,
    "choices": "I would then choose that it is option " * 5_000,
    "people": "most people people people people think that " * 4_500,
    "prose": "Each of the options must be weighed with care, because the text says much. " * 2_700,
    "full width": "\uff21\u3000" * 100_000,
    "ends of turns": "B<|im_end|>" * 18_000,
    "half tokens": "<|" * 100_000,
    "a token without end": "<|" + "a" * 200_000,
    "brackets of tokens": "[|<" * 66_000,
    "boxes": "<|begin_of_box|>" * 12_000,
    "headers": "assistant\n" * 20_000,
    "turns of others": "\nHuman: B" * 22_000,
    "next questions": "\nQuestion: the answer is B" * 8_000,
    "objects": '{"answer": ' * 18_000,
    "keys": '{"answer": "B", "' + "option" * 33_000 + '": "C"}',
    "many keys": "{" + '"answer": "B", ' * 13_000 + '"x": 1}',
    "lists": "[" * 200_000,
    "fences": "```json\n" * 25_000,
    "quotes": '"' * 200_000,
    "quoted nouns": '"answer ' * 25_000,
    "names": "an_answer_" * 20_000,
    "camels": "anAnswer" * 25_000,
    "rows": "- [x] A\n" * 25_000,
    "ticks": "\u2705 A " * 66_000,
    "one long table": "| A | B |\n" * 20_000,
    "pipes": "|" * 200_000,
    "echoes": "Answer: A) B) C) " * 12_000,
    "echoes cut off": "Answer: A) x " * 15_000,
    "words in LaTeX": "\\text{" * 33_000,
    "blanks in LaTeX": "\\ " * 100_000,
    "small words in LaTeX": "\\text{abcd}" * 18_000,
    "capitals": "A" * 200_000,
    "several letters": "Answer: ABCD " * 15_000,
    "Chinese": "\u7b54\u6848\u662f" * 60_000,
    "all scripts": "\u7b54 \u7b54\u3048 \uc815\ub2f5 \u0627\u0644\u062c\u0648\u0627\u0628 \u0989 \u0909 "
    * 8_000,
    "respuestas": "respuesta antwort risposta jawaban jibu: " * 5_000,
    "small letters": "b\n" * 100_000,
    "closing tags": "B</b>" * 40_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_very_long_reply_is_read_in_no_time(name):
    # measured 10 to 250 ms; a pattern that backtracks would need minutes and stop the run
    with cpu_limit(30):
        extract(HOSTILE[name])

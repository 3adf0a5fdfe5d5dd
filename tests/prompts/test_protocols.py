"""Each published protocol, byte for byte, as its own code writes it for questions made up here.

If one fails, a number found with that recipe no longer compares with the published one.
"""

from __future__ import annotations

import pytest

from mmlubench.prompts import load_recipe, recipe_names, render
from mmlubench.schema import Message, Question

#: White space around the texts shows who strips it: the questions of MMLU have some 963 times.
ASKED = Question(
    "mmlu/high_school_chemistry/0002", "mmlu", "high_school_chemistry", "stem",
    " Which gas do plants take in?\n", ("Helium", " Carbon dioxide", "Neon", "Argon"), "B",
)  # fmt: skip
EXAMPLES = [
    Question(
        "mmlu/high_school_chemistry/dev-0", "mmlu", "high_school_chemistry", "stem",
        "Water is made of ", ("hydrogen and oxygen", "iron", "salt", "sand"), "A",
        rationale="A: Let's think step by step. Water is H2O. The answer is (A).",
    ),
    Question(
        "mmlu/high_school_chemistry/dev-1", "mmlu", "high_school_chemistry", "stem",
        "The sign of gold is", ("Go", "Ag", "Gd", "Au"), "D",
        rationale="Let's think step by step. It comes from aurum.\n\nThe answer is (D).",
    ),
]  # fmt: skip

HENDRYCKS = (
    "The following are multiple choice questions (with answers) about  high school chemistry.\n\n"
    "Water is made of \nA. hydrogen and oxygen\nB. iron\nC. salt\nD. sand\nAnswer: A\n\n"
    "The sign of gold is\nA. Go\nB. Ag\nC. Gd\nD. Au\nAnswer: D\n\n"
    " Which gas do plants take in?\n\nA. Helium\nB.  Carbon dioxide\nC. Neon\nD. Argon\nAnswer:"
)
LM_EVAL = (
    "The following are multiple choice questions (with answers) about high school chemistry.\n\n"
    "Water is made of\nA. hydrogen and oxygen\nB. iron\nC. salt\nD. sand\nAnswer: A\n\n"
    "The sign of gold is\nA. Go\nB. Ag\nC. Gd\nD. Au\nAnswer: D\n\n"
    "Which gas do plants take in?\nA. Helium\nB.  Carbon dioxide\nC. Neon\nD. Argon\nAnswer:"
)
MMLU_PRO = (
    "The following are multiple choice questions (with answers) about high school chemistry. Think step by step and "
    'then output the answer in the format of "The answer is (X)" at the end.\n\n'
    "Question: Water is made of \nOptions: A. hydrogen and oxygen\nB. iron\nC. salt\nD. sand\n"
    "Answer: Let's think step by step. Water is H2O. The answer is (A).\n\n"
    "Question: The sign of gold is\nOptions: A. Go\nB. Ag\nC. Gd\nD. Au\n"
    "Answer: Let's think step by step. It comes from aurum.\n\nThe answer is (D).\n\n"
    "Question:  Which gas do plants take in?\n\nOptions: A. Helium\nB.  Carbon dioxide\nC. Neon\nD. Argon\n"
    "Answer: Let's think step by step.\n\n"
)
MMLU_PRO_ZERO_SHOT = (
    "The following are multiple choice questions (with answers) about high school chemistry. Think step by step and "
    'then output the answer in the format of "The answer is (X)" at the end.\n\n'
    "Question:  Which gas do plants take in?\n\nOptions: A. Helium\nB.  Carbon dioxide\nC. Neon\nD. Argon\n"
    "Answer: Let's think step by step.\n\n"
)
SIMPLE_EVALS = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before answering.\n\n"
    " Which gas do plants take in?\n\n\nA) Helium\nB)  Carbon dioxide\nC) Neon\nD) Argon"
)
INSPECT = (
    "Answer the following multiple choice question. The entire content of your response should be of the following "
    "format: 'ANSWER: $LETTER' (without quotes) where LETTER is one of A,B,C,D.\n\n"
    " Which gas do plants take in?\n\n\nA) Helium\nB)  Carbon dioxide\nC) Neon\nD) Argon"
)
INSPECT_WATER = (
    "Answer the following multiple choice question. The entire content of your response should be of the following "
    "format: 'ANSWER: $LETTER' (without quotes) where LETTER is one of a,b,c,d.\n\n"
    "Water is made of \n\n(a) hydrogen and oxygen\n(b) iron\n(c) salt\n(d) sand"
)
INSPECT_GOLD = (
    "Answer the following multiple choice question. The entire content of your response should be of the following "
    "format: 'ANSWER: $LETTER' (without quotes) where LETTER is one of a,b,c,d.\n\n"
    "The sign of gold is\n\n(a) Go\n(b) Ag\n(c) Gd\n(d) Au"
)
LLAMA3 = (
    "Given the following question and four candidate answers (A, B, C and D), choose the best answer.\n"
    "Question: Which gas do plants take in?\nA. Helium\nB.  Carbon dioxide\nC. Neon\nD. Argon\n"
    'Your response should end with "The best answer is [the_answer_letter]" where the [the_answer_letter] is one of '
    "A, B, C or D."
)
LLAMA3_WATER = (
    "Given the following question and four candidate answers (A, B, C and D), choose the best answer.\n"
    "Question: Water is made of\nA. hydrogen and oxygen\nB. iron\nC. salt\nD. sand\n"
    'Your response should end with "The best answer is [the_answer_letter]" where the [the_answer_letter] is one of '
    "A, B, C or D."
)
LLAMA3_GOLD = (
    "Given the following question and four candidate answers (A, B, C and D), choose the best answer.\n"
    "Question: The sign of gold is\nA. Go\nB. Ag\nC. Gd\nD. Au\n"
    'Your response should end with "The best answer is [the_answer_letter]" where the [the_answer_letter] is one of '
    "A, B, C or D."
)

CONVERSATIONS = {
    "hendrycks": [("user", HENDRYCKS)],
    "lm_eval": [("user", LM_EVAL)],
    "mmlu_pro": [("user", MMLU_PRO)],
    "mmlu_pro_zero_shot": [("user", MMLU_PRO_ZERO_SHOT)],
    "simple_evals": [("system", "You are a helpful assistant."), ("user", SIMPLE_EVALS)],
    "inspect_zero_shot": [("user", INSPECT)],
    "inspect_five_shot": [
        ("system", "The following are multiple choice questions about high_school_chemistry."),
        ("user", INSPECT_WATER),
        ("assistant", "Answer: A"),
        ("user", INSPECT_GOLD),
        ("assistant", "Answer: D"),
        ("user", INSPECT),
    ],
    "llama3": [
        ("user", LLAMA3_WATER),
        ("assistant", "The best answer is A."),
        ("user", LLAMA3_GOLD),
        ("assistant", "The best answer is D."),
        ("user", LLAMA3),
        ("assistant", "The best answer is"),
    ],
}
#: temperature, max_tokens, stop, scoring, raw
ASKED_FOR = {
    "hendrycks": (0.0, 16, ("\n",), "logprob", True),
    "lm_eval": (0.0, 16, ("\n",), "logprob", True),
    "mmlu_pro": (0.0, 4000, (), "text", False),
    "mmlu_pro_zero_shot": (0.0, 4000, (), "text", False),
    "simple_evals": (0.5, 2048, (), "text", False),
    "inspect_zero_shot": (0.0, 16, (), "text", False),
    "inspect_five_shot": (0.0, 16, (), "text", False),
    "llama3": (0.0, 10, (".",), "text", False),
}
FIVE_SHOT = {"hendrycks", "lm_eval", "mmlu_pro", "inspect_five_shot", "llama3"}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_what_is_sent_is_this_byte_for_byte(name: str) -> None:
    recipe = load_recipe(name, shots=2 if name in FIVE_SHOT else None)
    expected = tuple(Message(role, content) for role, content in CONVERSATIONS[name])
    assert render(recipe, ASKED, EXAMPLES) == expected


@pytest.mark.parametrize("name", ASKED_FOR)
def test_sampling_is_that_of_the_protocol(name: str) -> None:
    recipe = load_recipe(name)
    found = (recipe.temperature, recipe.max_tokens, recipe.stop, recipe.scoring, recipe.raw)
    assert found == ASKED_FOR[name]
    assert recipe.shots == (5 if name in FIVE_SHOT else 0)


def test_a_recipe_that_reproduces_published_numbers_is_held_to_its_protocol() -> None:
    reproduces = {name: load_recipe(name).reproduces for name in recipe_names()}
    published = {name for name, numbers in reproduces.items() if numbers}
    assert published | {"mmlu_pro_zero_shot"} == {*CONVERSATIONS} == {*ASKED_FOR}
    assert "88.7" in reproduces["simple_evals"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("inspect_evals/mmlu_0_shot", "inspect_zero_shot"),
        ("inspect_evals/mmlu_5_shot", "inspect_five_shot"),
    ],
)
def test_inspects_own_names_are_understood(theirs: str, ours: str) -> None:
    assert load_recipe(theirs) == load_recipe(ours)


def test_examples_without_a_solution_give_their_letter() -> None:
    # MMLU-Pro's prompt on another benchmark: without the letter the examples would teach nothing.
    bare = [Question("m/d/0", "mmlu", "anatomy", "other", "Where is the heart?", ("Chest", "Foot"), "A")]
    text = render(load_recipe("mmlu_pro", shots=1), ASKED, bare)[0].content
    assert "B. Foot\nAnswer: Let's think step by step. The answer is (A).\n\nQuestion: " in text


def test_llama3_counts_the_options_in_words() -> None:
    asked = Question("c/d/0", "c", "commonsense", "commonsense", "Why?", ("v", "w", "x", "y", "z"), "A")
    text = render(load_recipe("llama3", shots=0), asked)[0].content
    assert text.startswith(
        "Given the following question and five candidate answers (A, B, C, D and E), choose"
    )

"""If these fail, models are asked something new: numbers no longer compare, so raise the version."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mmlubench.errors import PromptError
from mmlubench.prompts import load_recipe, recipe_names, render
from mmlubench.schema import Question

ZERO_SHOT = """\
Question: Which day follows Monday?
A. Sunday
B. Tuesday
C. Friday
D. None of them

Exactly one of these options is right. Whatever you write before, finish with a last line that reads
"Answer: X", where X is A, B, C or D."""

COT = """\
Question: Which day follows Monday?
A. Sunday
B. Tuesday
C. Friday
D. None of them

Exactly one of these options is right. Think step by step: say what is asked, weigh every option, and
only then decide. Finish with a last line that reads "Answer: X", where X is A, B, C or D."""

LETTER = """\
Question: Which day follows Monday?
A. Sunday
B. Tuesday
C. Friday
D. None of them

Exactly one of these options is right. Reply with its letter alone: A, B, C or D.
Answer:"""

OWN = ("zero_shot", "letter", "cot", "five_shot")
#: Recipes that never show a worked example.
WITHOUT_EXAMPLES = [
    name
    for name in recipe_names()
    if (recipe := load_recipe(name)).example_reply is None and "shots" not in recipe.template
]

FIVE_SHOT = """\
Multiple-choice questions about world religions. All but the last one come with their right answer.
Complete the last one in the same form: "Answer: X", where X is A, B, C or D.

Which option is red?
A. red 1
B. red 2
C. red 3
D. red 4
Answer: A

Which option is blue?
A. blue 1
B. blue 2
C. blue 3
D. blue 4
Answer: D

Which option is green?
A. green 1
B. green 2
C. green 3
D. green 4
Answer: B

Which option is white?
A. white 1
B. white 2
C. white 3
D. white 4
Answer: C

Which option is black?
A. black 1
B. black 2
C. black 3
D. black 4
Answer: A

Which day follows Monday?
A. Sunday
B. Tuesday
C. Friday
D. None of them
Answer:"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("zero_shot", ZERO_SHOT), ("letter", LETTER), ("cot", COT), ("five_shot", FIVE_SHOT)],
)
def test_the_prompt_is_this_byte_for_byte(
    name: str, expected: str, question: Question, dev: list[Question]
) -> None:
    (message,) = render(load_recipe(name), question, dev)
    assert message.role == "user"
    assert message.content == expected


def test_without_options_the_recipe_is_zero_shot() -> None:
    assert load_recipe() == load_recipe("zero_shot")


@pytest.mark.parametrize("name", OWN)
def test_a_reply_has_room_to_think(name: str) -> None:
    # 16 tokens made a thinking model score 0.000 elsewhere.
    assert (load_recipe(name).max_tokens or 0) >= 1024


@pytest.mark.parametrize("name", OWN)
def test_letters_follow_the_number_of_options(name: str, question: Question) -> None:
    three = replace(question, choices=("x", "y", "z"))
    ten = replace(question, choices=tuple("0123456789"))
    recipe = load_recipe(name, shots=0)
    assert re.search(r"(where X is|alone:) A, B or C\b", render(recipe, three)[0].content)
    assert re.search(r"(is|alone:) A, B, C, D, E, F, G, H, I or J\b", render(recipe, ten)[0].content)
    assert "\nJ. 9\n" in render(recipe, ten)[0].content


@pytest.mark.parametrize("name", sorted({*recipe_names()} - {*WITHOUT_EXAMPLES}))
def test_shots_are_as_many_as_asked_for(name: str, question: Question, dev: list[Question]) -> None:
    for shots in (0, 1, 3, 6):
        text = "\n".join(message.content for message in render(load_recipe(name, shots=shots), question, dev))
        examples = [example.text in text for example in dev]
        assert examples == [row < shots for row in range(6)]
        assert text.count("Which day follows Monday?") == 1


@pytest.mark.parametrize("name", OWN)
def test_a_question_without_a_subject_reads_well(name: str, question: Question) -> None:
    text = render(load_recipe(name, shots=0), replace(question, subject=""))[0].content
    assert "about" not in text
    assert "  " not in text


@pytest.mark.parametrize("name", WITHOUT_EXAMPLES)
def test_a_recipe_without_examples_refuses_them(name: str) -> None:
    with pytest.raises(PromptError, match="1 worked examples are wanted, but template never uses shots"):
        load_recipe(name, shots=1)


@pytest.mark.parametrize("name", recipe_names())
def test_every_number_of_options_has_its_letters(name: str, question: Question, dev: list[Question]) -> None:
    for choices in ("xyz", "vwxyz", "0123456789"):
        asked = replace(question, choices=tuple(choices))
        text = "\n".join(message.content for message in render(load_recipe(name, shots=0), asked))
        assert len(re.findall(rf"\b{asked.letters[-1]}\W{{1,3}}{choices[-1]}\b", text)) == 1


@pytest.mark.parametrize("name", recipe_names())
def test_the_right_answer_never_leaks(name: str, question: Question, dev: list[Question]) -> None:
    recipe = load_recipe(name)
    other = replace(question, answer="D")
    assert render(recipe, question, dev) == render(recipe, other, dev)


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(
        PromptError,
        match=r"There is no recipe 'nine_shot'; known: cot, five_shot, hendrycks, .*, zero_shot; a",
    ):
        load_recipe("nine_shot")


def test_a_file_given_as_recipe_points_to_prompt() -> None:
    with pytest.raises(PromptError, match="goes to --prompt"):
        load_recipe("../templates/cot")


def test_recipe_and_prompt_together_are_refused() -> None:
    with pytest.raises(PromptError, match=r"--recipe cot and --prompt x\.yaml: give one of the two"):
        load_recipe("cot", "x.yaml")


def test_negative_shots_are_refused() -> None:
    with pytest.raises(PromptError, match="--shots -1"):
        load_recipe(shots=-1)

"""A prompt that is too long loses worked examples from the end, never text."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mmlubench.prompts import Recipe, load_recipe, render
from mmlubench.schema import Question

SHOTS = "{% for shot in shots %}{{ shot.question }}\n{% endfor %}"
RECIPE = Recipe("r", "1", "d", SHOTS + "{{ question }}", shots=3)


def words(text: str) -> int:
    return len(text.split())


def examples_left(budget: int, question: Question, dev: list[Question]) -> list[str]:
    recipe = replace(RECIPE, max_prompt_tokens=budget)
    *shots, asked = render(recipe, question, dev, count=words)[0].content.split("\n")
    assert asked == question.text  # four words, as each example has
    return shots


@pytest.mark.parametrize(
    ("budget", "left"), [(99, 3), (16, 3), (15, 2), (12, 2), (11, 1), (8, 1), (7, 0), (1, 0)]
)
def test_examples_go_from_the_end_until_it_fits(
    budget: int, left: int, question: Question, dev: list[Question]
) -> None:
    assert examples_left(budget, question, dev) == [example.text for example in dev[:left]]


def test_turns_are_counted_together(question: Question, dev: list[Question]) -> None:
    recipe = Recipe(
        "r", "1", "d", "{{ question }}", shots=3, example_reply="{{ answer }}", max_prompt_tokens=9
    )
    assert len(render(recipe, question, dev, count=words)) == 3


def test_without_a_limit_nobody_counts(question: Question, dev: list[Question]) -> None:
    def never(text: str) -> int:
        raise AssertionError(text)

    assert dev[2].text in render(RECIPE, question, dev, count=never)[0].content


def test_what_is_left_is_what_a_cache_is_told(question: Question, dev: list[Question]) -> None:
    message = render(replace(RECIPE, max_prompt_tokens=12), question, dev, count=words)[0]
    assert message.content[: message.shared] == "Which option is red?\nWhich option is blue?\n"


def test_the_original_window_holds_about_nine_thousand_characters(
    question: Question, dev: list[Question]
) -> None:
    recipe = load_recipe("hendrycks")
    long = [
        replace(example, text="The treaty of that year was signed by two kings. " * 40) for example in dev
    ]
    assert render(recipe, question, long)[0].content.count("Answer: ") == 4


@pytest.mark.real_data
def test_three_subjects_of_mmlu_do_not_fit_and_no_other() -> None:
    # By GPT-2's own tokenizer it is 165, 204 and 4 of them.
    folder = Path(os.environ.get("MMLUBENCH_DATA", "")) / "mmlu"
    if not (folder / "test.parquet").is_file():
        pytest.skip("MMLUBENCH_DATA names no folder with mmlu/test.parquet")
    from mmlubench import datasets

    data, recipe = datasets.load("mmlu", str(folder)), load_recipe("hendrycks")
    lost: dict[str, int] = {}
    for question in data.questions:
        text = render(recipe, question, data.examples[question.subject])[0].content
        if data.examples[question.subject][-1].text not in text:
            lost[question.subject] = lost.get(question.subject, 0) + 1
    assert lost == {
        "high_school_european_history": 165, "high_school_us_history": 204, "professional_law": 7,
    }  # fmt: skip

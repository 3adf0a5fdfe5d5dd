"""How much of a prompt all questions of a subject share: a prompt cache is told exactly that, or nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmlubench.prompts import Recipe, load_recipe, render
from mmlubench.schema import Question

SHOTS = "{% for shot in shots %}{{ shot.question }} {{ shot.answer }}\n{% endfor %}"
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


def shared(recipe: Recipe, question: Question, dev: list[Question]) -> str:
    message = render(recipe, question, dev)[-1]
    return message.content[: message.shared]


@pytest.mark.parametrize("name", ["five_shot", "cot", "zero_shot"])
def test_the_worked_examples_are_shared_and_the_question_is_not(
    name: str, question: Question, dev: list[Question]
) -> None:
    recipe = load_recipe(name, shots=5)
    text = render(recipe, question, dev)[-1].content
    assert shared(recipe, question, dev) == text[: text.rfind("\n", 0, text.index(question.text)) + 1]
    assert dev[4].text in shared(recipe, question, dev)


def test_without_worked_examples_nothing_is_looked_for(question: Question) -> None:
    assert render(load_recipe(), question)[-1].shared == 0


def test_a_system_message_is_not_cut(question: Question, dev: list[Question]) -> None:
    system, prompt = render(replace(load_recipe("five_shot"), system="Be brief."), question, dev)
    assert (system.shared, prompt.shared > 0) == (0, True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=4, max_size=4)), min_size=2, max_size=5))
def test_all_questions_of_a_subject_share_the_same_text_whatever_they_say(
    asked: list[tuple[str, list[str]]], question: Question, dev: list[Question]
) -> None:
    # If it fails, the cache is written anew for every question, at more than the usual price.
    recipe = load_recipe("five_shot")
    questions = [replace(question, text=text, choices=tuple(choices)) for text, choices in asked]
    beginnings = {shared(recipe, one, dev) for one in questions}
    assert len(beginnings) == 1
    assert beginnings.pop().endswith(f"Answer: {dev[4].answer}\n\n")


def test_other_subjects_and_other_examples_share_another_text(
    question: Question, dev: list[Question]
) -> None:
    recipe = load_recipe("five_shot")
    other = replace(question, subject="anatomy")
    assert shared(recipe, question, dev) != shared(recipe, other, dev)
    assert shared(recipe, question, dev) != shared(recipe, question, dev[1:])
    assert shared(recipe, question, dev) != shared(replace(recipe, shots=4), question, dev)


def test_what_is_shared_ends_with_a_line(question: Question, dev: list[Question]) -> None:
    # Within a line the cut could fall into a token, and the model would read another text.
    recipe = Recipe("r", "1", "d", SHOTS + "Now this: {{ question }}", shots=2)
    assert shared(recipe, question, dev).endswith(f"{dev[1].answer}\n")


def test_a_template_that_begins_with_the_question_shares_nothing(
    question: Question, dev: list[Question]
) -> None:
    recipe = Recipe("r", "1", "d", "{{ question }}\n" + SHOTS, shots=2)
    assert shared(recipe, question, dev) == ""


def test_a_template_that_looks_at_the_question_first_is_not_fooled(
    question: Question, dev: list[Question]
) -> None:
    head = "{% if 'Which' in question %}Think twice.\n{% endif %}"
    recipe = Recipe("r", "1", "d", head + SHOTS + "{{ question }}", shots=2)
    assert shared(recipe, question, dev) == ""
    assert shared(recipe, replace(question, text="Name one."), dev).startswith("Which option is red? A\n")


def test_a_template_that_takes_a_question_apart_works_without_a_cache(
    question: Question, dev: list[Question]
) -> None:
    recipe = Recipe("r", "1", "d", SHOTS + "{{ question.split(' ')[2] }}", shots=2)
    assert render(recipe, question, dev)[-1].content.endswith("follows")
    assert shared(recipe, question, dev) == ""


def test_where_it_may_be_cut_does_not_make_a_message_another_one(
    question: Question, dev: list[Question]
) -> None:
    # The store and the tests compare messages by what they say.
    message = render(load_recipe("five_shot"), question, dev)[-1]
    assert message == replace(message, shared=0)
    assert hash(message) == hash(replace(message, shared=0))


@pytest.mark.real_data
def test_every_question_of_mmlu_shares_its_subjects_examples() -> None:
    folder = Path(os.environ.get("MMLUBENCH_DATA", "")) / "mmlu"
    if not (folder / "test.parquet").is_file():
        pytest.skip("MMLUBENCH_DATA names no folder with mmlu/test.parquet")
    from mmlubench import datasets

    data = datasets.load("mmlu", str(folder))
    recipe = load_recipe("five_shot")
    beginnings: dict[str, set[str]] = {}
    for question in data.questions:
        beginning = shared(recipe, question, list(data.examples[question.subject]))
        assert question.text not in beginning or question.text in str(data.examples[question.subject])
        beginnings.setdefault(question.subject, set()).add(beginning)
    assert len(beginnings) == 57
    assert {len(found) for found in beginnings.values()} == {1}

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import PromptError
from mmlubench.prompts import Recipe, load_recipe, render
from mmlubench.schema import Message, Question

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
NASTY = st.sampled_from(
    ["{{ question }}", "{% raw %}", "{# gone #}", "<b>&amp;</b>", "{{", "\\boxed{A}", "$\n\n$"]
)


@given(st.lists(st.one_of(TEXT, NASTY), min_size=3, max_size=8))
def test_what_a_question_says_arrives_unchanged(texts: list[str]) -> None:
    # If it fails, a question with braces or HTML in it is asked as something else.
    text, *choices = texts
    question = Question("made/up/1", "made", "up", "other", text, tuple(choices), "A")
    shots = "{% for example, options, right in shots %}{{ example }}{% endfor %}"
    recipe = Recipe("r", "1", "d", f"{shots}{{{{ question }}}}|{{{{ choices[1][1] }}}}", shots=1)
    assert render(recipe, question, [question])[0].content == f"{text}{text}|{choices[1]}"


def test_the_system_message_comes_first(question: Question) -> None:
    recipe = load_recipe(system='Say {"so": 1} of {{ subject }}, not {{ subject_id }}.')
    first, second = render(recipe, question)
    assert first == Message("system", 'Say {"so": 1} of world religions, not world_religions.')
    assert second.role == "user"


def test_too_few_worked_examples_say_how_many_there_are(question: Question, dev: list[Question]) -> None:
    with pytest.raises(PromptError) as caught:
        render(load_recipe("five_shot"), question, dev[:2])
    assert str(caught.value) == (
        "recipe five_shot wants 5 worked examples, but mmlu has 2 for world_religions: "
        "use --shots 2, or data with more of them."
    )


def test_examples_are_the_first_of_the_file_in_its_order(question: Question, dev: list[Question]) -> None:
    recipe = Recipe("r", "1", "d", "{% for shot in shots %}{{ shot.question }};{% endfor %}", shots=2)
    assert render(recipe, question, dev)[0].content == "Which option is red?;Which option is blue?;"
    assert render(recipe, question, dev[::-1])[0].content == "Which option is pink?;Which option is black?;"


def test_a_template_that_fails_on_one_question_only_is_a_prompt_error(question: Question) -> None:
    # The trial question has four options; a later one may have three.
    recipe = Recipe("r", "1", "d", "{{ question }} {{ choices[3][1] }}", source="mine.yaml")
    with pytest.raises(PromptError, match=r"mine\.yaml: the template cannot be filled in"):
        render(recipe, replace(question, choices=("x", "y", "z")))


@pytest.mark.parametrize(
    ("letters", "words"), [("x", "A"), ("xy", "A or B"), ("xyz", "A, B or C"), ("vwxyz", "A, B, C, D or E")]
)
def test_letters_are_listed_in_words(question: Question, letters: str, words: str) -> None:
    recipe = Recipe("r", "1", "d", "{{ letters_list }}")
    assert render(recipe, replace(question, choices=tuple(letters)))[0].content == words


def test_a_template_may_speak_of_the_language(question: Question) -> None:
    recipe = Recipe("r", "1", "d", "{{ language or 'English' }}")
    assert render(recipe, question)[0].content == "English"
    assert render(recipe, replace(question, language="DE_DE"))[0].content == "DE_DE"


def test_subject_and_category_read_as_words(question: Question) -> None:
    recipe = Recipe("r", "1", "d", "{{ subject }}, {{ category }}")
    asked = replace(question, subject="high_school_world_history", category="social_sciences")
    assert render(recipe, asked)[0].content == "high school world history, social sciences"


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("Answer:", "Answer:"),
        ("Answer:\n", "Answer:"),
        ("Answer:\n\n", "Answer:\n"),
        (" a \n{% if 1 %}\nb\n{% endif %}\n", " a \nb\n"),
    ],
)
def test_white_space_is_that_of_the_template(question: Question, block: str, text: str) -> None:
    assert render(Recipe("r", "1", "d", block), question)[0].content == text


def test_the_hash_follows_whatever_changes_the_messages() -> None:
    recipe = load_recipe("five_shot")
    changes: dict[str, Any] = {
        "template": recipe.template + " ",
        "shots": 4,
        "system": "Be brief.",
        "example": "{{ question }}",
        "example_reply": "{{ answer }}",
        "prefill": "It is",
        "raw": True,
        "scoring": "logprob",
        "temperature": 0.0,
        "stop": (".",),
        "max_tokens": 7,
        "max_prompt_tokens": 2048,
    }
    changed = [replace(recipe, **{key: value}) for key, value in changes.items()]
    assert len({recipe.sha256, *(other.sha256 for other in changed)}) == 1 + len(changes)
    same = replace(
        recipe, name="other", version="9", description="other", source="elsewhere", reply_tokens=9,
        extraction="tiger", reproduces="nothing",
    )  # fmt: skip
    assert same.sha256 == recipe.sha256
    assert {field.name for field in fields(Recipe)} == {
        *changes, "name", "version", "description", "source", "reply_tokens", "extraction", "reproduces",
    }  # fmt: skip
    assert load_recipe("five_shot").sha256 == recipe.sha256


def test_the_manifest_can_tell_recipes_apart() -> None:
    told = load_recipe("cot", shots=2).to_dict()
    assert (told["name"], told["version"], told["shots"], len(told["sha256"])) == ("cot", "1", 2, 64)
    assert json.loads(json.dumps(load_recipe("llama3").to_dict()))["stop"] == ["."]


def test_options_are_texts_in_a_loop_and_lines_when_printed() -> None:
    question = Question("q/1", "q", "sums", "stem", "?", ("one", "two"), "B")
    shown = Question("q/2", "q", "sums", "stem", "!", ("x", "y"), "A")
    template = (
        "{{ options }}|{% for text in options %}<{{ text }}>{% endfor %}|{{ options[1] }}|{{ options | length }}"
        "|{{ letters }}|{% for shot in shots %}{{ shot.options }}{{ shot.letters }}{% endfor %}"
    )
    (message,) = render(Recipe("r", "1", "d", template, shots=1), question, [shown])
    assert message.content == "A. one\nB. two|<one><two>|two|2|AB|A. x\nB. yAB"

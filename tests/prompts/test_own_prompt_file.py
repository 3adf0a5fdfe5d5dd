"""Whatever is wrong with a prompt file, the user reads one line that names the file and the way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench import registry
from mmlubench.errors import PromptError
from mmlubench.prompts import load_recipe, render
from mmlubench.prompts.library import RECIPES
from mmlubench.prompts.recipe import Recipe
from mmlubench.schema import Message, Question

Writer = Callable[..., Path]


def refusal(path: Path, shots: int | None = None) -> str:
    with pytest.raises(PromptError) as caught:
        load_recipe(None, str(path), shots)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_three_keys_are_enough(prompt_file: Writer, question: Question) -> None:
    recipe = load_recipe(None, str(prompt_file()))
    assert (recipe.name, recipe.version, recipe.shots) == ("mine", "0", 0)
    assert (recipe.system, recipe.max_tokens) == (None, None)
    assert render(recipe, question) == (Message("user", "Which day follows Monday?"),)


def test_every_key_is_taken(prompt_file: Writer, question: Question, dev: list[Question]) -> None:
    example = "{{ shots[0].question }} {{ shots[0].choices[1][1] }} {{ shots[0].answer }}"
    template = example + " {{ letters }} {{ choices[0][1] }} {{ category }}"
    path = prompt_file(
        version=2.5, shots=1, system="Be brief.", max_tokens=4000, template=template, temperature=1,
        stop=["Question:"], scoring="logprob", extraction="tiger", max_prompt_tokens=3000, raw=True, reply_tokens=5,
        reproduces="Table 1",
    )  # fmt: skip
    recipe = load_recipe(None, path)
    assert (recipe.version, recipe.max_tokens, recipe.temperature) == ("2.5", 4000, 1.0)
    assert (recipe.stop, recipe.scoring, recipe.extraction) == (("Question:",), "logprob", "tiger")
    assert (recipe.max_prompt_tokens, recipe.raw, recipe.reply_tokens) == (3000, True, 5)
    assert recipe.reproduces == "Table 1"
    assert render(recipe, question, dev) == (
        Message("system", "Be brief."),
        Message("user", "Which option is red? red 2 A ABCD Sunday humanities"),
    )


@pytest.mark.parametrize("key", ["name", "description", "template"])
def test_a_missing_key_is_named(prompt_file: Writer, key: str) -> None:
    assert f"{key} is missing: give text that is not empty." in refusal(prompt_file(**{key: None}))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"tone": 1}, "unknown key 'tone'; allowed here: name, version, description, template, shots, "),
        ({"template": 5}, "template is 5: give text that is not empty"),
        ({"name": "  "}, "name is '  ': give text"),
        ({"shots": -1}, "shots is -1: give a whole number of at least 0"),
        ({"shots": True}, "shots is True: give a whole number"),
        ({"shots": "5"}, "shots is '5': give a whole number"),
        ({"max_tokens": 0}, "max_tokens is 0: give a whole number of at least 1"),
        ({"system": ["x"]}, "system is ['x']: give text"),
        (
            {"system": "You ask {{ question }}."},
            "system uses the unknown variable question; it may use subject,",
        ),
        ({"system": "You know {{ subject }."}, "line 1 of system is not Jinja2"),
        ({"system": "{{ subject / 2 }}"}, "system: the template cannot be filled in (unsupported operand"),
        ({"temperature": -1}, "temperature is -1: give a number from 0 to 2"),
        ({"temperature": True}, "temperature is True: give a number"),
        ({"temperature": "0"}, "temperature is '0': give a number"),
        ({"stop": "."}, "stop is '.': give a list of texts, as in [\"\\n\"]"),
        ({"stop": [".", ""]}, "stop is ['.', '']: give a list of texts"),
        ({"raw": "yes"}, "raw is 'yes': give true or false"),
        ({"scoring": "best"}, "scoring is 'best': give one of text, logprob, "),
        ({"extraction": 5}, "extraction is 5: give text"),
        ({"max_prompt_tokens": 0}, "max_prompt_tokens is 0: give a whole number of at least 1"),
        ({"prefill": "The answer is "}, "prefill ends with a space"),
        ({"prefill": "{{ subject }}:"}, "prefill is sent as it is, so it cannot hold variables"),
        ({"example": "{{ question }}"}, "example needs an example_reply"),
        (
            {"example_reply": "{{ letter }}"},
            "example_reply uses the unknown variable letter; it may use question",
        ),
        (
            {"example_reply": "{{ answer / 2 }}"},
            "example_reply: the template cannot be filled in (unsupported",
        ),
        ({"example_reply": "A", "example": "{{ answer }}"}, "example uses the unknown variable answer"),
        ({"example_reply": "A", "example": "{{ shots }}"}, "example uses the unknown variable shots"),
        (
            {"example_reply": "A", "template": "{{ question }}{{ shots }}"},
            "so template cannot use shots, too",
        ),
        (
            {"example_reply": "A", "raw": True},
            "a raw recipe sends one text without turns, so it cannot have example_reply",
        ),
        ({"prefill": "It is", "raw": True}, "so it cannot have prefill"),
        ({"name": "zero_shot"}, "name zero_shot belongs to a packaged recipe"),
    ],
)
def test_a_bad_value_is_named_with_its_key(prompt_file: Writer, keys: dict[str, object], said: str) -> None:
    assert said in refusal(prompt_file(**keys))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "{{ qestion }} {{ choices }}",
            "unknown variable qestion; it may use question, choices, options, letters",
        ),
        ("{{ question }}{% if false %}{{ nope }}{% endif %}", "unknown variable nope"),
        ("line one\n{% for x in choices %}{{ question }}", "line 2 of template is not Jinja2"),
        ("{{ question | shout }}", "No filter named 'shout'"),
        ("{{ choices[0].txt }} {{ question }}", "cannot be filled in ("),
        ("{{ question / 2 }}", "cannot be filled in (unsupported operand"),
        ("{{ question }}{{ 1 // 0 }}", "cannot be filled in ("),
        ("{% include 'x' %}{{ question }}", "cannot be filled in ("),
        ("{{ question.__class__.__mro__ }}", "cannot be filled in (access to attribute '__class__'"),
        (
            "{% for i in range(10 ** 9) %}{{ question }}{% endfor %}",
            "cannot be filled in (`**` makes something",
        ),
        ("no variables at all", "uses neither question nor choices"),
    ],
)
def test_a_broken_template_is_found_before_anything_is_asked(
    prompt_file: Writer, template: str, said: str
) -> None:
    assert said in refusal(prompt_file(template=template))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shots": -1}, "recipe terse: shots is -1: give a whole number of at least 0."),
        ({"shots": "5"}, "recipe terse: shots is '5': give a whole number of at least 0."),
        ({"template": ""}, "recipe terse: template is '': give text that is not empty."),
        ({"scoring": "best"}, "recipe terse: scoring is 'best': give one of text, "),
        ({"stop": "."}, "recipe terse: stop is '.': give a list of texts"),
        ({"prefill": "The answer is "}, "recipe terse: prefill ends with a space or a new line"),
        (
            {"prefill": "{{ subject }}:"},
            "recipe terse: prefill is sent as it is, so it cannot hold variables",
        ),
        ({"template": "{{ qestion }}"}, "terse: template uses the unknown variable qestion"),
        ({"name": "other"}, "terse: the recipe terse calls itself other; name it terse."),
    ],
)
def test_a_recipe_that_a_conftest_registers_is_held_to_the_rules_of_a_file(
    change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without them, a prompt would be paid for that a file of the same values could not ask.
    usual = {"name": "terse", "version": "1", "description": "Terse.", "template": "{{ question }}"}
    monkeypatch.setattr(RECIPES, "_found", {})
    monkeypatch.setitem(registry._registered["recipe"], "terse", Recipe(**{**usual, **change}))
    with pytest.raises(PromptError) as caught:
        load_recipe("terse")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_registered_recipe_is_asked_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe("terse", "1", "Terse.", "{{ question }}", stop=("\n", "Q:"), temperature=0.5)
    monkeypatch.setattr(RECIPES, "_found", {})
    monkeypatch.setitem(registry._registered["recipe"], "terse", recipe)
    found = load_recipe("terse")
    assert found == replace(recipe, source="terse")
    assert found.sha256 == recipe.sha256


def test_a_system_prompt_of_the_command_line_is_tried_too(prompt_file: Writer) -> None:
    with pytest.raises(
        PromptError, match="system uses the unknown variable topic; it may use subject, subject_id"
    ):
        load_recipe(None, prompt_file(), system="You know {{ topic }}.")
    assert load_recipe(None, prompt_file(system="Old."), system="New.").system == "New."


def test_text_that_is_not_yaml_names_the_line(prompt_file: Writer) -> None:
    assert ", line 2: not valid YAML (" in refusal(prompt_file("name: x\n  description: y: z\n"))


def test_yaml_that_is_no_mapping_is_refused(prompt_file: Writer) -> None:
    assert "expected the keys name, version, description, template, " in refusal(prompt_file("- a\n"))
    assert "and found nothing." in refusal(prompt_file(""))


def test_yaml_cannot_build_objects(prompt_file: Writer) -> None:
    assert "not valid YAML (" in refusal(prompt_file("name: !!python/object/apply:os.getcwd []\n"))


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: Frühling".encode("latin-1"))
    assert "not UTF-8 text; save it as UTF-8." in refusal(path)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.yaml")
    assert "cannot be read" in refusal(tmp_path)


def test_shots_that_the_template_would_drop_are_refused(prompt_file: Writer) -> None:
    message = refusal(prompt_file(), shots=3)
    assert "3 worked examples are wanted, but template never uses shots" in message
    assert "never uses shots" in refusal(prompt_file(shots=2))
    assert load_recipe(None, prompt_file(shots=2), 0).shots == 0

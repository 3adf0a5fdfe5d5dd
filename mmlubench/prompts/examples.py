"""Worked examples (shots): as values for a template, or as turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from mmlubench.prompts.recipe import Recipe
from mmlubench.prompts.template import fill
from mmlubench.prompts.values import Example, Options
from mmlubench.schema import ALPHABET, Message, Question


def examples_for(question: Question, examples: Mapping[str, Sequence[Question]]) -> Sequence[Question]:
    """Return the worked examples of a question's subject: those in its language if there are any, else all others."""
    own = examples.get(f"{question.language}/{question.subject}", ()) if question.language else ()
    return own or examples.get(question.subject, ())


@lru_cache(maxsize=4096)
def as_value(example: Question) -> Example:
    """Make a worked example of a question."""
    # Cached, as all questions of a subject use the same worked examples.
    return Example(example.text, values_of_choices(example)["choices"], example.answer, example.rationale)


@lru_cache(maxsize=1024)
def turns(recipe: Recipe, examples: tuple[Question, ...]) -> tuple[Message, ...]:
    """Return worked examples as turns of user and assistant; no turns if the recipe has no `example_reply`.

    Raises PromptError if a template fails.
    """
    if recipe.example_reply is None:
        return ()
    where = recipe.source or recipe.name
    messages = []
    for example in examples:
        values = values_of(example)
        messages.append(Message("user", fill(recipe.example or recipe.template, values, f"{where}, example")))
        values |= {"answer": example.answer, "rationale": example.rationale}
        messages.append(Message("assistant", fill(recipe.example_reply, values, f"{where}, example_reply")))
    return tuple(messages)


def values_of(question: Question, shots: Sequence[Example] | None = None) -> dict[str, Any]:
    """Return the variables of a template by name; `shots` is None for a template that may not use it."""
    values = {"question": question.text, **values_of_choices(question), **values_of_subject(question)}
    if shots is not None:
        values["shots"] = shots
    return values


def values_of_choices(question: Question) -> dict[str, Any]:
    """Return the variables that show the choices."""
    choices = question.choices
    letters = ALPHABET[: len(choices)]
    return {
        "choices": list(zip(letters, choices, strict=True)),
        "options": Options(choices),
        "letters": letters,
        "letters_list": _in_words(letters),
    }


def values_of_subject(question: Question) -> dict[str, Any]:
    """Return the variables that are the same for all questions of a subject."""
    return {
        "subject": question.subject.replace("_", " "),
        "subject_id": question.subject,
        "category": question.category.replace("_", " "),
        "language": question.language,
    }


@lru_cache(maxsize=32)
def _in_words(letters: str) -> str:
    *first, last = list(letters)
    return f"{', '.join(first)} or {last}" if first else last

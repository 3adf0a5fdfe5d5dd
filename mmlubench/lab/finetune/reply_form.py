"""The reply that a recipe asks for: the letter alone, which is what is learned and scored, or a form around it."""

from __future__ import annotations

import re

from mmlubench.prompts import Recipe, render
from mmlubench.schema import Question

#: Without words of its own, so that all words of a prompt are those of the recipe.
_MADE_UP = Question("", "", "", "", "?", ("1", "2", "3", "4"), "A")
_QUOTED = re.compile("""["'`„“«\u2018]([^"'`“”»\u2019\\n]{3,60})["'`“”»\u2019]""")
#: What stands for the letter in a form, behind at least one word: `Answer: X`, `The answer is (X)`, `ANSWER: $LETTER`.
_FORM = re.compile(r"[^\W\d_]{2,}\W+.*?(?:\$?\bLETTER\b|\bX\b|\[[\w ]*letter\]|<[\w ]*letter>)")
_THINKING = re.compile(r"step[ -]by[ -]step|Schritt für Schritt|étape par étape|paso a paso")


def other_form(recipe: Recipe) -> str:
    """Return the form that a prompt without worked examples asks for, such as `"Answer: X"`, or `reasoning`.

    Empty where the letter is the whole reply: nothing else is asked for, or the prompt itself begins the answer.
    """
    last = render(recipe, _MADE_UP)[-1]
    text = last.content.rstrip()
    if last.role == "assistant" or text.endswith((":", "\uff1a", "(")):
        return ""
    if _THINKING.search(text):
        return "reasoning"
    forms = (found[1] for found in _QUOTED.finditer(text) if _FORM.match(found[1]))
    return next((f'"{form}"' for form in forms), "")


def form_warning(recipe: Recipe) -> str:
    """Return the warning for a recipe that asks for another reply than the letter alone; empty for one that fits."""
    form = other_form(recipe)
    return form and (
        f"WARNING: recipe {recipe.name} asks for {form}, and what is learned and scored is the letter alone, so that "
        "the base model is scored by what it was not asked for: give recipe: letter, or one that asks for the letter"
    )

"""A recipe whose prompt asks for something else than the letter, which is what is learned, is told before training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mmlubench.lab.finetune.guided import show_settings
from mmlubench.lab.finetune.packaged import names, read
from mmlubench.lab.finetune.reply_form import form_warning, other_form
from mmlubench.prompts import load_recipe
from tests.made_plan import made_plan


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("letter", ""),
        ("five_shot", ""),
        ("hendrycks", ""),
        ("lm_eval", ""),
        ("llama3", ""),
        ("zero_shot", '"Answer: X"'),
        ("inspect_zero_shot", '"ANSWER: $LETTER"'),
        ("cot", "reasoning"),
        ("simple_evals", "reasoning"),
        ("mmlu_pro", "reasoning"),
    ],
)
def test_the_form_of_a_reply_is_read_from_the_prompt(name: str, form: str) -> None:
    assert other_form(load_recipe(name, shots=0)) == form


@pytest.mark.parametrize(
    ("end", "form"),
    [
        ("Antworte in der Form \u201eAntwort: X\u201c.", '"Antwort: X"'),
        ("Finish with 'The answer is (X)'.", '"The answer is (X)"'),
        ("R\u00e9ponds par la lettre seule.", ""),
        ("Reply with 'A', 'B', 'C' or 'D'.", ""),
        ("Answer with one letter, don't explain: what's X worth?", ""),
        ('The form is "Answer: X".\nAntwort:', ""),
    ],
)
def test_so_it_is_in_recipes_of_ones_own(end: str, form: str) -> None:
    own = replace(load_recipe("letter"), name="own", template="{{ question }}\n{{ options }}\n" + end)
    assert other_form(own) == form


def test_the_warning_names_the_recipe_that_fits(tmp_path: Path) -> None:
    lines: list[str] = []
    plan = replace(made_plan(tmp_path), recipe=load_recipe("zero_shot"))
    show_settings(plan, lines.append)
    (warning,) = [line for line in lines if line.startswith("WARNING")]
    assert 'recipe zero_shot asks for "Answer: X"' in warning
    assert "give recipe: letter" in warning


def test_packaged_configurations_ask_for_the_letter_alone() -> None:
    assert {form_warning(load_recipe(read(name).recipe)) for name in names()} == {""}

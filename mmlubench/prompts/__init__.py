"""Prompts: recipes (YAML files with Jinja2 templates) that turn a question into the messages sent to a model."""

from __future__ import annotations

from mmlubench.prompts.examples import examples_for
from mmlubench.prompts.library import load_recipe, recipe_names, shows_choices
from mmlubench.prompts.recipe import Recipe
from mmlubench.prompts.render import render
from mmlubench.prompts.roles import QUESTION_VARIABLES, REPLY_VARIABLES, Role, read_role
from mmlubench.prompts.values import Replies

__all__ = [
    "QUESTION_VARIABLES",
    "REPLY_VARIABLES",
    "Recipe",
    "Replies",
    "Role",
    "examples_for",
    "load_recipe",
    "read_role",
    "recipe_names",
    "render",
    "shows_choices",
]

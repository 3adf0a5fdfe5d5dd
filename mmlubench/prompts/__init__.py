"""From a question to the messages a model is sent: recipes are YAML files, their templates Jinja2."""

from __future__ import annotations

from mmlubench.prompts.library import load_recipe, recipe_names
from mmlubench.prompts.recipe import Recipe
from mmlubench.prompts.render import render
from mmlubench.prompts.roles import ASKED, HEARD, Heard, Role, read_role

__all__ = [
    "ASKED",
    "HEARD",
    "Heard",
    "Recipe",
    "Role",
    "load_recipe",
    "read_role",
    "recipe_names",
    "render",
]

"""Recipes, read from YAML files or given as objects, and checked."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from mmlubench import yaml_file
from mmlubench.errors import PromptError
from mmlubench.prompts.recipe import Recipe


def read_recipe(path: Path) -> Recipe:
    """Read the recipe in a YAML file. Raises PromptError for a key that is missing, unknown or of no use."""
    return _checked(yaml_file.load(path, PromptError), path, str(path))


def check_recipe(recipe: Recipe, name: str) -> Recipe:
    """Return a recipe that was registered as an object, as a file of the same values would give it.

    Raises PromptError for a field that is of no use.
    """
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe) if field.name != "source"}
    # A file leaves out what it does not say: some defaults are no values that it may give.
    defaults = {field.name: field.default for field in fields(recipe)}
    given = {key: value for key, value in values.items() if value != defaults[key]}
    return _checked(given, f"recipe {name}", recipe.source or name)


def _checked(values: object, where: Path | str, source: str) -> Recipe:
    if isinstance(values, dict):
        values = {**values, "version": str(values.get("version", 0))}  # 2 and 2.5 are numbers to YAML
    recipe = yaml_file.check(Recipe, values, where, PromptError, source=source)
    prefill = recipe.prefill or ""
    if "{{" in prefill or "{%" in prefill:
        raise PromptError(
            f"{where}: prefill is sent as it is, so it cannot hold variables; write plain text."
        )
    if (
        prefill != prefill.rstrip()
    ):  # the first token of a reply holds the space; some providers refuse one here
        raise PromptError(
            f"{where}: prefill ends with a space or a new line; leave it out, as the model writes it."
        )
    return recipe

"""The reader of recipes from YAML files."""

from __future__ import annotations

from pathlib import Path

from mmlubench import yaml_file
from mmlubench.errors import PromptError
from mmlubench.prompts.recipe import Recipe


def read_recipe(path: Path) -> Recipe:
    """Read the recipe in a YAML file. Raises PromptError for a key that is missing, unknown or of no use."""
    values = yaml_file.load(path, PromptError)
    if isinstance(values, dict):
        values = {**values, "version": str(values.get("version", 0))}  # 2 and 2.5 are numbers to YAML
    recipe = yaml_file.check(Recipe, values, path, PromptError, source=str(path))
    prefill = recipe.prefill or ""
    if "{{" in prefill or "{%" in prefill:
        raise PromptError(f"{path}: prefill is sent as it is, so it cannot hold variables; write plain text.")
    if (
        prefill != prefill.rstrip()
    ):  # the first token of a reply holds the space; some providers refuse one here
        raise PromptError(
            f"{path}: prefill ends with a space or a new line; leave it out, as the model writes it."
        )
    return recipe

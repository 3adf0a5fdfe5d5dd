"""The library of recipes, by name or file; each recipe is tried before any request is paid for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mmlubench import tasks
from mmlubench.errors import PromptError
from mmlubench.prompts.reading import check_recipe, read_recipe
from mmlubench.prompts.recipe import TEMPLATES, Recipe
from mmlubench.prompts.render import render
from mmlubench.prompts.template import OF_EXAMPLE, OF_REPLY, OF_SUBJECT, VARIABLES, allowed, names_used
from mmlubench.registry import Registry
from mmlubench.schema import Question

DEFAULT = "zero_shot"
_PACKAGED: dict[str, Recipe | Path | str] = {
    path.stem: path for path in sorted((Path(__file__).parent / "templates").glob("*.yaml"))
}
#: The variables that each template may use.
_MAY_USE = {
    "system": OF_SUBJECT,
    "example": OF_EXAMPLE,
    "example_reply": OF_REPLY,
    "template": tuple(VARIABLES),
}


def _as_recipe(thing: Any) -> Recipe | Path | None:
    return Path(thing) if isinstance(thing, str) else thing if isinstance(thing, Recipe | Path) else None


RECIPES: Registry[Recipe | Path] = Registry(
    "recipe",
    _PACKAGED,
    _as_recipe,
    must_be="the path of a YAML file, or a Recipe",
    error=PromptError,
    advice="a file of your own goes to --prompt",
)


def recipe_names() -> list[str]:
    """Return the names of all recipes: the packaged ones, then those of other packages."""
    return RECIPES.names()


def load_recipe(
    recipe: str | None = None,
    prompt_file: str | Path | None = None,
    shots: int | None = None,
    system: str | None = None,
) -> Recipe:
    """Read the recipe of that name, or the user's own file; `shots` and `system` override those of the file.

    Raises PromptError for an unknown name, for both a name and a file, and for a file that cannot be used.
    """
    if recipe is not None and prompt_file is not None:
        raise PromptError(f"--recipe {recipe} and --prompt {prompt_file}: give one of the two.")
    found = _named(recipe or DEFAULT) if prompt_file is None else _own(Path(prompt_file))
    if shots is not None:
        found = replace(found, shots=shots)
    if system:
        found = replace(found, system=system)
    _check(found)
    return found


def _named(name: str) -> Recipe:
    found = RECIPES.find(tasks.RECIPES.get(name, name))
    recipe = read_recipe(found) if isinstance(found, Path) else check_recipe(found, name)
    if name not in tasks.RECIPES and recipe.name != name:  # figures are reported under the recipe's own name
        raise PromptError(
            f"{recipe.source or name}: the recipe {name} calls itself {recipe.name}; name it {name}."
        )
    return recipe


def _own(path: Path) -> Recipe:
    recipe = read_recipe(path)
    if recipe.name in _PACKAGED:  # its numbers must not pass for those of the packaged recipe
        raise PromptError(
            f"{path}: name {recipe.name} belongs to a packaged recipe; give yours another name."
        )
    return recipe


def _check(recipe: Recipe) -> None:
    used = {key: _names_used(recipe, key) for key in TEMPLATES if getattr(recipe, key) is not None}
    for key, names in used.items():
        unknown = sorted(names.difference(_MAY_USE[key]))
        if unknown:
            may = allowed(_MAY_USE[key])
            raise PromptError(f"{recipe.source}: {key} uses the unknown variable {unknown[0]}; {may}.")
    if not used["template"] & {"question", "choices", "options"}:
        raise PromptError(f"{recipe.source}: template uses neither question nor choices; {allowed()}.")
    _check_examples(recipe, in_template="shots" in used["template"])
    _check_raw(recipe)
    # An example is rendered even for 0 shots, so that an error in its template is reported in any case.
    shots = recipe.shots or (1 if recipe.example_reply is not None else 0)
    render(replace(recipe, shots=shots), _MADE_UP, [_MADE_UP] * shots)


def shows_choices(recipe: Recipe) -> bool:
    """Whether a prompt of the recipe has the text of every choice of its question."""
    example = replace(_MADE_UP, text="What is 6 + 1?", choices=("6", "7", "8", "0"))
    shots = recipe.shots or (1 if recipe.example_reply is not None else 0)
    prompt = render(replace(recipe, shots=shots), _MADE_UP, [example] * shots)
    text = "".join(message.content for message in prompt)
    return all(choice in text for choice in _MADE_UP.choices)


def _check_examples(recipe: Recipe, *, in_template: bool) -> None:
    if recipe.shots < 0:
        raise PromptError(f"--shots {recipe.shots}: it must be at least 0.")
    if recipe.example is not None and recipe.example_reply is None:
        raise PromptError(
            f"{recipe.source}: example needs an example_reply, which says what is replied to it."
        )
    if recipe.example_reply is not None and in_template:
        raise PromptError(
            f"{recipe.source}: example_reply sends the worked examples as turns, so template cannot use shots, too; "
            f"leave out one of them."
        )
    if recipe.shots and recipe.example_reply is None and not in_template:
        raise PromptError(
            f"{recipe.source}: {recipe.shots} worked examples are wanted, but template never uses shots; "
            f"use shots in the template, or give --shots 0."
        )


def _check_raw(recipe: Recipe) -> None:
    if not recipe.raw:
        return
    turns = [key for key in ("example_reply", "prefill") if getattr(recipe, key) is not None]
    if turns:
        raise PromptError(
            f"{recipe.source}: a raw recipe sends one text without turns, so it cannot have {turns[0]}; "
            "leave out one of them."
        )


def _names_used(recipe: Recipe, key: str) -> set[str]:
    from jinja2 import TemplateSyntaxError

    try:
        return names_used(getattr(recipe, key))
    except TemplateSyntaxError as error:
        where = f"line {error.lineno} of {key}"
        may = allowed(_MAY_USE[key])
        raise PromptError(f"{recipe.source}: {where} is not Jinja2 ({error.message}); {may}.") from None


_MADE_UP = Question(
    id="made_up/addition/0000",
    benchmark="made_up",
    subject="addition",
    category="stem",
    text="What is 2 + 2?",
    choices=("3", "4", "5", "22"),
    answer="B",
)

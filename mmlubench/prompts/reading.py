"""Reading of recipes: a YAML file is checked key by key and becomes a `Recipe`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmlubench.errors import PromptError
from mmlubench.inputs import load_yaml
from mmlubench.prompts.recipe import USUAL_REPLY, Recipe
from mmlubench.schema import Scoring

REQUIRED = ("name", "description", "template")
OPTIONAL = (
    "version",
    "shots",
    "system",
    "example",
    "example_reply",
    "prefill",
    "raw",
    "scoring",
    "extraction",
    "temperature",
    "stop",
    "max_tokens",
    "max_prompt_tokens",
    "reply_tokens",
    "reproduces",
)
SCORINGS = tuple(str(scoring) for scoring in Scoring)


def read_recipe(path: Path) -> Recipe:
    """Read the recipe in a YAML file. Raises PromptError for a key that is missing, unknown or has an invalid value."""
    values = mapping(path)
    _check_keys(path, values)
    return Recipe(
        name=text(path, values, "name"),
        version=str(values.get("version", 0)),
        description=text(path, values, "description"),
        template=text(path, values, "template"),
        shots=_whole(path, values, "shots", least=0) or 0,
        system=_optional(path, values, "system"),
        example=_optional(path, values, "example"),
        example_reply=_optional(path, values, "example_reply"),
        prefill=_prefill(path, values),
        raw=_switch(path, values, "raw"),
        scoring=_scoring(path, values),
        extraction=_optional(path, values, "extraction") or "default",
        temperature=_temperature(path, values),
        stop=_stop(path, values),
        max_tokens=_whole(path, values, "max_tokens", least=1),
        max_prompt_tokens=_whole(path, values, "max_prompt_tokens", least=1),
        reply_tokens=_whole(path, values, "reply_tokens", least=1) or USUAL_REPLY,
        reproduces=_optional(path, values, "reproduces") or "",
        source=str(path),
    )


def mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping. Raises PromptError."""
    import yaml

    try:
        values = load_yaml(path)
    except OSError as error:
        raise PromptError(
            f"{path}: cannot be read ({error.strerror}); give the path of a YAML file."
        ) from None
    except UnicodeDecodeError:
        raise PromptError(f"{path}: is not UTF-8 text; save it as UTF-8.") from None
    except yaml.YAMLError as error:
        raise PromptError(f"{path}: is not YAML ({_where(error)}); mind indentation and quotes.") from None
    if not isinstance(values, dict):
        raise PromptError(f"{path}: must be a YAML mapping with the keys {', '.join(REQUIRED)}.")
    return values


def _where(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"line {mark.line + 1}: {problem}" if mark else " ".join(str(error).split())


def _check_keys(path: Path, values: Mapping[str, Any]) -> None:
    allowed = f"required are {', '.join(REQUIRED)}, optional {', '.join(OPTIONAL)}"
    unknown = [str(key) for key in values if key not in REQUIRED + OPTIONAL]
    if unknown:
        raise PromptError(f"{path}: unknown key {', '.join(unknown)}; {allowed}.")
    missing = [key for key in REQUIRED if values.get(key) is None]
    if missing:
        raise PromptError(f"{path}: the key {', '.join(missing)} is missing; {allowed}.")


def text(path: Path, values: Mapping[str, Any], key: str) -> str:
    """Return the text under a key. Raises PromptError for an empty text and for any other value."""
    value = values[key]
    if isinstance(value, str) and value.strip():
        return value
    raise PromptError(f"{path}: {key} must be text that is not empty, not {value!r}.")


def _optional(path: Path, values: Mapping[str, Any], key: str) -> str | None:
    return None if values.get(key) is None else text(path, values, key)


def _whole(path: Path, values: Mapping[str, Any], key: str, *, least: int) -> int | None:
    value = values.get(key)
    if value is None or (type(value) is int and value >= least):  # not isinstance: `true` is an int to Python
        return value
    raise PromptError(f"{path}: {key} must be a whole number from {least} on, not {value!r}.")


def _temperature(path: Path, values: Mapping[str, Any]) -> float | None:
    value = values.get("temperature")
    if value is None:
        return None
    if type(value) in (int, float) and 0 <= value <= 2:
        return float(value)
    raise PromptError(f"{path}: temperature must be a number from 0 to 2, not {value!r}.")


def _stop(path: Path, values: Mapping[str, Any]) -> tuple[str, ...]:
    value = values.get("stop")
    texts = [] if value is None else value
    if isinstance(texts, list) and all(isinstance(text, str) and text for text in texts):
        return tuple(texts)
    raise PromptError(f'{path}: stop must be a list of texts, as in ["\\n"], not {value!r}.')


def _switch(path: Path, values: Mapping[str, Any], key: str) -> bool:
    value = values.get(key, False)
    if isinstance(value, bool):
        return value
    raise PromptError(f"{path}: {key} must be true or false, not {value!r}.")


def _scoring(path: Path, values: Mapping[str, Any]) -> str:
    value = values.get("scoring", Scoring.TEXT.value)
    if value in SCORINGS:
        return str(value)
    raise PromptError(f"{path}: scoring must be one of {', '.join(SCORINGS)}, not {value!r}.")


def _prefill(path: Path, values: Mapping[str, Any]) -> str | None:
    text = _optional(path, values, "prefill")
    if text and ("{{" in text or "{%" in text):
        raise PromptError(f"{path}: prefill is sent as it is, so it cannot hold variables; write plain text.")
    # A token includes the space before it; some providers refuse a final space.
    if text and text != text.rstrip():
        raise PromptError(f"{path}: prefill ends with a space or a new line; leave that to the model.")
    return text

"""Configurations that come with the package, by name, and changes of single keys on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmlubench import yaml_file
from mmlubench.errors import UserError, close_to
from mmlubench.lab.finetune.config import FinetuneConfig, config_of

_FOLDER = Path(__file__).parents[1] / "configs"


def names() -> list[str]:
    """Return the names of the packaged configurations."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def find(given: str) -> Path:
    """Return the path of a configuration: a file, or a packaged one by its name. Raises UserError for neither."""
    path = Path(given).expanduser()
    if path.is_file():
        return path
    if given in names():
        return _FOLDER / f"{given}.yaml"
    raise UserError(
        f"{given}: there is no such file, and no packaged configuration of this name; give the path of a YAML file, or "
        f"one of {', '.join(names())}{close_to(given, names()) or '.'}"
    )


def read(given: str, changes: Sequence[str] = ()) -> FinetuneConfig:
    """Read a configuration, and change keys of it: `epochs=1`, `lora.r=8`. Raises UserError."""
    path = find(given)
    values = yaml_file.load(path, UserError)
    for change in changes:
        values = _changed(values, change)
    return config_of(values, path)


def _changed(values: Any, change: str) -> Any:
    """Return the values with one changed; its text is read as the value of a key in YAML."""
    import yaml

    name, equals, text = change.partition("=")
    if not equals or not all(part.strip() for part in name.split(".")):
        raise UserError(f"--set {change}: give KEY=VALUE, such as --set epochs=1 or --set lora.r=8.")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(f"--set {change}: the value is not valid YAML; put it in quotes.") from None
    first, _, rest = name.strip().partition(".")
    if not isinstance(values, dict):
        return values  # told when it is checked
    inner = _changed(values.get(first) or {}, f"{rest}={text}") if rest else value
    return {**values, first: inner}

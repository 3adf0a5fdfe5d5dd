"""The models.yaml files: where they are searched, and their entries as read from YAML, not validated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmlubench import yaml_file
from mmlubench.errors import ModelError
from mmlubench.resources import fixture

_OWN_FILES = ("models.yaml", "config/models.yaml")


class Found(NamedTuple):
    """An entry and the file that holds it."""

    name: str
    raw: object
    file: Path

    @property
    def where(self) -> str:
        """File and entry, for the beginning of an error message."""
        return f"{self.file}, entry {self.name}"


def search_path(models_file: str | None) -> list[Path]:
    """List the files that are searched, in order. The packaged one is last, so that `mock` always exists."""
    own = [Path(models_file)] if models_file else [Path(name) for name in _OWN_FILES]
    if models_file and not own[0].is_file():
        raise ModelError(f"--models-file {models_file}: there is no such file.")
    return [*own, fixture("models.yaml")]


def find(name: str, models_file: str | None) -> Found | None:
    """Find the entry called `name` in the first file that has one; later files are not read."""
    return next((found for found in entries(models_file) if found.name == name), None)


def entries(models_file: str | None) -> Iterator[Found]:
    """Yield every entry of every file, in search order. Raises ModelError for a file that cannot be used."""
    for file in search_path(models_file):
        if file.is_file():
            for name, raw in _named(_body(yaml_file.load(file, ModelError), file), file).items():
                yield Found(name, raw, file)


def _body(document: Any, file: Path) -> Any:
    """Return the part with the entries: the value of `models`, or the whole document without such a key."""
    if not isinstance(document, dict) or "models" not in document:
        return document
    others = [str(key) for key in document if key != "models"]
    if others:
        raise ModelError(
            f"{file}: unknown key {others[0]!r} next to `models`; put every entry under `models`."
        )
    return document["models"]


def _named(body: Any, file: Path) -> dict[str, object]:
    if body is None:  # an empty file, or one with everything commented out
        return {}
    if isinstance(body, dict):
        return {str(name): raw for name, raw in body.items()}
    if not isinstance(body, list):
        raise ModelError(f"{file}: expected entries by name, or a list of entries, and found {body!r:.60}.")
    named: dict[str, object] = {}
    for number, raw in enumerate(body, start=1):
        name = (raw.get("name") or raw.get("model_name")) if isinstance(raw, dict) else None
        if name is None:
            raise ModelError(f"{file}, entry {number}: an entry of a list needs `name` or `model_name`.")
        if str(name) in named:
            raise ModelError(
                f"{file}, entry {number}: there are two entries {name!r}; give one of them another `name`."
            )
        named[str(name)] = raw
    return named

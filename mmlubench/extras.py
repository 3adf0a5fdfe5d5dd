"""Optional packages, the extras of pyproject.toml: imported when they are needed, or told how to install."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from mmlubench.errors import UserError


def load(package: str, *, extra: str, wanted_by: object, error: type[UserError] = UserError) -> ModuleType:
    """Import an optional package that is installed by the extra of that name.

    Raises `error`, which begins with what the user gave that needs the package, `--tokenizer FILE` for example.
    """
    try:
        return import_module(package)
    except ImportError as problem:
        way_out = f"run `pip install 'mmlubench[{extra}]'`"
        raise error.at(
            wanted_by, f"the package `{package}` cannot be imported ({problem}); {way_out}."
        ) from problem

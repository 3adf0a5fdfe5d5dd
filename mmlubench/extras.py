"""Optional packages, the extras of pyproject.toml: imported when needed; an error says how to install them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from mmlubench.errors import UserError


def load(package: str, *, extra: str, wanted_by: object, error: type[UserError] = UserError) -> ModuleType:
    """Import an optional package that is installed by the extra of that name.

    Raises `error`, which begins with `wanted_by`: the user's option that needs the package, such as `--tokenizer FILE`.
    """
    try:
        return import_module(package)
    except ImportError as problem:
        way_out = f"run `pip install 'mmlubench[{extra}]'`"
        raise error.at(
            wanted_by, f"the package `{package}` cannot be imported ({problem}); {way_out}."
        ) from problem

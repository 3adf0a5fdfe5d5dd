"""The objects that a lazy table names: imported when they are asked for, and not before."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def load_all(table: Mapping[str, str]) -> dict[str, Any]:
    """Import what each entry `name: "module:attribute"` of a table stands for, in the order of the table."""
    return {name: _load(reference) for name, reference in table.items()}


def _load(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)

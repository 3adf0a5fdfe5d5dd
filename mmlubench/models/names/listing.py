"""The list of models for `--list-models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmlubench.models.names.files import Found, entries
from mmlubench.models.names.from_entry import from_entry
from mmlubench.models.names.keys import find_key
from mmlubench.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Row:
    """One model that --model can name."""

    name: str
    model: str
    """`client/model-id`."""
    provider: str
    key: str
    """`set`, `missing: VARIABLE`, or `not needed`."""
    price: str
    """US dollars per million tokens, `input / output`; `-` if no price is known."""
    description: str


def list_models(*, models_file: str | None = None, env: Mapping[str, str]) -> list[Row]:
    """List all entries in search order, without those hidden by an earlier file. Raises ModelError."""
    found: dict[str, Found] = {}
    for entry in entries(models_file):
        found.setdefault(entry.name, entry)
    specs = {name: from_entry(entry, env) for name, entry in found.items()}
    # Each variable is looked up once: the keyring of some systems asks the user every time.
    keys = {v: find_key(v, env) for v in dict.fromkeys(s.api_key_env for s in specs.values()) if v}
    return [_row(name, spec, keys) for name, spec in specs.items()]


def _row(name: str, spec: ModelSpec, keys: Mapping[str, str | None]) -> Row:
    variable = spec.api_key_env
    key = "not needed" if variable is None else "set" if keys[variable] else f"missing: {variable}"
    price = f"{spec.price.input_per_mtok:g} / {spec.price.output_per_mtok:g}" if spec.price else "-"
    return Row(
        name, f"{spec.client}/{spec.model_id}", spec.provider or spec.client, key, price, spec.description
    )

"""List prices of well-known models, for entries that give no price of their own."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from mmlubench.errors import ModelError
from mmlubench.models.spec import ModelSpec, Price
from mmlubench.resources import fixture
from mmlubench.yaml_file import load

#: How vendors date a model: gpt-4o-2024-08-06, claude-haiku-4-5-20251001.
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")


class ListPrice(NamedTuple):
    """A price that stands on a vendor's list."""

    price: Price
    as_of: str
    """The day for which it is known, `2026-10-10`."""


def price_of(client: str, model_id: str) -> ListPrice | None:
    """Look up what a client's vendor charges for a model: under its very name, then under that without a date.

    None for every model that `fixtures/prices.yaml` does not have: a price is never guessed.
    """
    listed = _listed().get(client, {})
    found = listed.get(model_id) or listed.get(_DATE.sub("", model_id))
    if found is None:
        return None
    numbers = {name: float(value) for name, value in found.items() if name != "as_of"}
    return ListPrice(Price(**numbers), str(found["as_of"]))


def price_note(spec: ModelSpec) -> str:
    """Say where a model's price comes from, in a few words; where it has none, why."""
    if spec.is_mock:
        return "nothing, it is a mock"
    if spec.price is not None:
        return f"list price of {spec.price_as_of}" if spec.price_as_of else "price of models.yaml"
    if spec.tells_cost:
        return f"not known before: {spec.client} tells with each reply what it cost"
    return f"no price is known for {spec.asked_model}; give one in models.yaml under price"


@lru_cache(maxsize=1)
def _listed() -> dict[str, dict[str, dict[str, Any]]]:
    """Client, model, and what the file says of it."""
    prices: dict[str, dict[str, dict[str, Any]]] = load(fixture("prices.yaml"), ModelError)["prices"]
    return prices

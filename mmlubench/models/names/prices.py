"""List prices of well-known models, for entries that give no price of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from mmlubench.errors import ModelError
from mmlubench.models.spec import ModelSpec, Price
from mmlubench.resources import fixture
from mmlubench.yaml_file import load

#: The date at the end of a model's name: gpt-4o-2024-08-06, claude-haiku-4-5-20251001.
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")


#: The keys of a request body with which a vendor charges other prices than those of its list.
_OFF_THE_LIST = ("service_tier", "speed", "inference_geo")


class ListPrice(NamedTuple):
    """A price from a vendor's list."""

    price: Price
    as_of: str
    """The day on which the list was read, `2026-10-10`."""


def price_of(client: str, model_id: str) -> ListPrice | None:
    """Look up the list price of a client's model by its exact name, then by its name without a date.

    None for a model that is not in `fixtures/prices.yaml`: a price is never guessed.
    """
    listed = _listed().get(client, {})
    found = listed.get(model_id) or listed.get(_DATE.sub("", model_id))
    if found is None:
        return None
    numbers = {name: float(value) for name, value in found.items() if name != "as_of"}
    return ListPrice(Price(**numbers), str(found["as_of"]))


def price_note(spec: ModelSpec) -> str:
    """Return the source of a model's price in a few words, or the reason why it has none."""
    if spec.is_mock:
        return "nothing, it is a mock"
    if spec.price is not None:
        usual = f"list price of {spec.price_as_of}" if spec.price_as_of else "price of models.yaml"
        return f"{usual}, {spec.rates}" if spec.rates else usual
    if spec.tells_cost:
        return f"not known in advance: {spec.client} reports the cost with each reply"
    return f"no price is known for {spec.asked_model}: {_why_none(spec)}; give one in models.yaml under price"


def batch_price(spec: ModelSpec) -> ModelSpec:
    """Return the spec with the price of a batch at its vendor; in full at another server, or if it is not known."""
    found = rate_of(spec.client, "batch")
    if spec.price is None:
        return spec
    if spec.self_hosted or found is None:
        return replace(spec, rates="counted in full, as no rate of its batches is known")
    return replace(spec, price=spec.price.times(found.factor), rates=found.note("in a batch"))


class Rate(NamedTuple):
    """What a vendor charges for a way of asking, as a factor of its usual price."""

    factor: float
    as_of: str
    verified: bool

    def note(self, what: str) -> str:
        """Return the factor in a few words."""
        return f"x {self.factor:g} {what}{'' if self.verified else ' (not verified)'}"


def rate_of(client: str, way: str) -> Rate | None:
    """Look up the rate of a way of asking, `batch` or `flex`, at a vendor; None if it is not known."""
    found = _file()["rates"].get(client, {}).get(way)
    return found and Rate(float(found["factor"]), str(found["as_of"]), bool(found.get("verified", True)))


def is_off_the_list(extra_body: Mapping[str, Any]) -> str:
    """Return the key of a request body with which a vendor charges other prices than its list's; empty if none."""
    return next((key for key in _OFF_THE_LIST if extra_body.get(key)), "")


def _why_none(spec: ModelSpec) -> str:
    if spec.self_hosted:
        return f"{spec.base_url} is no server with a price list"
    if key := is_off_the_list(spec.extra_body):
        return f"with {key} in extra_body the list price is not what you pay"
    if spec.client not in _listed():
        return f"there is no price list of {spec.client}"
    return f"it is not on the price list of {spec.client} that this version has"


@lru_cache(maxsize=1)
def _listed() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the values of the file by client and model."""
    prices: dict[str, dict[str, dict[str, Any]]] = _file()["prices"]
    return prices


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    """Return the whole file."""
    values: dict[str, Any] = load(fixture("prices.yaml"), ModelError)
    return values

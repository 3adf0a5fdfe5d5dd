"""The records between a shard of a run and the keeper of the run's limits: what the shard uses, and what it may use.

They are exchanged as JSON objects. A shard that was started with the variable `MMLUBENCH_ALLOTMENT=FOLDER` writes its
`Usage` to `FOLDER/usage.json` and obeys the `Allotment` in `FOLDER/allotment.json`; whoever started it carries both to
the `Keeper` and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

#: The version of the records; a record of another version is refused.
VERSION = 1
#: The files in the folder of a shard.
USAGE, ALLOTMENT = "usage.json", "allotment.json"
#: The limits of a model, by the names that `Rates` and `ModelUsage.short_of` have for them.
RPM, TPM, CONCURRENCY = "rpm", "tpm", "concurrency"


@dataclass(frozen=True)
class Rates:
    """The limits of one model: of the whole run, or the part of one shard. None where the keeper limits nothing."""

    rpm: float | None = None
    """Requests per minute."""
    tpm: float | None = None
    """Tokens per minute."""
    concurrency: int | None = None
    """Requests in flight at once."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of JSON."""
        return {RPM: self.rpm, TPM: self.tpm, CONCURRENCY: self.concurrency}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Rates:
        """Make it from `to_dict`. Raises ValueError."""
        places = _limit(values, CONCURRENCY)
        return cls(_limit(values, RPM), _limit(values, TPM), None if places is None else int(places))


@dataclass(frozen=True)
class RunLimits:
    """The limits of a whole run, all shards together."""

    max_cost: float | None = None
    """US dollars; None for no limit."""
    models: Mapping[str, Rates] = field(default_factory=dict)
    """By the label of the model."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of JSON."""
        return {"version": VERSION, "max_cost": self.max_cost, "models": _to_dicts(self.models)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunLimits:
        """Make it from `to_dict`. Raises ValueError for another version or invalid values."""
        _check(values)
        return cls(_limit(values, "max_cost"), _rates(values))


@dataclass(frozen=True)
class Allotment:
    """The part of one shard in the limits of its run, until the next one comes."""

    number: int = 0
    """From 0, which is the equal part that a shard has from its options alone; each later one has a higher number."""
    max_cost: float | None = None
    """US dollars that the process of the shard may spend from its start on; None for no limit."""
    models: Mapping[str, Rates] = field(default_factory=dict)
    """By the label of the model."""
    final: bool = False
    """Whether the budget of the whole run is spent, so that a shard without any left need not wait for more."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of JSON."""
        return {
            "version": VERSION,
            "number": self.number,
            "max_cost": self.max_cost,
            "models": _to_dicts(self.models),
            "final": self.final,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Allotment:
        """Make it from `to_dict`. Raises ValueError for another version or invalid values."""
        _check(values)
        number = int(_amount(values, "number"))
        return cls(number, _limit(values, "max_cost"), _rates(values), values.get("final") is True)


@dataclass(frozen=True)
class ModelUsage:
    """What a shard uses of the limits of one model."""

    in_flight: int = 0
    """Requests that are under way."""
    waiting: int = 0
    """Requests that wait only because of the shard's part of a limit, not because of the server."""
    short_of: str = ""
    """The limit of which more would let the shard send more: `rpm`, `tpm` or `concurrency`; empty for none."""
    rpm: float = 0.0
    """Requests per minute lately sent."""
    tpm: float = 0.0
    """Tokens per minute lately used, 0.0 where no limit makes the shard count them."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of JSON."""
        return {
            "in_flight": self.in_flight,
            "waiting": self.waiting,
            "short_of": self.short_of,
            RPM: self.rpm,
            TPM: self.tpm,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelUsage:
        """Make it from `to_dict`. Raises ValueError."""
        short_of = values.get("short_of", "")
        if short_of not in ("", RPM, TPM, CONCURRENCY):
            raise ValueError(f"short_of is {short_of!r}, which is no limit")
        in_flight, waiting = int(_amount(values, "in_flight")), int(_amount(values, "waiting"))
        return cls(in_flight, waiting, short_of, _amount(values, RPM), _amount(values, TPM))


@dataclass(frozen=True)
class Usage:
    """What one shard has done and uses now. Amounts count from the start of its process."""

    done: int = 0
    """Cases that are reported."""
    total: int = 0
    """Cases of the shard; 0 before they are known."""
    spent: float = 0.0
    """US dollars that replies have cost."""
    reserved: float = 0.0
    """US dollars reserved for requests in flight."""
    wanted: float = 0.0
    """US dollars that the cheapest request needs which waits for the budget; 0.0 if none waits."""
    obeys: int = 0
    """The number of the allotment that is obeyed now; 0 if none was read."""
    beat: int = 0
    """How often the process has told its usage: each record is new, also where a shard only waits."""
    models: Mapping[str, ModelUsage] = field(default_factory=dict)
    """By the label of the model; only those that were asked already."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of JSON."""
        return {
            "version": VERSION,
            "done": self.done,
            "total": self.total,
            "spent_usd": self.spent,
            "reserved_usd": self.reserved,
            "wanted_usd": self.wanted,
            "obeys": self.obeys,
            "beat": self.beat,
            "models": _to_dicts(self.models),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Usage:
        """Make it from `to_dict`. Raises ValueError for another version or invalid values."""
        _check(values)
        return cls(
            done=int(_amount(values, "done")),
            total=int(_amount(values, "total")),
            spent=_amount(values, "spent_usd"),
            reserved=_amount(values, "reserved_usd"),
            wanted=_amount(values, "wanted_usd"),
            obeys=int(_amount(values, "obeys")),
            beat=int(_amount(values, "beat")),
            models={label: ModelUsage.from_dict(of) for label, of in _models(values).items()},
        )


def _check(values: Mapping[str, Any]) -> None:
    if not isinstance(values, Mapping):
        raise ValueError(f"{values!r} is no JSON object")
    if values.get("version") != VERSION:
        raise ValueError(f"version {values.get('version')!r} of a record, and this is version {VERSION}")


def _amount(values: Mapping[str, Any], name: str) -> float:
    """Return a number from 0 on. Raises ValueError for anything else."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value!r}, and must be a number from 0 on")
    return float(value)


def _limit(values: Mapping[str, Any], name: str) -> float | None:
    return None if values.get(name) is None else _amount(values, name)


def _models(values: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    models = values.get("models")
    if not isinstance(models, Mapping) or not all(isinstance(of, Mapping) for of in models.values()):
        raise ValueError(f"models is {models!r}, and must be an object of objects")
    return models


def _rates(values: Mapping[str, Any]) -> dict[str, Rates]:
    return {label: Rates.from_dict(of) for label, of in _models(values).items()}


def _to_dicts(models: Mapping[str, Rates] | Mapping[str, ModelUsage]) -> dict[str, Any]:
    return {label: of.to_dict() for label, of in models.items()}

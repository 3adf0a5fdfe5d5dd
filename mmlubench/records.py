"""The records in the files of a run: schema version, kind, and the manifest.

A case is a `schema.Entry`, and the figures of a benchmark and model are a `stats.Summary`; both have `from_dict` and
`to_dict`, as the manifest has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mmlubench.errors import DataError

#: The version of all files of a run folder, written into `manifest.json` and `summary.json`. It increases when a key
#: changes its meaning or is removed, but not when one is added, so readers must ignore unknown keys.
#: Files of version 1 have no kind, and its manifest has no version.
SCHEMA_VERSION = 2

#: The states of a run, as its manifest has them. A run that was killed is still `running` there.
RUNNING, FINISHED, BROKEN_OFF = "running", "finished", "broken off"

#: The kinds of runs: the value of `kind` in `summary.json`, `manifest.json` and the lines of `requests.jsonl`.
BENCHMARK, DIALOGUES = "benchmark", "dialogues"
KINDS = (BENCHMARK, DIALOGUES)


def check_version(values: Mapping[str, Any], where: object) -> None:
    """Raise DataError for a file of a newer schema version than this one; a file without a version is an old one."""
    found = values.get("schema_version", 1)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise DataError(
            where, f"its schema_version is {found!r:.40}, and must be a whole number of at least 1."
        )
    if found > SCHEMA_VERSION:
        raise DataError(
            where,
            f"its schema_version is {found}, and this mmlubench reads up to {SCHEMA_VERSION}: install a newer one.",
        )


def check_kind(values: Mapping[str, Any], wanted: str, where: object, *, row: int | None = None) -> None:
    """Raise DataError for a record of another kind than `wanted`; a record without a kind is an old one."""
    found = values.get("kind", wanted)
    if found == wanted:
        return
    if found in KINDS:
        raise DataError(where, f"its kind is {found}, and {wanted} is needed here.", row=row)
    raise DataError(where, f"its kind is {found!r:.40}, and must be one of {', '.join(KINDS)}.", row=row)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `manifest.json`: what is needed to repeat a run, or to explain a difference. Has no secret."""

    run_id: str = ""
    created: str = ""
    """The start of the run, in ISO 8601 with its time zone."""
    command: tuple[str, ...] = ()
    """`pytest` and its arguments."""
    cwd: str = ""
    """The folder in which the command was given."""
    state: str = ""
    """One of the states above; empty in a manifest of an older version."""
    process: Mapping[str, Any] = field(default_factory=dict)
    """The process that writes the run: its `host` and `pid`."""
    store: str | None = None
    """The file that stored the replies; None for a run without a store."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The value of every option."""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The spec of each model, by its label in the run."""
    agents: tuple[Mapping[str, Any], ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """Revision, hash and selection of each data set, by the name of the benchmark."""
    workers: int = 1
    """The number of processes that asked."""
    git_commit: str | None = None
    """The commit of the benchmarks, with `-dirty` if files differ from it; None outside git."""
    python: str = ""
    platform: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    """The versions of relevant installed packages."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The strategy (`solver`, `extraction`, `roles`), and every other key that has no field here."""

    @property
    def timestamp(self) -> str:
        """The start of the run as in its id, with milliseconds: `20260102-030405-678`."""
        return "-".join(self.run_id.split("-")[:3])

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON, with the facts among the other keys."""
        own: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        own |= {"command": list(self.command), "agents": list(self.agents)}
        return {"schema_version": SCHEMA_VERSION, "kind": BENCHMARK, **own, **self.facts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Manifest:
        """Make a manifest from the dictionary of `to_dict` of any version; missing or invalid values get defaults."""
        known: dict[str, Any] = {name: values[name] for name in _FIELDS if _is_valid(values, name)}
        known |= {name: tuple(known[name]) for name in ("command", "agents") if name in known}
        facts = {name: value for name, value in values.items() if name not in (*_FIELDS, *_HEAD)}
        return cls(**known, facts=facts)


_HEAD = ("schema_version", "kind")
_FIELDS = tuple(one.name for one in fields(Manifest) if one.name != "facts")
_TYPES: dict[str, type[Any]] = {
    **dict.fromkeys(("settings", "models", "recipe", "data", "packages", "process"), dict),
    **dict.fromkeys(("command", "agents"), list),
    "workers": int,
}


def _is_valid(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name)
    if not isinstance(value, _TYPES.get(name, str)):
        return False
    return name != "command" or all(isinstance(argument, str) for argument in value)

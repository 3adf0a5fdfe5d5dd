"""What the files of a run say of themselves: schema version, kind, and the manifest.

A case is a `schema.Entry`, the figures of a benchmark and model are a `stats.Summary`; both are read and written by
`from_dict` and `to_dict`, as the manifest is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mmlubench.errors import DataError

#: The version of all files of a run folder, said in `manifest.json` and `summary.json`. It goes up when a key changes
#: its meaning or goes away; a new key alone is no new version, so readers leave alone what they do not know.
#: Version 1, of the first release, had no kind, and its manifest no version.
SCHEMA_VERSION = 2

#: What a run is of: the value of `kind` in `summary.json`, `manifest.json` and the lines of `requests.jsonl`.
BENCHMARK, DIALOGUES = "benchmark", "dialogues"
KINDS = (BENCHMARK, DIALOGUES)


def check_version(values: Mapping[str, Any], where: object) -> None:
    """Raise DataError for a file of a newer schema version than this one; a file without any is an old one."""
    found = values.get("schema_version", 1)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise DataError(
            where, f"its schema_version is {found!r:.40}, and that of a run is a number from 1 on."
        )
    if found > SCHEMA_VERSION:
        raise DataError(
            where,
            f"its schema_version is {found}, and this mmlubench reads up to {SCHEMA_VERSION}: install a newer one.",
        )


def check_kind(values: Mapping[str, Any], wanted: str, where: object, *, row: int | None = None) -> None:
    """Raise DataError for what is of another kind than `wanted`; what says no kind is older than kinds are."""
    found = values.get("kind", wanted)
    if found == wanted:
        return
    if found in KINDS:
        raise DataError(where, f"its kind is {found}, and what is read here is {wanted}.", row=row)
    raise DataError(where, f"its kind is {found!r:.40}, and there are {' and '.join(KINDS)}.", row=row)


@dataclass(frozen=True, slots=True)
class Manifest:
    """`manifest.json`: what one must know to repeat a run, or to tell why two runs differ. Holds no secret."""

    run_id: str = ""
    created: str = ""
    """When the run began, as ISO 8601 with its time zone."""
    command: tuple[str, ...] = ()
    """`pytest` and its arguments."""
    cwd: str = ""
    """The folder in which the command was given."""
    store: str | None = None
    """The file in which replies were kept; None where none were."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The value of every option."""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What is known of each model, by the label that the run gave it."""
    agents: tuple[Mapping[str, Any], ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """Revision, hash and selection of each data set, by the name of the benchmark."""
    workers: int = 1
    """How many processes asked."""
    git_commit: str | None = None
    """The commit of the benchmarks, with `-dirty` where they differ from it; None outside git."""
    python: str = ""
    platform: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions of the installed packages that matter."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How questions were put (`solver`, `extraction`, `roles`), and every key that has no field of its own here."""

    @property
    def timestamp(self) -> str:
        """Day, time and milliseconds at which the run began, as its id begins: `20260102-030405-678`."""
        return "-".join(self.run_id.split("-")[:3])

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the facts stand among the other keys."""
        own: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        own |= {"command": list(self.command), "agents": list(self.agents)}
        return {"schema_version": SCHEMA_VERSION, "kind": BENCHMARK, **own, **self.facts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Manifest:
        """From the dictionary of `to_dict`, or of an older version; what is missing or of another type is not known."""
        known: dict[str, Any] = {name: values[name] for name in _FIELDS if _is_told(values, name)}
        known |= {name: tuple(known[name]) for name in ("command", "agents") if name in known}
        facts = {name: value for name, value in values.items() if name not in (*_FIELDS, *_HEAD)}
        return cls(**known, facts=facts)


_HEAD = ("schema_version", "kind")
_FIELDS = tuple(one.name for one in fields(Manifest) if one.name != "facts")
_TYPES: dict[str, type[Any]] = {
    **dict.fromkeys(("settings", "models", "recipe", "data", "packages"), dict),
    **dict.fromkeys(("command", "agents"), list),
    "workers": int,
}


def _is_told(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name)
    if not isinstance(value, _TYPES.get(name, str)):
        return False
    return name != "command" or all(isinstance(argument, str) for argument in value)

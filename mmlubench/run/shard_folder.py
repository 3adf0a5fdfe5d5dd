"""The folder of a finished shard: what it has in common with its siblings, and what `mmlubench merge` needs of it.

While a shard is asked, its folder is `shards/2-of-8.RUN-ID.part`; when all of its cases have results, it gets
`shard.json` and `places.json`, and is renamed to `shards/2-of-8`. So a folder of that name is always whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from mmlubench import __version__
from mmlubench.errors import DataError, UserError
from mmlubench.inputs import JSON_BYTES, read_bytes
from mmlubench.records import check_version
from mmlubench.run.folder import MOCK
from mmlubench.run.run import Run
from mmlubench.run.sharding import Shard
from mmlubench.settings import Settings

#: What a shard is, and where each of its cases belongs in the run as a whole.
SHARD, PLACES = "shard.json", "places.json"
#: Settings that change no result, or whose content is compared itself: data by their hash, prompts by their text.
_INDIFFERENT = frozenset(
    [
        *("shard_id", "shard", "models_file", "list_models", "no_fallback", "data", "allow_partial_data"),
        *("prompt", "initial_prompt", "collaborative_prompt", "adapter_path", "estimate", "max_cost"),
        *("request_timeout", "give_up_after", "wait_for_server", "no_preflight", "concurrency"),
        *("store", "no_store", "refresh", "refresh_since", "accept_mixed"),
        *("desc", "run_dir", "log_compression", "report_page", "export"),
    ]
)
_DATA = ("sha256", "revision", "questions", "complete_size", "limit", "drawn_from")


@dataclass(frozen=True)
class ShardFolder:
    """A finished shard that was read back."""

    path: Path
    values: Mapping[str, Any]
    """The content of `shard.json`."""

    @property
    def shard(self) -> Shard:
        """Which shard it is."""
        return Shard(self.values["number"], self.values["total"])

    @property
    def identity(self) -> Mapping[str, Any]:
        """What it has in common with its siblings."""
        found: Mapping[str, Any] = self.values["identity"]
        return found

    @property
    def status(self) -> int:
        """The exit status of its run."""
        return int(self.values["status"])


def common_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that must be the same in all shards of a run, as plain JSON."""
    return _plain({name: value for name, value in asdict(settings).items() if name not in _INDIFFERENT})


def identity(run: Run, data: Mapping[str, Mapping[str, Any]], cut: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be the same in all shards of a run, as plain JSON.

    `data` are the facts of `Run.facts`, and `cut` those of all shards together. The address of a server of one's own
    is no part of it: each job may have started one.
    """
    strategy = run.strategy
    roles = strategy.facts()["roles"]
    return _plain(
        {
            "mmlubench": __version__,
            "settings": common_settings(run.settings),
            "models": {label: _model(spec) for label, spec in run.roster.all_specs.items()},
            "recipe": {**strategy.recipe.to_dict(), "source": ""},
            "strategy": {"name": strategy.name, "roles": [role["sha256"] for role in roles]},
            "data": {name: {key: facts.get(key) for key in _DATA} for name, facts in data.items()},
            "selection": cut["selection"],
            "cases": cut["cases"],
            "tests": cut["tests"],
        }
    )


def _model(spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = spec.identity()
    return {name: value for name, value in found.items() if not (name == "base_url" and spec.self_hosted)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads(orjson.dumps(values, default=str, option=orjson.OPT_SORT_KEYS))
    return plain


def mark(identity: Mapping[str, Any]) -> str:
    """Return a hash of an identity: that of the run which its shards make up."""
    return sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()


def difference(one: Mapping[str, Any], other: Mapping[str, Any], under: str = "") -> str:
    """Say in what two identities differ first, such as `--temperature (0.0 and 0.7)`; empty if in nothing."""
    # An option tells most of all, and the number of questions follows from it.
    for name in sorted({*one, *other}, key=lambda name: (name != "settings", name)):
        here, there, path = one.get(name), other.get(name), f"{under}{name}"
        if here == there:
            continue
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            return difference(here, there, f"{path}.")
        if name == "sha256":  # nobody compares hashes by eye
            return f"{under.removesuffix('.')}, which is not the same"
        option = "--" + name.replace("_", "-")
        said = ["the default" if value is None else f"{value!s:.60}" for value in (here, there)]
        return f"{option if under == 'settings.' else path} ({' and '.join(said)})"
    return ""


def read(path: Path) -> ShardFolder:
    """Read the folder of a finished shard. Raises UserError for any other folder, and for one that is damaged."""
    file = path / SHARD
    try:
        values = orjson.loads(read_bytes(file, JSON_BYTES))
    except OSError as error:
        raise UserError(
            f"{path} is no finished shard: its {SHARD} cannot be read ({error.strerror})."
        ) from None
    except orjson.JSONDecodeError as error:
        raise DataError(file, f"it is not JSON ({error.msg}).") from None
    if not isinstance(values, dict):
        raise DataError(file, "it is not a JSON object.")
    check_version(values, file)
    numbers = [values.get(name) for name in ("number", "total", "status", "failed", "failed_cases", "rows")]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise DataError(file, "it is not the description of a shard.")
    if values["number"] >= values["total"] or not isinstance(values.get("identity"), dict):
        raise DataError(file, "it is not the description of a shard.")
    return ShardFolder(path, values)


def shards_in(folder: Path) -> Iterator[ShardFolder]:
    """Yield the finished shards in a folder. Raises UserError for one that cannot be read."""
    for file in sorted(folder.glob(f"*/{SHARD}")):
        if not file.parent.name.endswith(".part"):
            yield read(file.parent)


def finished(run: Run, selected_by: Mapping[str, Any]) -> ShardFolder | None:
    """Return the folder of the shard of a run, if it is finished.

    `selected_by` has the words of the command line that select tests. Raises UserError if other questions were asked.
    """
    assert run.shard is not None
    parent = Path(run.place.parent)
    names = (run.shard.name, run.shard.name + MOCK)
    found = next((read(parent / name) for name in names if (parent / name / SHARD).is_file()), None)
    if found is None:
        return None
    asked = {"settings": common_settings(run.settings), "selected_by": _plain(selected_by)}
    there = {"settings": found.identity.get("settings"), "selected_by": found.values.get("selected_by")}
    if differs := difference(asked, there):
        raise UserError(
            f"{found.path} is a finished shard of another run: it differs in {differs}; give another folder with "
            "--run-dir, or the same options."
        )
    return found


def check_siblings(run: Run, identity: Mapping[str, Any]) -> None:
    """Raise UserError if a finished shard beside that of a run belongs to another run."""
    for sibling in shards_in(Path(run.place.parent)):
        if differs := difference(identity, sibling.identity):
            raise UserError(
                f"the shards in {sibling.path.parent} are of another run: {sibling.path.name} differs in {differs}; "
                "give another folder with --run-dir, or the same options."
            )

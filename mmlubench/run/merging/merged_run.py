"""The run that shards make up: who was asked, how and what, as the shards recorded it, without asking anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

from mmlubench.engine.store.weights import contradict, difference
from mmlubench.errors import DataError
from mmlubench.figures import several
from mmlubench.models.spec import ModelSpec
from mmlubench.prompts import Recipe
from mmlubench.records import Manifest
from mmlubench.run.archive import MANIFEST, read_manifest
from mmlubench.run.folder import Place
from mmlubench.run.known_weights import KnownWeights
from mmlubench.run.merging.found import Shards
from mmlubench.run.run import Run
from mmlubench.run.shard_folder import SHARD, mark
from mmlubench.run.share import Share
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Scoring
from mmlubench.settings import Settings

#: The key of a manifest that tells of which shards the run was put together.
MERGED = "merged"
#: How many missing shards are named.
_NAMED = 10
_T = TypeVar("_T")


class MergedRun(Run):
    """The run of these shards. Raises UserError for a shard whose files are damaged."""

    def __init__(
        self, shards: Shards, place: Place, settings_of_run: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """`place` is where its folder is made; `settings_of_run` are those that its shards do not have."""
        self._shards, self._place = shards, place
        self._manifests = {number: read_manifest(one.path) for number, one in shards.found.items()}
        first = shards.first
        self._first = self._manifests[first.shard.number]
        settings = replace(_settings(self._first, first.path), run_dir=place.parent, **settings_of_run)
        where, began = first.path / MANIFEST, min(self._started)
        specs = {label: _made(ModelSpec, spec, where) for label, spec in self._first.models.items()}
        super().__init__(settings, Share(started=began), specs=specs)
        self.roster.agents = [_made(ModelSpec, spec, where) for spec in self._first.agents]
        self.roster.weights = _Weights(
            shards, {n: one.facts.get("weights", {}) for n, one in self._manifests.items()}
        )
        self.strategy = _Strategy(settings, shards, self._first, where)
        self.duration_s = max(float(one.values.get("duration_s", 0)) for one in shards.found.values())
        self.missing = _named(shards)

    @property
    def _started(self) -> list[float]:
        times = []
        for number, made in self._manifests.items():
            try:
                times.append(datetime.fromisoformat(made.created).timestamp())
            except ValueError:
                raise DataError(
                    self._shards.found[number].path / MANIFEST, "it does not say when it began."
                ) from None
        return times

    @property
    def place(self) -> Place:
        """Where its folder is made."""
        return self._place

    @property
    def labels(self) -> list[str]:
        """The labels of the models that are asked."""
        return list(self._first.models)

    def facts(self) -> dict[str, Any]:
        """Return the facts of the data: the cases of all shards are those of the run."""
        facts: dict[str, Any] = {}
        for made in self._manifests.values():
            for name, of in made.data.items():
                facts.setdefault(name, dict(of))
        all_cases = self._shards.first.identity["cases"] if self._shards.missing else self._cases()
        scoring = {
            name: {
                label: way for made in self._manifests.values() for label, way in _scoring(made, name).items()
            }
            for name in facts
        }
        return {
            name: {
                **of,
                "cases": all_cases.get(name, {}),
                **({"scoring": scoring[name]} if scoring[name] else {}),
            }
            for name, of in facts.items()
        }

    def _cases(self) -> dict[str, dict[str, int]]:
        cases: dict[str, Counter[str]] = {}
        for made in self._manifests.values():
            for name, of in made.data.items():
                cases.setdefault(name, Counter()).update(of.get("cases", {}))
        # In the order of the run, as a shard may lack the first of them.
        order = self._shards.first.identity["cases"]
        return {
            name: {key: of[key] for key in [*order.get(name, ()), *of] if of[key]}
            for name, of in cases.items()
        }

    def told(self, made: Manifest) -> Manifest:
        """Return the manifest with what was told of the run by its shards, and of these shards."""
        first, shards = self._first, self._shards
        told = [
            {
                "shard": one.shard.name,
                "host": one.values.get("host", ""),
                "started": one.values.get("started", ""),
                "ended": one.values.get("ended", ""),
                "cases": one.values["rows"],
                "run_id": self._manifests[number].run_id,
            }
            for number, one in shards.found.items()
        ]
        merged = {
            "of": mark(shards.first.identity),
            "total": shards.total,
            "missing": [shard.name for shard in shards.missing],
            "shards": told,
        }
        here = {name: made.facts[name] for name in ("own_recipes",) if name in made.facts}
        return replace(
            made,
            store=None,
            workers=sum(one.workers for one in self._manifests.values()),
            git_commit=first.git_commit,
            python=first.python,
            platform=first.platform,
            packages=first.packages,
            recipe=first.recipe,
            facts={**first.facts, **here, MERGED: merged},
        )


class _Strategy(Strategy):
    """How questions were asked; solvers, recipes and prompts of the user's own need not be here."""

    def __init__(self, settings: Settings, shards: Shards, first: Manifest, where: Path) -> None:
        super().__init__(settings)
        told = shards.first.values["strategy"]
        self._told_name, self._told_scoring = str(told["name"]), Scoring(told["scoring"])
        self._dropped: dict[str, list[str]] = {}
        for one in shards.found.values():
            self._dropped |= one.values.get("dropped", {})
        self.recipe = _made(Recipe, {k: v for k, v in first.recipe.items() if k != "sha256"}, where)
        self._facts = {
            name: first.facts[name] for name in ("solver", "extraction", "roles") if name in first.facts
        }

    @property
    def name(self) -> str:
        """The name under which figures are reported."""
        return self._told_name

    @property
    def scoring(self) -> Scoring:
        """The way of scoring that the options asked for."""
        return self._told_scoring

    def facts(self) -> dict[str, Any]:
        """Return the facts that go into the manifest."""
        return self._facts

    def dropped(self, spec: ModelSpec) -> list[str]:
        """Return the parameters that were asked for, and that the model does not accept."""
        return self._dropped.get(spec.label, [])


class _Weights(KnownWeights):
    """What was told of the weights, and which of them changed while a shard was asked."""

    def __init__(self, shards: Shards, told: Mapping[int, Mapping[str, Any]]) -> None:
        """`told` is what each shard was told of weights, by the number of the shard and the label of the model."""
        super().__init__({label: facts for of in reversed([*told.values()]) for label, facts in of.items()})
        self._lines: dict[str, dict[str, None]] = {}
        for number, of in told.items():
            for label, facts in of.items():
                if contradict(self.told[label], facts):
                    line = (
                        f"{shards.found[number].shard.title} asked other weights of {label} than the shards before "
                        f"({difference(facts, self.told[label])}): the figures may be those of two models"
                    )
                    self._lines.setdefault(label, {})[line] = None
        for one in shards.found.values():
            for label, lines in one.values.get("weights_changed", {}).items():
                self._lines.setdefault(label, {}).update(dict.fromkeys(lines))

    def look_last(self, specs: Iterable[ModelSpec]) -> None:
        """Look at no server: each shard has looked at its end."""

    def changes(self, specs: Iterable[ModelSpec]) -> list[str]:
        """Return a warning for each of the models whose server had other weights at the end of a shard."""
        return [line for spec in specs for line in self._lines.get(spec.label, ())]


def _settings(manifest: Manifest, folder: Path) -> Settings:
    """Return the settings of a shard as those of a run that is not cut. Raises DataError."""
    names = {one.name for one in fields(Settings)}
    given = {name: value for name, value in manifest.settings.items() if name in names}
    given |= dict.fromkeys(("num_shards", "shard_id", "shard"))
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }
    try:
        return Settings(**values)
    except TypeError as error:
        raise DataError(folder / SHARD, f"its settings cannot be read ({error}).") from None


def _made(kind: type[_T], values: Any, where: Path) -> _T:
    """Make a dataclass of the values of a file. Raises DataError."""
    from pydantic import TypeAdapter, ValidationError

    try:
        made: _T = TypeAdapter(kind).validate_json(orjson.dumps(values))
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(where, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    return made


def _scoring(manifest: Manifest, benchmark: str) -> Mapping[str, str]:
    found: Mapping[str, str] = (
        manifest.data[benchmark].get("scoring", {}) if benchmark in manifest.data else {}
    )
    return found


def _named(shards: Shards) -> str:
    """Return which shards are missing, as half a sentence; empty if none is."""
    missing = shards.missing
    if not missing:
        return ""
    names = ", ".join(str(shard.number + 1) for shard in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    which = several(len(missing), "shard").partition(" ")[2]
    return f"{which} {names}{more} of {shards.total} {'is' if len(missing) == 1 else 'are'} missing"

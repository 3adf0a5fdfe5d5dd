"""Sealing a shard: when all of its cases have results, its folder gets what the merge needs, and its final name."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any

import orjson

from mmlubench.figures import several
from mmlubench.jsonl import pretty, write_atomic
from mmlubench.records import SCHEMA_VERSION
from mmlubench.reports.report import RunRecords
from mmlubench.run.folder import MOCK, RunFolder
from mmlubench.run.run import Run
from mmlubench.run.shard_folder import PLACES, SHARD, identity
from mmlubench.schema import Outcome


def seal(
    run: Run, records: RunRecords, folder: RunFolder, told: Mapping[str, Any], cut: Mapping[str, Any]
) -> str:
    """Write `shard.json` and `places.json` into the closed folder, and rename it; return a line for the user.

    `told` has what else belongs into `shard.json`, and `cut` the facts of all shards together. Raises OSError.
    """
    assert run.shard is not None
    shard, manifest = run.shard, records.manifest
    outcomes = [case.outcome for case in records.entries()]
    warnings = {label: run.roster.weights.changes([spec]) for label, spec in run.roster.all_specs.items()}
    values = {
        "schema_version": SCHEMA_VERSION,
        "number": shard.number,
        "total": shard.total,
        "rows": len(outcomes),
        "results_sha256": sha256((folder.path / "results.jsonl").read_bytes()).hexdigest(),
        "host": platform.node(),
        "started": manifest.created,
        "ended": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "duration_s": max((summary.duration_s for summary in records.summary), default=0.0),
        **told,
        "places": cut["places"],
        "strategy": {"name": run.strategy.name, "scoring": run.strategy.scoring.value},
        "dropped": {label: run.strategy.dropped(spec) for label, spec in run.roster.all_specs.items()},
        "weights_changed": {label: lines for label, lines in warnings.items() if lines},
        "identity": identity(run, manifest.data, cut),
    }
    write_atomic(folder.path / PLACES, orjson.dumps(folder.blocks()))
    write_atomic(folder.path / SHARD, pretty(values))
    name = shard.name + (MOCK if folder.run_id.endswith(MOCK) else "")
    if not folder.rename(name):
        return f"{shard.title} was finished by another process meanwhile: {folder.path.with_name(name)} stays as it is"
    line = f"{shard.title} is finished: `mmlubench merge {folder.path.parent}` puts the shards together"
    errors = outcomes.count(Outcome.ERROR)
    if not errors:
        return line
    return (
        f"{line}; {several(errors, 'case')} ended in errors: to ask only those again, delete {folder.path} and start "
        "the shard again"
    )

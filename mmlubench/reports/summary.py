"""The file `summary.json`: the manifest of a run, and all figures of every benchmark and model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mmlubench.jsonl import pretty
from mmlubench.records import BENCHMARK, SCHEMA_VERSION, Manifest
from mmlubench.reports.report import File, FinishedRun, Report
from mmlubench.stats.summary import Summary

_TOP = ("schema_version", "kind", "run_id", "created")


def summary_json(manifest: Manifest, summaries: Sequence[Summary]) -> dict[str, Any]:
    """Build the content of the file: the id of the run, whether a mock answered, the manifest, the figures."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": BENCHMARK,
        "run_id": manifest.run_id,
        "created": manifest.created,
        "mock": any(summary.mock for summary in summaries) or _only_mocks(manifest),
        "manifest": {key: value for key, value in manifest.to_dict().items() if key not in _TOP},
        "results": [summary.to_dict() for summary in summaries],
    }


def _only_mocks(manifest: Manifest) -> bool:
    """Whether the run could ask nobody but mocks: tests without questions have no figures that say so."""
    return bool(manifest.models) and all(model.get("client") == "mock" for model in manifest.models.values())


def _files(run: FinishedRun) -> Iterable[File]:
    yield File("summary.json", pretty(summary_json(run.manifest, run.summary)))


SUMMARY_FILE = Report(files=_files)

"""MMLU-family benchmarks as a pytest suite."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Where each public name lives. `__init__.pyi` says the same to type checkers.
_HOMES = {
    "mmlubench.schema": [
        *("Answer", "Completion", "Message", "Outcome", "Params"),
        *("Question", "Request", "Entry", "Usage"),
    ],
    "mmlubench.errors": ["MmluBenchError", "ProviderError", "UserError"],
    "mmlubench.registry": ["register"],
    "mmlubench.models.base": ["Model"],
    "mmlubench.records": ["Manifest"],
    "mmlubench.reports.report": ["Report"],
    "mmlubench.run.archive": ["RunArchive", "open_run", "open_runs"],
    "mmlubench.stats.metrics": ["Metric"],
    "mmlubench.stats.summary": ["Summary"],
    "mmlubench.models.http.http_model": ["HttpModel"],
    "mmlubench.datasets.base": ["Spec"],
    "mmlubench.grading.extract": ["Extraction"],
    "mmlubench.solvers.base": ["Solver"],
    "mmlubench.solvers.kind": ["SolverContext", "SolverKind"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    # Imported on first use: pytest loads this package in every run, also in those that ask no model.
    if name not in _HOME_OF:
        raise AttributeError(f"module 'mmlubench' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)

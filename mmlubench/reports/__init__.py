"""Pure functions from figures to text and JSON; the plugin prints and writes what they return."""

from __future__ import annotations

from mmlubench.reports.classic import classic_json, classic_names
from mmlubench.reports.summary import summary_json
from mmlubench.reports.terminal import errors_lines, summary_lines

__all__ = [
    "classic_json",
    "classic_names",
    "errors_lines",
    "summary_json",
    "summary_lines",
]

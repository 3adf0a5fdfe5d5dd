"""Reports: what is made of a finished run, each one object that gives files, parts of the screen, or both.

To add one, write a module with a `Report` and name it in `REPORTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from mmlubench.records import Manifest
from mmlubench.registry import Registry
from mmlubench.schema import Entry
from mmlubench.stats.summary import Summary


class FinishedRun(Protocol):
    """What a report is made of: a run that just ended, or one read back by `open_run`."""

    @property
    def manifest(self) -> Manifest:
        """What the run was."""

    @property
    def summary(self) -> Sequence[Summary]:
        """The figures, one for each benchmark and model."""

    def entries(self) -> Iterator[Entry]:
        """Every case."""


@dataclass(frozen=True, slots=True)
class RunRecords:
    """A run that just ended, its cases in memory: a `FinishedRun`."""

    manifest: Manifest
    summary: Sequence[Summary]
    results: Iterable[Sequence[Entry]]
    """The cases of each benchmark and model."""
    path: Path
    """The run folder."""

    def entries(self) -> Iterator[Entry]:
        """Every case."""
        return (result for block in self.results for result in block)


class File(NamedTuple):
    """A file to be written."""

    name: str
    text: str
    """Its content; `jsonl.pretty` makes it of an object."""
    beside: bool = False
    """Whether it lies beside the run folder in place of in it."""


class Screen(NamedTuple):
    """The terminal that a report is shown on."""

    width: int
    """In columns."""
    color: bool
    """Whether ANSI codes are understood."""
    ascii: bool
    """Whether nothing but ASCII can be shown."""


class Section(NamedTuple):
    """A part of the screen."""

    title: str
    lines: Sequence[str]
    errors: Sequence[str] = ()
    """Lines that are shown below, in red."""


def _no_files(run: FinishedRun) -> Iterable[File]:
    return ()


def _no_sections(run: FinishedRun, screen: Screen) -> Iterable[Section]:
    return ()


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    files: Callable[[FinishedRun], Iterable[File]] = _no_files
    sections: Callable[[FinishedRun, Screen], Iterable[Section]] = _no_sections


#: Each report of ours by its name, in the order in which they are written and shown; then those of strangers.
REPORTS: Registry[Report] = Registry(
    "report",
    {
        "summary": "mmlubench.reports.summary:SUMMARY_FILE",
        "classic": "mmlubench.reports.classic:CLASSIC_FILE",
        "terminal": "mmlubench.reports.terminal:TERMINAL",
    },
    lambda thing: thing if isinstance(thing, Report) else None,
    must_be="a mmlubench.Report",
)


def reports() -> dict[str, Report]:
    """Give every report by its name, in the order in which they are shown. Raises UserError for one that is none."""
    return REPORTS.all()


def files(run: FinishedRun) -> tuple[list[File], list[str]]:
    """Make the files of all reports, and a sentence for each report that failed: it must not cost the others."""
    made: list[File] = []
    failures = []
    for name, report in reports().items():
        try:
            made += list(report.files(run))  # whole or not at all
        except Exception as error:  # whatever a stranger's report does
            failures.append(_failure(name, error))
    return made, failures


def sections(run: FinishedRun, screen: Screen) -> Iterator[Section]:
    """Yield what all reports show on the screen; of a report that fails, a sentence that says so."""
    for name, report in reports().items():
        try:
            parts = list(report.sections(run, screen))
        except Exception as error:  # whatever a stranger's report does
            parts = [Section(f"report {name}", (), (_failure(name, error),))]
        yield from parts


def _failure(name: str, error: Exception) -> str:
    return f"the report {name} failed ({type(error).__name__}: {error})."

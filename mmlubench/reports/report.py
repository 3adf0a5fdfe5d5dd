"""Reports on a finished run, each one object that makes files, sections of the screen, or both.

To add one, write a module with a `Report` and name it in `REPORTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from mmlubench.records import Manifest
from mmlubench.registry import Registry
from mmlubench.schema import Entry
from mmlubench.stats.summary import Summary


class FinishedRun(Protocol):
    """The input of a report: a run that just ended, or one read back by `open_run`."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the run."""

    @property
    def path(self) -> Path:
        """The run folder."""

    @property
    def summary(self) -> Sequence[Summary]:
        """A summary for each benchmark and model."""

    def entries(self) -> Iterator[Entry]:
        """Yield every case."""


@dataclass(frozen=True, slots=True)
class RunRecords:
    """A `FinishedRun` that just ended, with its cases in memory."""

    manifest: Manifest
    summary: Sequence[Summary]
    results: Iterable[Sequence[Entry]]
    """The cases of each benchmark and model."""
    path: Path
    """The run folder."""

    def entries(self) -> Iterator[Entry]:
        """Yield every case."""
        return (result for block in self.results for result in block)


def _never(old: bytes, new: str) -> bool:
    return False


class File(NamedTuple):
    """A file that a report wants to be written."""

    name: str
    text: str
    """The content; `jsonl.pretty` makes it from an object."""
    beside: bool = False
    """Whether the file is written next to the run folder instead of into it."""
    keeps: Callable[[bytes, str], bool] = _never
    """Whether a file of that name that is there stays in its place, given its content and the new text."""


class Screen(NamedTuple):
    """The terminal that a report is shown on."""

    width: int
    """In columns."""
    color: bool
    """Whether the terminal supports ANSI codes."""
    ascii: bool
    """Whether the terminal can show only ASCII."""


class Section(NamedTuple):
    """A section of the screen, below its own title."""

    title: str
    lines: Sequence[str]
    errors: Sequence[str] = ()
    """Lines that are shown below `lines`, in red."""


def _no_files(run: FinishedRun) -> Iterable[File]:
    return ()


def _no_sections(run: FinishedRun, screen: Screen) -> Iterable[Section]:
    return ()


@dataclass(frozen=True, slots=True)
class Report:
    """One report: a function that makes its files, and one that makes its sections of the screen."""

    files: Callable[[FinishedRun], Iterable[File]] = _no_files
    sections: Callable[[FinishedRun, Screen], Iterable[Section]] = _no_sections


#: Our reports by name, in the order in which they are written and shown; those of other packages come after them.
REPORTS: Registry[Report] = Registry(
    "report",
    {
        "summary": "mmlubench.reports.summary:SUMMARY_FILE",
        "classic": "mmlubench.reports.classic:CLASSIC_FILE",
        "page": "mmlubench.reports.page.report:PAGE",
        "terminal": "mmlubench.reports.terminal:TERMINAL",
    },
    lambda thing: thing if isinstance(thing, Report) else None,
    must_be="a mmlubench.Report",
)


def reports() -> dict[str, Report]:
    """Return all reports by name, in the order in which they are shown. Raises UserError for an invalid one."""
    return REPORTS.all()


def files(
    run: FinishedRun, taken: Iterable[str] = (), may_replace: Callable[[str], bool] = lambda _name: True
) -> tuple[list[File], list[str]]:
    """Make the files of all reports, and a sentence for each report that failed; see `each_file`."""
    failures: list[str] = []
    return list(each_file(run, failures, taken, may_replace)), failures


def each_file(
    run: FinishedRun,
    failures: list[str],
    taken: Iterable[str] = (),
    may_replace: Callable[[str], bool] = lambda _name: True,
    only: Collection[str] = (),
) -> Iterator[File]:
    """Yield the files of all reports, one report after the other: the first can be written before the last is made.

    `only` names the reports that are made; empty for all.

    A report that fails adds a sentence to `failures`, and does not affect the others. A report of another package fails
    if it wants to write a file outside the folders of runs, one of ours, or one of the names `taken` in the run folder.
    Every report fails that wants to write a file beside the run folder that it may not, as `may_replace` tells by its
    name: the store is there.
    """
    there = {(name, False) for name in taken}
    for name, report in reports().items():
        if only and name not in only:
            continue
        try:
            wanted = list(report.files(run))  # all files of a report or none
            if name not in REPORTS.ours:
                _check_files(wanted, there)
            _check_beside(wanted, may_replace)
        except (Exception, SystemExit) as error:  # a report of another package may raise anything
            failures.append(_failure(name, error))
        else:
            yield from wanted
            there |= {(file.name, file.beside) for file in wanted}


def sections(run: FinishedRun, screen: Screen) -> Iterator[Section]:
    """Yield the sections of all reports; for a report that fails, a section with one sentence about that."""
    for name, report in reports().items():
        try:
            parts = list(report.sections(run, screen))
            _check_sections(parts)
        except (Exception, SystemExit) as error:  # a report of another package may raise anything
            parts = [Section(f"report {name}", (), (_failure(name, error),))]
        yield from parts


def _check_files(wanted: Iterable[File], there: Collection[tuple[str, bool]]) -> None:
    for file in wanted:
        if not (isinstance(file, File) and isinstance(file.name, str) and isinstance(file.text, str)):
            raise TypeError(f"it made {file!r:.60}, and a File of a name and a text is needed")
        is_name = Path(file.name).name == file.name and file.name.strip(".") and file.name.isprintable()
        if not is_name or (file.name, file.beside) in there:
            raise ValueError(f"it may not write {file.name!r}: give a name of its own, without a folder")


def _check_beside(wanted: Iterable[File], may_replace: Callable[[str], bool]) -> None:
    for file in wanted:
        if file.beside and not may_replace(file.name):
            raise ValueError(
                f"{file.name!r} beside the run folder is a store, or no file, and is left as it is"
            )


def _check_sections(parts: Iterable[Section]) -> None:
    for part in parts:
        if not isinstance(part, Section) or not all(
            isinstance(x, str) for x in (part.title, *part.lines, *part.errors)
        ):
            raise TypeError(f"it made {part!r:.60}, and a Section of a title and lines is needed")


def _failure(name: str, error: BaseException) -> str:
    return f"the report {name} failed ({type(error).__name__}: {error})."

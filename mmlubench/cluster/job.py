"""A job: a command line of pytest that is executed on a machine of a cluster, and what it brings back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: Stand for the job's own folder on its machine, and for that of the project. No word of a command line can have NUL.
HOME, PROJECT = "\0home\0", "\0project\0"
#: In the job's own folder: the file of its store, the folder of its results, and the file of what pytest prints.
STORE, RESULTS, OUTPUT = "store.sqlite", "reports", "output"


@dataclass(frozen=True)
class Job:
    """One job. Plain values only, as it is sent to another machine."""

    run: str
    """A word that no other run has, for the names of its folders."""
    number: int
    title: str
    """What it is called in sentences, such as `shard 2 of 8`."""
    words: tuple[str, ...]
    """The arguments of `python -m pytest`, with `HOME` and `PROJECT` in them."""
    brings: str
    """What the names of the folders that it brings back match, below its results, such as `shards/2-of-8*`."""
    project: str
    """The project's top folder, as the computer knows it that the run was started on."""
    below: str
    """The working directory, relative to the project."""
    mark: tuple[int, int] | None
    """What tells that folder from others of its name; see `project.mark_of`."""
    told_in: str
    """The variable that names the folder in which pytest tells its usage of limits, and is told its share."""
    always: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables that go along everywhere; API keys are among them."""
    at_home: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those that are right only where the project's own folder is there, such as PATH."""


class Brought(NamedTuple):
    """What has become of a job."""

    number: int
    status: int
    """The exit status of pytest; negative if a signal ended it."""
    files: Mapping[str, bytes]
    """The files of the folders that it was to bring, each compressed (zlib), by their paths; empty if it has none."""
    said: tuple[str, ...]
    """The last lines of its output, or the sentences of its errors."""
    failed: tuple[str, ...]
    """The lines of pytest's summary about tests that failed, other than those with questions."""
    stopped: bool
    """Whether it ended because it was told to."""
    node: str
    """The name of the machine."""


class Usage(NamedTuple):
    """How far a job is."""

    done: Mapping[str, int]
    """The number of its cases by outcome."""
    told: Mapping[str, Any]
    """What the pytest process says of itself: total, spent, and so on."""
    waiting: str = ""
    """What its requests wait for, in the words of its progress line; empty if they do not wait."""

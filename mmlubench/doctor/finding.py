"""What a check of the doctor found, and what all checks look at."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from mmlubench.errors import MmluBenchError
from mmlubench.models.base import Model
from mmlubench.models.serving.server import Server
from mmlubench.models.spec import ModelSpec
from mmlubench.run.run import Run
from mmlubench.schema import Params, Question
from mmlubench.settings import Settings


class Verdict(str, Enum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"  # a run works, and its figures may surprise
    FAILED = "failed"
    SKIPPED = "skipped"  # it does not apply, or an earlier check failed

    def __str__(self) -> str:
        return self.value


class Finding(NamedTuple):
    """What one check found."""

    verdict: Verdict
    found: str
    """What was found, in a few words."""
    advice: str = ""
    """What to do; empty if there is nothing to do."""


@dataclass
class Patient:
    """What is looked at: one model, as a run with these options would ask it. Checks fill in what they learn."""

    settings: Settings
    name: str
    """The model as `--model` names it."""
    benchmark: str
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    has_load_test: bool = False
    """Whether the server may be loaded to see what it holds."""
    lacks_packages: bool = False
    spec: ModelSpec | None = None
    key: str | None = None
    server: Server | None = None
    model: Model | None = None
    """The provider, without limits and retries; open once its server was reached."""
    params: Params | None = None
    """The sampling parameters of the run."""
    run: Run | None = None
    """The run that would ask the model; there is one as soon as the model is known."""
    questions: Sequence[Question] = ()
    """The questions of the benchmark."""


class Needs(MmluBenchError):
    """A check cannot be made, since what it needs was not found by an earlier one."""


def ok(found: str) -> Finding:
    """Return a finding with which all is well."""
    return Finding(Verdict.OK, found)


def warning(found: str, advice: str) -> Finding:
    """Return a finding with which a run works, although its figures may surprise."""
    return Finding(Verdict.WARNING, found, advice)


def failed(found: str, advice: str = "") -> Finding:
    """Return a finding with which a run cannot work."""
    return Finding(Verdict.FAILED, found, advice)


def skipped(why: str) -> Finding:
    """Return the finding of a check that was not made."""
    return Finding(Verdict.SKIPPED, why)

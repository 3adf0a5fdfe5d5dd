"""What the readers of other harnesses' files give: answers of one model to one benchmark, in no format of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmlubench.schema import Usage


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to one question."""

    key: str
    """The id in the other harness; answers of several epochs share it."""
    answer: str
    """The letter of the right choice; empty where it is not known."""
    letter: str | None
    """The letter that was answered."""
    points: float | None
    """What the answer was given, 0 to 1; None for a sample without a score."""
    subject: str = ""
    language: str = ""
    row: int | None = None
    """The number of the question in its subject, in the order of the data set."""
    question: str = ""
    """The text of the question, or a prompt that ends with it."""
    choices: tuple[str, ...] = ()
    messages: tuple[Mapping[str, str], ...] = ()
    reply: str = ""
    reasoning: str = ""
    rule: str = ""
    finish_reason: str = "stop"
    error: str = ""
    usage: Usage = field(default_factory=Usage)
    latency_s: float = 0.0
    served_model: str = ""
    probabilities: Mapping[str, float] | None = None
    order: str = ""
    """`Question.order`, in what we exported."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of another harness."""

    harness: str
    """`inspect` or `lm-eval`."""
    version: str
    task: str
    """The task that was run."""
    benchmark: str
    model: str
    created: str
    """The start, in ISO 8601; empty where it is not known."""
    files: tuple[str, ...]
    samples: Iterator[Sample]
    is_complete: bool = True
    shots: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`temperature` and `max_tokens`, as far as they are known."""
    scoring: str = "text"
    duration_s: float = 0.0
    revision: str = ""


#: What the name of a task begins with -> our benchmark; the first that fits counts.
_TASKS = {
    r"mmlu_(redux|prox|pro_plus|cf|llama|continuation)": "",  # others' questions
    r"mmlu_pro(_|$)": "mmlu_pro",  # and not mmlu_professional_law
    r"(mmmlu|openai_mmlu)(_|$)": "mmmlu",
    r"commonsense_qa(_|$)": "commonsense_qa",
    r"mmlu(_|$)": "mmlu",
}


def benchmark_of(task: str) -> str:
    """Return our benchmark that a task asks; empty for another one."""
    name = re.sub(r"\W", "_", task.rpartition("/")[2].lower())
    return next((ours for start, ours in _TASKS.items() if re.match(start, name)), "")


def text(value: object) -> str:
    """Return a text of a stranger's file, without halves of surrogate pairs; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def whole(value: object) -> int:
    """Return a count of a stranger's file; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else 0


def positive(value: object) -> float:
    """Return a number of seconds of a stranger's file; 0 for anything else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 10**9 else 0.0  # type: ignore[operator, arg-type]


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object of a stranger's file; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}

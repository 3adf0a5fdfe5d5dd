"""The tasks of lm-evaluation-harness that our benchmarks are: names, metrics and groups, as in its task files."""

from __future__ import annotations

import re
from typing import NamedTuple

from mmlubench.schema import Entry


class Task(NamedTuple):
    """A task: one subject of a benchmark, in one language."""

    name: str
    metric: str
    filter: str
    subject: str
    category: str
    benchmark: str
    is_multiple_choice: bool
    """Whether log-probabilities of the choices are compared; else a reply is generated."""


def task_of(entry: Entry, *, is_scored: bool) -> Task:
    """Return the task that a case belongs to; `is_scored` says that log-probabilities were compared.

    For texts, MMLU has tasks of its own; the tasks of MMMLU and CommonsenseQA are multiple choice in lm-eval, and keep
    their names for texts, too.
    """
    subject = re.sub(r"\W", "_", entry.subject.lower())
    if entry.benchmark == "mmlu" and not is_scored:
        name, metric, way = f"mmlu_{subject}_generative", "exact_match", "get_response"
    elif entry.benchmark == "mmlu_pro":
        name, metric, way = f"mmlu_pro_{subject}", "exact_match", "custom-extract"
    elif entry.benchmark == "commonsense_qa":
        name, metric, way = "commonsense_qa", "acc", "none"
    else:
        language = f"{entry.language.lower()}_" if entry.language else ""
        own = re.sub(r"\W", "_", entry.benchmark)
        name, metric, way = f"{own}_{language}{subject}", "acc", "none"
    return Task(name, metric, way, entry.subject, entry.category, entry.benchmark, is_scored)


def group_of(task: Task) -> tuple[str, ...]:
    """Return the groups that a task belongs to, the largest first."""
    if task.name == task.benchmark:
        return ()
    if task.benchmark != "mmlu":
        return (re.sub(r"\W", "_", task.benchmark),)
    if task.name.endswith("_generative"):
        return ("mmlu_generative", task.category.replace("_", " "))
    return ("mmlu", f"mmlu_{task.category}")

"""Hooks that mmlubench calls: implement any of them in a `conftest.py` or a plugin, under the same name.

An implementation may leave out arguments it does not need. One that raises loses nothing of the run: the error is
told at the end, every file is written, and pytest exits with status 3. All of them are called in the process that
writes the run folder: pytest itself, or with `-n 4` the controller, and never in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mmlubench.reports.report import RunRecords
    from mmlubench.schema import Entry


@pytest.hookspec
def pytest_mmlubench_case_finished(entry: Entry, config: pytest.Config) -> None:
    r"""Called once for every case that put a question, as soon as its line of `results.jsonl` is written.

    With workers the cases come in the order in which they end. A case whose worker crashed comes when the run is over.
    Whatever time it takes is added to the run, case by case: leave slow work to `pytest_mmlubench_run_finished`.

    :param entry: the case: question id, model, outcome, prediction, latency in seconds, tokens and their price.
    :param config: pytest's configuration.

    Example, which keeps the questions that were answered wrong::

        def pytest_mmlubench_case_finished(entry):
            if entry.outcome == "wrong":
                with open("wrong.txt", "a") as file:
                    file.write(f"{entry.id} {entry.model}: {entry.prediction}, right is {entry.answer}\n")
    """


@pytest.hookspec
def pytest_mmlubench_run_finished(run: RunRecords, config: pytest.Config) -> None:
    """Called once when a run is over, after all its files are written and before the table is printed.

    Also called for a run that was interrupted or ran out of money: its summaries have no headline then, and say why.
    Not called where no case ran at all, as with `--estimate` or `--collect-only`.

    :param run: `run.path` is the run folder, `run.summary` holds a `Summary` for each benchmark and model,
        `run.manifest` is the `Manifest`, `run.entries()` yields all cases in the order of the run.
    :param config: pytest's configuration.

    Example, which sends every accuracy to a tracker::

        def pytest_mmlubench_run_finished(run):
            for summary in run.summary:
                if summary.headline:
                    tracker.log(summary.benchmark, summary.model, summary.recipe, summary.accuracy)
    """


@pytest.hookspec
def pytest_mmlubench_manifest_facts(config: pytest.Config) -> Mapping[str, Any] | None:
    """Called once before anything is asked: what the manifest is to say of your side, such as the version of an index.

    What all implementations return together stands under `user_facts` in `manifest.json`.

    :param config: pytest's configuration.
    :return: a dictionary that JSON can hold, or None for nothing.

    Example, for a solver that looks things up::

        def pytest_mmlubench_manifest_facts(config):
            return {"index": "wikipedia-2026-10", "retriever": "bm25"}
    """

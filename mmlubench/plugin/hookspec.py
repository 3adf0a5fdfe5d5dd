"""Hooks that mmlubench calls: implement any of them in a `conftest.py` or a plugin, under the same name.

An implementation may leave out arguments that it does not need. If it raises an error, the run loses nothing: every
file is written, the error is reported at the end, and pytest exits with status 3. All hooks are called in the process
that writes the run folder: pytest itself, or with `-n 4` the controller, and never in a worker.
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
    r"""Called once for every case with a question, as soon as its line of `results.jsonl` is written.

    With workers the cases come in the order in which they end. A case whose worker crashed comes when the run is over.
    The time that the hook takes is added to the run for every case: do slow work in `pytest_mmlubench_run_finished`.

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

    Also called for a run that was interrupted or ran out of budget: its summaries then have no headline, and say why.
    Not called if no case ran at all, as with `--estimate` or `--collect-only`.

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
    """Called once before anything is asked, to add your own facts to the manifest, such as the version of an index.

    The facts of all implementations are merged and written under `user_facts` in `manifest.json`.

    :param config: pytest's configuration.
    :return: a dictionary that JSON can hold, or None for nothing.

    Example, for a solver that looks things up::

        def pytest_mmlubench_manifest_facts(config):
            return {"index": "wikipedia-2026-10", "retriever": "bm25"}
    """

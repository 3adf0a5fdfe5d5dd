"""The calls of the hooks in `hookspec.py`: an error in a hook is reported at the end, and the run loses nothing."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.reports.report import RunRecords
from mmlubench.schema import Entry


class Hooks:
    """The hooks of one run; a hook without an implementation costs nothing per case."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failures: dict[str, list[str]] = {}
        """The errors that were raised, by the name of the hook."""

    def case_finished(self, entry: Entry) -> None:
        """Call `pytest_mmlubench_case_finished` for one case."""
        if self._has_case_hooks:
            hook = self._config.hook.pytest_mmlubench_case_finished
            self._call(hook, lambda: hook(entry=entry, config=self._config))

    def run_finished(self, run: RunRecords) -> None:
        """Call `pytest_mmlubench_run_finished`, after all files are written."""
        hook = self._config.hook.pytest_mmlubench_run_finished
        self._call(hook, lambda: hook(run=run, config=self._config))

    def manifest_facts(self) -> dict[str, Any]:
        """Return what implementations of `pytest_mmlubench_manifest_facts` add to the manifest."""
        hook = self._config.hook.pytest_mmlubench_manifest_facts
        facts: dict[str, Any] = {}
        self._call(hook, lambda: facts.update(_merged(hook(config=self._config))))
        return facts

    @property
    def failures(self) -> list[str]:
        """A sentence for each hook that failed."""
        times = {
            name: f" in {several(len(errors), 'case')}"
            for name, errors in self._failures.items()
            if errors[1:]
        }
        return [f"{name} failed{times.get(name, '')}: {errors[0]}" for name, errors in self._failures.items()]

    @cached_property
    def _has_case_hooks(self) -> bool:
        return bool(self._config.hook.pytest_mmlubench_case_finished.get_hookimpls())

    def _call(self, hook: Any, call: Callable[[], object]) -> None:
        try:
            call()
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
            self._failures.setdefault(hook.name, []).append(_in_words(error))


def _merged(returned: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for some in reversed(
        [*returned]
    ):  # pytest calls the nearest conftest first: its facts override the others
        facts.update(some or {})
    try:
        orjson.dumps(facts)
    except TypeError as error:
        raise UserError(
            f"what it returns cannot be written as JSON ({error}); return plain values."
        ) from None
    return facts


def _in_words(error: BaseException) -> str:
    """Return the error with the line of the user's code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    if isinstance(error, UserError):  # raised by our own code, whose line means nothing to the user
        where = ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"

"""The calls of the hooks in `hookspec.py`: an error in a hook is reported at the end, and the run loses nothing."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.jsonl import pretty
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
        self._call(hook, lambda: hook(run=run, config=self._config), is_over=True)

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

    def _call(self, hook: Any, call: Callable[[], object], *, is_over: bool = False) -> None:
        try:
            told = call()
            if told:  # what a plain hook returns goes nowhere
                _check_plain(told)
        except pytest.exit.Exception as error:
            if not is_over:  # the user wants the run to end
                raise
            self._failures.setdefault(hook.name, []).append(_in_words(error))
        except (Exception, SystemExit, pytest.fail.Exception, pytest.skip.Exception) as error:
            self._failures.setdefault(hook.name, []).append(_in_words(error))


def _check_plain(told: object) -> None:
    """Raise UserError if one of those called is async, so that nothing of it has run."""
    waiting = [some for some in told if inspect.iscoroutine(some)] if isinstance(told, list) else []
    for some in waiting:
        some.close()
    if waiting:
        raise UserError("it is async, and nothing awaits it; write it as a plain `def`.")


def _merged(told: Iterable[object]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    _check_plain(told)
    for some in reversed([*told]):  # pytest calls the nearest conftest first: its word goes before others
        if not isinstance(some, Mapping):
            raise UserError(f"what it returns is a {type(some).__name__}; return a dictionary, or None.")
        facts.update(some)
    try:
        orjson.dumps(facts)
        pretty(facts)  # which refuses NaN and infinity, that orjson makes null
    except (TypeError, ValueError) as error:
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

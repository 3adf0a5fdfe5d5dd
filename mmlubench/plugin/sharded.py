"""A shard of a run in pytest: one that is finished is not asked again, and one that gets finished is sealed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.plugin.option_names import usage_error
from mmlubench.plugin.process import Process
from mmlubench.plugin.xdist.controller import stopped_for
from mmlubench.run.run import Run
from mmlubench.run.shard_folder import finished
from mmlubench.run.shard_lock import ShardLock

if TYPE_CHECKING:
    from mmlubench.plugin.recording import Recording

#: The exit statuses of a run that was not stopped: all passed, tests failed, a hook of the user's failed.
_WHOLE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERNAL_ERROR)
#: Options that run a part of the tests, by what happened before, and their names in pytest.
_PARTS = {"--lf": "lf", "--sw": "stepwise"}


def finished_status(config: pytest.Config, process: Callable[[], Process]) -> int | None:
    """Say that the shard of this command line is finished, and return the exit status that it had; None if it is not.

    A shard that is not finished is locked until pytest ends. Raises UsageError if the finished shard is of another run,
    and if another process asks this one.
    """
    try:
        run = process().run
        if run.shard is None or run.settings.estimate or config.getoption("collectonly"):
            return None
        found = finished(run, selected_by(config))
        if found is None:
            _begin(config, run)
    except UserError as error:
        raise usage_error(config, error) from None
    if found is None:
        return None
    cases = several(found.values["rows"], "case")
    print(f"mmlubench: {found.shard.title} is finished: {found.path} has its {cases}, and nothing is asked")
    return found.status


def _begin(config: pytest.Config, run: Run) -> None:
    """Lock a shard until pytest ends. Raises UserError if another process asks it, or if a part of it is wanted.

    Options that leave out what passed before are refused: the merge would take the rest for the whole.
    """
    if run.settings.batch_requests is None:  # else it plans the batches of a process that has the lock
        lock = ShardLock(run)
        config.add_cleanup(lock.release)
        lock.take()
    given = [name for name, option in _PARTS.items() if getattr(config.option, option, False)]
    if given:
        raise UserError(
            f"{given[0]}: a shard asks all of its questions, as they count for the whole run; leave it out (the store "
            "keeps what was answered)."
        )


def selected_by(config: pytest.Config) -> dict[str, Any]:
    """Return what on the command line selects tests, besides our own options."""
    here = Path(config.invocation_params.dir)

    def short(argument: str) -> str:
        path = Path(argument)
        return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else argument

    option = config.option
    return {
        "keyword": option.keyword,
        "markexpr": option.markexpr,
        "tests": sorted(short(str(argument)) for argument in config.args),
    }


def seal(session: pytest.Session, process: Process, recording: Recording) -> None:
    """Seal the shard of a run that has ended with the exit status of the session, if it is whole. Raises OSError."""
    _, cut = process.shard_facts
    ledger = recording.ledger
    if not cut or session.shouldfail or stopped_for(session) or session.exitstatus not in _WHOLE:
        return
    if ledger.entries.is_finished:
        failed = max(session.testsfailed, ledger.failed_cases)
        ledger.seal(cut, selected_by(session.config), status=int(session.exitstatus), failed=failed)

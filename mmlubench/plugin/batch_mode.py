"""`--batch`: before the run itself, batches fill the store; the run then answers from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mmlubench.errors import MmluBenchError, UserError
from mmlubench.figures import several
from mmlubench.plugin.option_names import usage_error
from mmlubench.settings import Settings

if TYPE_CHECKING:
    from mmlubench.batch.rounds import Rounds

#: What a run gets as --max-cost when batches have spent all of it.
_NOTHING_LEFT = 1e-9


def fill(config: pytest.Config) -> int | None:
    """Fill the store by batches; return an exit status if the run cannot follow. Raises UsageError."""
    try:
        settings = Settings.read(config.option)
        if settings.batch_requests is not None or settings.estimate or config.getoption("collectonly"):
            return None
        return _fill(config, settings)
    except UserError as error:
        raise usage_error(config, error) from None


def _fill(config: pytest.Config, settings: Settings) -> int | None:
    # late: a pytest run without --batch must not pay for it
    from mmlubench.batch.progress import Line, told
    from mmlubench.batch.rounds import Rounds
    from mmlubench.run.by_batch import job_of
    from mmlubench.run.folder import make_parent

    make_parent(settings.run_dir)
    if settings.refresh and settings.refresh_since is None:
        config.option.mmlubench_refresh_since = f"{time.time():.3f}"
        settings = Settings.read(config.option)
    place = config.invocation_params
    line = Line()
    file = settings.batch_submit if settings.writes_batch_file else None
    is_only_sent = settings.batch_submit is not None
    try:
        job = job_of(settings, list(map(str, place.args)), Path(place.dir), offline=file is not None)
        rounds = Rounds(job, line.show, line.tell)
        if file is not None:
            return _write(rounds, Path(place.dir) / file, line.tell)
        report = asyncio.run(rounds.run(once=is_only_sent, wait=not is_only_sent))
    except KeyboardInterrupt:
        line.tell("stopped; batches that were sent go on, and the same command finds them again")
        return pytest.ExitCode.INTERRUPTED
    except UserError:
        raise
    except (MmluBenchError, OSError) as error:
        line.tell(f"batches: {error}; those that were sent go on, and the same command finds them again")
        return pytest.ExitCode.INTERRUPTED
    finally:
        line.end()
    for sentence in told(report):
        line.tell(sentence)
    if is_only_sent:
        if not report.rounds:
            line.tell("nothing is left to be sent: the run itself reads all replies from the store")
        return pytest.ExitCode.OK
    if not report.is_done:
        return pytest.ExitCode.INTERRUPTED
    if settings.max_cost is not None and settings.batch_rest == "ask":
        config.option.mmlubench_max_cost = repr(max(settings.max_cost - report.spent_usd, _NOTHING_LEFT))
    return None


def _write(rounds: Rounds, file: Path, tell: Callable[[str], object]) -> int:
    """Write the requests into a file for a server without a batch API."""
    # late: a pytest run without --batch must not pay for it
    from mmlubench.batch.offline import write_file

    with rounds.planned() as folders:
        if not folders:
            tell("nothing is left to be sent: the run itself reads all replies from the store")
            return pytest.ExitCode.OK
        count = write_file(folders, rounds.lanes, file)
    way = "their results come in by `mmlubench batch collect --from RESULTS`"
    tell(f"{several(count, 'request')} in {file}; {way}")
    return pytest.ExitCode.OK

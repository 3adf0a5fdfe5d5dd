"""`--cluster`: the shards of the run are asked by the machines of a cluster, and merged here into one run."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.errors import StoreError, UserError
from mmlubench.figures import several
from mmlubench.plugin.cluster_job import check_options, jobs_of, left_behind, project_of
from mmlubench.plugin.option_names import usage_error
from mmlubench.plugin.private_pytest import configured
from mmlubench.plugin.progress import Progress
from mmlubench.run.folder import make_parent
from mmlubench.run.run import Run
from mmlubench.run.sharding import FOLDER
from mmlubench.run.share import Share
from mmlubench.settings import Settings

if TYPE_CHECKING:
    from mmlubench.cluster.carrier import Outcome
    from mmlubench.cluster.desk import News
    from mmlubench.cluster.job import Brought
    from mmlubench.engine.store.sqlite import Store

#: Exit statuses with which a shard may have asked all of its questions.
_WHOLE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERNAL_ERROR)
#: Stores up to this size go along as a whole, of larger ones the replies of the models of the run: a model may have had
#: another name when it was asked.
_WHOLE_STORE = 256_000_000
#: What a shard says of its own folder, which is gone.
_OF_ANOTHER_FOLDER = ("run folder:", "to go on:", "=")
#: Seconds in which shards begin where the cluster has room for them.
_SETTLES_IN_S = 20.0


def carry_out(config: pytest.Config) -> int | None:
    """Run on the cluster, and return the exit status; None for what this process does itself. Raises UsageError."""
    try:
        settings = Settings.read(config.option)
        if settings.estimate or config.getoption("collectonly"):
            return None
        check_options(config, settings)
        with configured(config):
            return _Cluster(config, settings).run()
    except UserError as error:
        raise usage_error(config, error) from None


class _Cluster:
    """One run on a cluster, from the process that the user started."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        if settings.refresh and settings.refresh_since is None:
            # An attempt that replaces another one must not ask again what that one has refreshed.
            config.option.mmlubench_refresh_since = f"{time.time():.3f}"
            settings = Settings.read(config.option)
        self._config, self._settings = config, settings
        self._reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        self._run = Run(settings, Share())
        self._store: Store | None = None
        self._progress = Progress(self._reporter, 0)
        self._began = time.monotonic()
        self._answers = 0
        """The replies that have come from the machines."""
        self._spent = 0.0
        """US dollars that all shards have spent, as far as they have told."""

    def run(self) -> int:
        """Carry the shards out and merge them; return the exit status of the run. Raises UserError."""
        # late: a pytest run without --cluster must not pay for it
        from mmlubench.cluster.connecting import Connection

        settings = self._settings
        make_parent(settings.run_dir)
        for line in self._run.header():
            self._tell(line)
        with ExitStack() as stack:
            folder = Path(mkdtemp(prefix=".cluster-", dir=settings.run_dir))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            self._open_store(stack)
            # Ray prints pages about every worker that dies; our own lines go to the file that pytest has opened.
            nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
            connection = Connection.open(settings.cluster_address)
            stack.callback(connection.close)
            with _terminable():
                try:
                    outcome, total = self._carried(connection, folder)
                except KeyboardInterrupt:
                    self._progress.clear()
                    return self._stopped("stopped at once")
                except (StoreError, OSError) as error:  # such as a full disk
                    self._progress.clear()
                    return self._stopped(f"stopped, as what came cannot be kept ({error})")
            self._progress.clear()
            return self._ended(outcome, total, folder)

    def _carried(self, connection: Any, folder: Path) -> tuple[Outcome, int]:
        # late, as above
        from mmlubench.cluster.carrier import Carrier
        from mmlubench.cluster.placing import jobs_for
        from mmlubench.cluster.probe import probe
        from mmlubench.cluster.project import packed, unpack

        nodes = connection.nodes()
        total = self._settings.shards or jobs_for([node.cpus for node in nodes])
        project = project_of(self._config)
        is_shared = probe(connection, nodes, project)
        files = None if is_shared else packed(project, left_behind(self._config, self._settings))
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        jobs = jobs_of(self._config, self._run, total, run_id)
        where = several(len(nodes), "machine")
        self._tell(
            f"mmlubench: {several(total, 'shard')} on {where} of the Ray cluster at {connection.address}"
        )

        def ends(brought: Brought) -> bool:
            unpack(brought.files, folder)
            return not self._is_whole(brought)

        carrier = Carrier(connection, jobs, self._limits(), show=self._show, ends=ends)
        return carrier.carry(files, self._packs()), total

    def _limits(self) -> Mapping[str, Any]:
        """Return the limits of the whole run."""
        # late, as above
        from mmlubench.run.allotted import run_limits

        settings = self._settings
        given = self._config.option.mmlubench_concurrency is not None
        concurrency = settings.concurrency if given else None
        return run_limits(settings.max_cost, self._run.roster.all_specs, concurrency).to_dict()

    def _open_store(self, stack: ExitStack) -> None:
        if self._run.roster.has_store:
            # late, as above
            from mmlubench.engine.store.sqlite import Store

            self._store = Store.open(self._settings.store_path)
            stack.callback(self._store.close)

    def _packs(self) -> Iterator[bytes]:
        """Yield the replies of the user's store that the shards can need."""
        if self._store is None:
            return iter(())
        # late, as above
        from mmlubench.engine.store.carrying import packs_of

        path = self._settings.store_path
        is_large = path.stat().st_size > _WHOLE_STORE
        return packs_of(path, frozenset(self._run.roster.all_specs) if is_large else None)

    def _show(self, news: News, waiting: int) -> None:
        """Keep the replies that have come, and show how far all shards are."""
        # late, as above
        from mmlubench.engine.store.carrying import add

        if self._store is not None and news.packs:
            self._answers += add(self._store, news.packs)
        self._spent = news.spent_usd
        done: Counter[str] = Counter()
        for usage in news.usages.values():
            done.update(usage.done)
        told = [usage.told for usage in news.usages.values()]
        progress, is_waiting = self._progress, time.monotonic() - self._began > _SETTLES_IN_S
        progress.total = sum(int(one.get("total", 0)) for one in told)
        late = f"{several(waiting, 'shard')} not begun yet" if waiting and is_waiting else ""
        waits = dict.fromkeys(usage.waiting for usage in news.usages.values())
        progress.waiting = "; ".join(filter(None, (late, *waits)))
        if progress.total or progress.waiting:
            requests = sum(done.values()) if self._store is None else self._answers
            progress.replace(done, requests, news.spent_usd)

    def _ended(self, outcome: Outcome, total: int, folder: Path) -> int:
        """Merge what has come and tell what has not; return the exit status."""
        if outcome.restarts:
            again = several(outcome.restarts, "shard") + (" was" if outcome.restarts == 1 else " were")
            self._tell(
                f"{again} begun again, as a process or a machine died; replies that had come were kept"
            )
        for number, why in sorted(outcome.lost.items()):
            self._tell(f"shard {number + 1} of {total} has failed: {why}")
        if outcome.interrupted:
            return self._stopped("stopped")
        broken = [one for one in outcome.brought.values() if not self._is_whole(one) and not one.stopped]
        if any(one.status == pytest.ExitCode.TESTS_FAILED and _is_paid_out(one) for one in broken):
            return self._paid_out()
        if broken:
            return self._broken(broken[0])
        if not any(one.files for one in outcome.brought.values()):
            self._tell(f"no shard came to its end: {self._on()}")
            return int(pytest.ExitCode.INTERNAL_ERROR)
        return self._merged(folder, outcome)

    def _merged(self, folder: Path, outcome: Outcome) -> int:
        # late, as above
        from mmlubench.plugin.recording import print_run
        from mmlubench.run.merging.merge import merge

        settings, words = self._settings, map(str, self._config.invocation_params.args)
        names = ("store", "concurrency", "cluster", "cluster_address", "shards", "refresh_since")
        told = {name: getattr(settings, name) for name in names}
        merged = merge([str(folder / FOLDER)], None, ["pytest", *words], anew=settings.run_dir, told=told)
        print_run(self._reporter, merged.ledger, settings.desc or "")
        for line in dict.fromkeys(line for one in outcome.brought.values() for line in one.failed):
            self._tell(line)
        for shard in merged.missing:
            self._tell(f"missing: {shard.title}; {self._on()}")
        if outcome.lost:
            return int(pytest.ExitCode.TESTS_FAILED)
        return merged.status

    def _is_whole(self, brought: Brought) -> bool:
        """Whether a shard has a result for each of its cases."""
        return brought.status in _WHOLE and any(name.endswith("/shard.json") for name in brought.files)

    def _broken(self, brought: Brought) -> int:
        """Tell why a shard, and with it the run, has ended early: the others would have ended for the same reason."""
        if brought.status == pytest.ExitCode.USAGE_ERROR:
            raise UserError(_where(brought) + " ".join(brought.said))
        self._tell(
            f"shard {brought.number + 1} on {brought.node} ended (status {brought.status}) before all of its cases had "
            "results, and the others were stopped; it said:"
        )
        said = [line for line in brought.said if not line.startswith(_OF_ANOTHER_FOLDER)]
        for line in said[-1:] if brought.status == pytest.ExitCode.NO_TESTS_COLLECTED else said:
            self._tell(f"  {line}")
        self._tell(self._on())
        return brought.status if brought.status > 0 else int(pytest.ExitCode.INTERNAL_ERROR)

    def _paid_out(self) -> int:
        """Tell that the budget is spent, and return the exit status that the run without a cluster would have."""
        self._tell(
            f"--max-cost {self._settings.max_cost:g}: ${self._spent:.4g} is spent by all shards, and one more request "
            f"might go beyond that; {self._on()} if it may cost more; what came is shown by the command with --cluster "
            "none and --max-cost 1e-9"
        )
        return int(pytest.ExitCode.TESTS_FAILED)

    def _stopped(self, how: str) -> int:
        self._tell(f"{how}; {self._on()}")
        return int(pytest.ExitCode.INTERRUPTED)

    def _on(self) -> str:
        """Say how the run goes on, as half a sentence."""
        if self._store is None:
            return "the same command begins anew, as replies of mocks are not kept"
        if not self._answers:
            return "no new reply has come"
        replies = several(self._answers, "reply", "replies")
        return (
            f"{replies} of this run are in {self._settings.store_path}, and the same command goes on, asking none of "
            "them again"
        )

    def _tell(self, line: str) -> None:
        self._progress.announce(line)


def _is_paid_out(brought: Brought) -> bool:
    """Whether a shard has ended because of the budget."""
    return any("--max-cost" in line for line in brought.said)


def _where(brought: Brought) -> str:
    """Say on which machine an error arose, if it is another one: what is outside of the project may lack there."""
    # late: only here
    import socket

    if brought.node == socket.gethostname():
        return ""
    return f"on {brought.node}, which gets the project's folder and nothing else: "


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM stop the run as Ctrl-C does, within the context: Ray has a handler that ends the process."""
    # late: only here
    import signal

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

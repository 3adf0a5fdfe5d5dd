"""What runs on a machine of the cluster: pytest as a process of its own, and the bridge between it and the desk.

In process it would share modules and plugins with earlier tasks, as Ray uses its workers again.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

from mmlubench.cluster.desk import Beginning, Word
from mmlubench.cluster.job import HOME, OUTPUT, PROJECT, RESULTS, STORE, Brought, Job, Usage
from mmlubench.cluster.project import Files, collected, mark_of, unpack
from mmlubench.cluster.watch import Watch
from mmlubench.engine.store.carrying import Tap, add
from mmlubench.engine.store.sqlite import Store
from mmlubench.jsonl import write_atomic
from mmlubench.locks import Locks
from mmlubench.private import make_folder

#: Seconds between two looks at the process and its store.
_EVERY_S = 0.5
#: Seconds that the desk may take to answer; what it was to be told is told again.
_PATIENCE_S = 30.0
#: Seconds that a process has to end after it was told to, before it is killed.
_ENDS_IN_S = 30.0
#: The last lines of the output that are brought back.
_LAST_LINES = 12
#: How often a job is begun again after a signal has ended its pytest; a crash may come again each time.
_DEATHS = 3
#: The argument of prctl(2) that names the signal which a process gets when its parent has died.
_PARENT_DEATH = 1
#: Loaded before a fork, behind which little is safe to do.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ProcessDied(Exception):
    """A signal has ended pytest, as a machine without memory sends it: the job is begun again."""


def carry_out(job: Job, desk: Any, project: Files | None, *packs: bytes) -> Brought:
    """Execute a job on this machine. `packs` are replies of the user's store, `project` the files of the project.

    An earlier attempt on this machine may have left its store, which is used; all else begins anew. Raises OSError.
    """
    locks = Locks()
    home = _home(job, locks)
    try:
        return _carried_out(job, home, _Link(desk, job.number), project, packs)
    finally:
        locks.release()


def _carried_out(
    job: Job, home: Path, link: _Link, project: Files | None, packs: tuple[bytes, ...]
) -> Brought:
    watch = Watch(home)
    with closing(Store.open(home / STORE)) as store:
        beginning = link.begin()
        add(store, (*packs, *beginning.packs))
    watch.begin(beginning.allotment)
    folder = _project(job, project, home)
    with closing(_tap(home)) as tap, (home / OUTPUT).open("w+b") as output:
        process = _started(job, home, folder, output)
        try:
            stopped = _attend(process, tap, watch, link)
        finally:
            _end(process)
        status = process.wait()
        for pack in tap.rest():
            link.report([pack], None)
        link.report([], watch.usage(), ended=True)
        said, failed = _said(output, status)
    if status < 0 and not stopped and link.attempt <= _DEATHS:
        raise ProcessDied(f"a signal ended pytest ({-status})")
    files = collected(home / RESULTS, job.brings)
    shutil.rmtree(home, ignore_errors=True)
    return Brought(job.number, status, files, said, failed, stopped, socket.gethostname())


def _home(job: Job, locks: Locks) -> Path:
    """Return the job's own folder, which an attempt that is still there does not share with its successor."""
    home = Path(tempfile.gettempdir()) / f"mmlubench-{job.run}-{job.number}"
    held = home / "held"  # not the folder itself, which is locked while a store is opened in it
    make_folder(home)
    make_folder(held)
    if not locks.take(held):
        return Path(tempfile.mkdtemp(prefix=f"{home.name}-"))
    shutil.rmtree(home / RESULTS, ignore_errors=True)
    return home


def _tap(home: Path) -> Tap:
    """Return the tap of the job's store; one that an earlier attempt has left may have replies that nobody got."""
    begun = home / "begun"
    tap = Tap(home / STORE, int(begun.read_text("ascii")) if begun.is_file() else None)
    write_atomic(begun, str(tap.at))
    return tap


class _Link:
    """The way to the desk, which an attempt opens by `begin`."""

    def __init__(self, desk: Any, number: int) -> None:
        self._desk, self._number = desk, number
        self.attempt = 0
        self._waiting: list[bytes] = []
        """Packs of which it is not certain that the desk has them."""

    def begin(self) -> Beginning:
        import ray

        beginning: Beginning = ray.get(self._desk.begin.remote(self._number, socket.gethostname()))
        self.attempt = beginning.attempt
        return beginning

    def report(self, packs: list[bytes], usage: Usage | None, *, ended: bool = False) -> Word:
        """Send what is new; return whether to end, and the new share of limits. Raises RayActorError."""
        import ray

        self._waiting += packs
        sent = [*self._waiting]
        try:
            reply = self._desk.bring.remote(self._number, self.attempt, sent, usage, ended=ended)
            word: Word = ray.get(reply, timeout=_PATIENCE_S)
        except ray.exceptions.GetTimeoutError:
            return Word(stop=False, allotment=None)
        self._waiting = self._waiting[len(sent) :]
        return word


def _attend(process: subprocess.Popen[bytes], tap: Tap, watch: Watch, link: _Link) -> bool:
    """Report what a process does until it ends; return whether it was told to end."""
    stopped_at: float | None = None
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_EVERY_S)
        ended = process.poll() is not None
        pack = tap.news()
        word = link.report([pack] if pack else [], watch.usage())
        if ended:
            return stopped_at is not None
        watch.allot(word.allotment)
        if word.stop and stopped_at is None:
            stopped_at = time.monotonic()
            process.send_signal(signal.SIGINT)
        if stopped_at is not None and time.monotonic() - stopped_at > _ENDS_IN_S:
            process.kill()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that is still there, as the task itself ends."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_ENDS_IN_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _project(job: Job, files: Files | None, home: Path) -> Path:
    """Return the folder of the project on this machine: its own where it is there, else a copy."""
    folder = Path(job.project)
    if files is None or (job.mark is not None and mark_of(folder) == job.mark):
        return folder
    copy = home / "project"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(mode=0o700)
    unpack(files, copy)
    return copy


def _started(job: Job, home: Path, folder: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    words = [word.replace(HOME, str(home)).replace(PROJECT, str(folder)) for word in job.words]
    is_at_home = folder == Path(job.project)
    env = {**os.environ, **job.always, **(job.at_home if is_at_home else {}), job.told_in: str(home)}
    where = folder / job.below
    where.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *words],
        cwd=where,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_prepare if os.name == "posix" else None,
    )


def _prepare() -> None:
    """Let a new process hear Ctrl-C, which Ray's workers block, and on Linux let it die with its worker.

    Otherwise it would ask on, and be paid for, beside the attempt that replaces it.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _LIBC is not None:
        _LIBC.prctl(_PARENT_DEATH, signal.SIGKILL)


def _said(output: IO[bytes], status: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the errors that pytest told, or the end of its output; and its lines about failed tests."""
    output.seek(0)
    lines = [line.rstrip() for line in output.read().decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    failed = tuple(line for line in lines if line.startswith(("FAILED ", "ERROR ")))
    return (tuple(errors or lines[-_LAST_LINES:]), failed) if status else ((), ())

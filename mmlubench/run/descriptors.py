"""File descriptors: every request in flight holds one, and a process is allowed only so many."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

#: The descriptors that are left for anything but requests: files of pytest and of the run, the store, host names.
_BESIDE = 48
#: Linux and macOS list a process's open descriptors in one of these folders.
_LISTS = ("/proc/self/fd", "/dev/fd")


def room(wanted: int) -> int:
    """Return how many requests may be in flight, `wanted` or fewer, and at least 1.

    The process's own limit (`ulimit -S -n`) is raised as far as needed and allowed (`ulimit -H -n`).
    """
    try:
        import resource  # late: Windows has neither this module nor this limit
    except ImportError:
        return wanted
    beside = _open_now() + _BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft not in (resource.RLIM_INFINITY, -1) and soft < beside + wanted:
        most = beside + wanted if hard in (resource.RLIM_INFINITY, -1) else min(hard, beside + wanted)
        with suppress(OSError, ValueError):  # macOS allows fewer than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
            soft = max(soft, most)
        return max(1, min(wanted, soft - beside))
    return wanted


def _open_now() -> int:
    for folder in _LISTS:
        with suppress(OSError):
            return sum(1 for _ in Path(folder).iterdir())
    return 0

"""The state of a run: its manifest alone does not tell, as a run that was killed had no time to change it."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

from mmlubench.records import BROKEN_OFF, FINISHED, RUNNING, Manifest


def state_of(manifest: Manifest, *, is_summed_up: bool) -> str:
    """Return whether a run is `running`, `finished` or `broken off`; `is_summed_up` says that it has its summary."""
    if is_summed_up:
        return manifest.state if manifest.state in (FINISHED, BROKEN_OFF) else FINISHED
    return RUNNING if manifest.state == RUNNING and _is_alive(manifest.process) else BROKEN_OFF


def _is_alive(process: Mapping[str, Any]) -> bool:
    """Whether a process of this host exists; one of another host cannot be asked for, and counts as gone."""
    pid = process.get("pid")
    if process.get("host") != platform.node() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # it exists, and is another user's
        return True
    except (OSError, OverflowError):
        return False
    return True

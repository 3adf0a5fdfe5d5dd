"""Environments of servers that cannot live in ours: each is made once, by pip, under `.venv-servers`, and kept."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
HOME = Path(os.environ.get("MMLUBENCH_SERVERS") or ROOT / ".venv-servers")
INSTALL_S = 1500
#: How pip says that no registry could be reached, as opposed to one that has no such package.
NO_REGISTRY = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Max retries exceeded|ProxyError"
    r"|Temporary failure in name resolution|Name or service not known|Connection (refused|reset|broken)"
)
#: It says so, too, where it has this package for no such machine.
NO_PACKAGE = re.compile(r"No matching distribution found|from versions: none")


def environment(name: str, *installs: Sequence[str]) -> Path:
    """The Python of the environment of that name, with what these arguments of `pip install` put there, in turn.

    Skips where no registry can be reached, or none has the packages for this machine; any other failure is one.
    """
    folder = HOME / name
    made_of, wanted = folder / "made-of.txt", recipe(installs)
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # xdist's workers all come here; the lock ends with its process
        if not made_of.is_file() or made_of.read_text() != wanted:
            _run(f"make {folder}", [sys.executable, "-m", "venv", "--clear", str(folder)])
            pip = [
                str(folder / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
            ]
            for arguments in installs:
                # Compiled when first used: most of what these packages hold never is.
                _run(f"install {name}", [*pip, "--no-compile", "--retries", "2", *arguments])
            made_of.write_text(wanted)
    return folder / "bin" / "python"


def recipe(installs: Sequence[Sequence[str]]) -> str:
    """All that decides what an environment holds: another Python or another pin makes it anew."""
    texts = [
        Path(word).read_text() if word.endswith(".txt") else word for words in installs for word in words
    ]
    return "\n".join([sys.version.split()[0], *texts])


def unavailable(reason: str) -> NoReturn:
    """Skip; or fail, where .ci/run says that this machine can have all the servers."""
    if os.environ.get("MMLUBENCH_NEEDS_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)


def _run(what: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail(f"could not {what} within {INSTALL_S} s")
    if done.returncode:
        said = done.stderr.strip()
        reason = f"could not {what}: {(said.splitlines() or ['it said nothing'])[-1]}"
        if NO_REGISTRY.search(said):
            unavailable(f"no package registry can be reached: {reason}")
        if NO_PACKAGE.search(said):
            unavailable(f"there is no package for this machine: {reason}")
        pytest.fail(reason)

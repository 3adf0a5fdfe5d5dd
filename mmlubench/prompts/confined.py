"""Templates that may take any time and memory, filled in by a child process with limits on both.

Jinja2's sandbox keeps a template away from Python, but not from doubling a text forty times. Only templates that are
not plain (`plain.py`) come here: each prompt takes 0.1 ms more. One child serves all of a process.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateSyntaxError

from mmlubench.prompts.carried import packed

#: The most processor time of one prompt in seconds, and the most memory of the child in bytes.
CPU_S, MEMORY = 2.0, 1 << 30
#: The most seconds to wait for the child on a busy machine, or on a system that does not limit processor time.
_WAIT_S = 60.0
_TOO_MUCH = f"it takes more than {CPU_S:.0f} s of processor time, or {MEMORY >> 30} GB of memory"
_START = (
    "import sys; sys.path[:] = {path!r}; from mmlubench.prompts.confined_child import main; main({limits!r})"
)


class TooMuch(Exception):
    """A template that needs more time or memory than any prompt is worth."""


@dataclass(frozen=True)
class Confined:
    """A template that is filled in by the child."""

    template: str

    def render(self, values: Mapping[str, Any]) -> str:
        """Fill in the variables. Raises TooMuch, TemplateSyntaxError, or ValueError with the words of another error."""
        return _ask("fill", self.template, dict(values))

    def names(self) -> set[str]:
        """Return the names of the variables that the template needs. Raises the same."""
        return set(_ask("names", self.template, {}).split())


def _ask(what: str, template: str, values: dict[str, Any]) -> str:
    with _lock:
        if template in _refused:  # it would take the time of another child for every question
            raise TooMuch(_TOO_MUCH)
        message = packed({"what": what, "template": template, "values": values}).encode()
        kind, text = _answered(message) or _answered(message) or ("too much", "")
        if kind == "too much":
            _refused.add(template)
            raise TooMuch(_TOO_MUCH)
    if kind.startswith("syntax"):
        raise TemplateSyntaxError(text, int(kind.split()[1]))
    if kind != "done":
        raise ValueError(text)
    return text


def _answered(message: bytes) -> tuple[str, str] | None:
    """Return the kind and text of the child's answer; None if something else than its limits has ended it."""
    global _child
    if _child is None or _child.owner != os.getpid():  # a forked process must not read another's answers
        _child = _Child()
    try:
        return _child.ask(message)
    except TimeoutError:
        _drop(_child)
        return "too much", ""
    except (OSError, EOFError):
        return ("too much", "") if _drop(_child) == -signal.SIGPROF else None
    except (
        BaseException
    ):  # Ctrl-C: the answer that is still to come would be taken for that of the next question
        _drop(_child)
        raise


def _drop(child: _Child) -> int | None:
    global _child
    _child = None
    return child.close()


class _Child:
    """The child process, and the pipes to it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        code = _START.format(path=sys.path, limits=(CPU_S, MEMORY))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the run, which then summarizes
        )
        atexit.register(self.close)

    def ask(self, message: bytes) -> tuple[str, str]:
        """Send a request and return the kind of the answer and its text. Raises OSError or EOFError if it ended.

        Raises TimeoutError, which is an OSError, if it does not answer.
        """
        sent, got = self._process.stdin, self._process.stdout
        assert sent is not None  # both are pipes
        assert got is not None
        sent.write(len(message).to_bytes(8, "big") + message)
        sent.flush()
        waiting = select.poll()  # not `select.select`, which knows no more than 1,024 files
        waiting.register(got, select.POLLIN)
        if not waiting.poll(_WAIT_S * 1000):
            raise TimeoutError
        size = int.from_bytes(_exactly(got, 8), "big")
        kind, _, text = _exactly(got, size).decode("utf-8", "surrogatepass").partition("\n")
        return kind, text

    def close(self) -> int | None:
        """End the child and return how it ended; of a forked process, close only its copies of the pipes."""
        atexit.unregister(self.close)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # it holds what the child did not read
                    pipe.close()
        if self.owner != os.getpid():
            return None
        try:  # one that is at its end tells why
            return self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _exactly(pipe: Any, size: int) -> bytes:
    found: bytes = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


_child: _Child | None = None
_refused: set[str] = set()
_lock = threading.Lock()

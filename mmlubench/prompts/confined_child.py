"""The child process that fills in templates which are not plain: `confined.py` starts it and talks to it by pipes."""

from __future__ import annotations

import signal
import sys
from typing import Any

from jinja2 import TemplateSyntaxError

from mmlubench.prompts import template as templates
from mmlubench.prompts.carried import unpacked


def main(limits: tuple[float, int]) -> None:
    """Answer requests until the other end closes; `limits` are seconds of processor time each, and bytes of memory."""
    seconds, memory = limits
    _limit_memory(memory)
    put_in, put_out = sys.stdin.buffer, sys.stdout.buffer
    while len(head := put_in.read(8)) == 8:
        message = put_in.read(int.from_bytes(head, "big"))
        # At the end of the time the signal ends this process, whatever it does.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = "\n".join(_answer(**unpacked(message.decode()))).encode("utf-8", "surrogatepass")
        signal.setitimer(signal.ITIMER_PROF, 0)
        put_out.write(len(answer).to_bytes(8, "big") + answer)
        put_out.flush()


def _limit_memory(memory: int) -> None:
    import resource  # late: there is none on Windows

    try:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):  # macOS does not limit it; the time bounds it there
        pass


def _answer(what: str, template: str, values: dict[str, Any]) -> tuple[str, str]:
    """Return the kind of the answer, `done`, `failed`, `too much` or `syntax` with a line, and its text."""
    try:
        if what == "names":
            return "done", " ".join(templates.names_here(template))
        return "done", templates.render_here(template, values)
    except MemoryError:
        return "too much", ""
    except TemplateSyntaxError as error:
        return f"syntax {error.lineno}", error.message or ""
    except Exception as error:  # a template is its author's program: it can raise anything
        return "failed", str(error) or type(error).__name__

"""A command that is killed, at any point, finds its batches again: nothing is paid for twice, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.batch.conftest import Place

#: The request at which the client dies, how many of its kind go before, and whether it was carried out by then.
POINTS = {
    "before anything is sent": ("POST", "first", 0, "before"),
    "between the request and its answer": ("POST", "batches", 0, "after"),
    "between two batches": ("POST", "batches", 1, "before"),
    "while it waits": ("GET", "batch_", 1, "after"),
    "while it collects": ("GET", "results", 1, "after"),
}


@pytest.mark.long  # five processes each
@pytest.mark.parametrize("model", ["oai", "claude"])
@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_paid_twice(
    place: Place, alike: Callable[[list[dict[str, Any]], list[dict[str, Any]]], None], point: str, model: str
) -> None:
    method, part, skip, moment = POINTS[point]
    is_openai = model == "oai"
    part = {
        "first": "files" if is_openai else "batches",
        "results": "files/" if is_openai else "results",
    }.get(part, part)
    command = [sys.executable, "-m", "pytest", *place.arguments("--batch", model=model)]
    seen = [0]
    with subprocess.Popen(
        command, cwd=place.pytester.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:

        def on_request(what: str, when: str) -> None:
            if when == moment and what.startswith(method) and part in what:
                seen[0] += 1
                if seen[0] == skip + 1:
                    os.kill(run.pid, signal.SIGKILL)

        place.fake.on_request = on_request
        run.wait(60)
    place.fake.on_request = lambda _what, _when: None
    assert run.returncode == -signal.SIGKILL
    again = place.run("--batch", model=model)
    assert again.ret in (0, 1)
    assert place.fake.interactive == []
    paid = place.fake.paid
    assert (len(paid), set(paid.values())) == (20, {1})
    place.run("--batch", model=model)  # killed after the end: everything is in the store
    assert place.fake.paid == paid
    place.run(model=model, store="plain")
    alike(place.results(), place.results("plain"))

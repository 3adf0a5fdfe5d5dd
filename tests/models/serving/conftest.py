"""Canned servers, each closed when its test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.routed_server import Routed, Routes


@pytest.fixture
def serve() -> Iterator[Callable[[Routes], Routed]]:
    running: list[Routed] = []

    def start(routes: Routes) -> Routed:
        running.append(Routed(dict(routes)))
        return running[-1]

    yield start
    for one in running:
        one.server.shutdown()
        one.server.server_close()

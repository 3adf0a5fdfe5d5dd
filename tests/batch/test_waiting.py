"""How long batches are waited for, and how often they are looked at; in virtual time, so that a day takes no time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmlubench.batch import dispatch as module
from mmlubench.batch.dispatch import Dispatch
from mmlubench.batch.folder import Folder
from mmlubench.batch.http import BatchHttp
from mmlubench.batch.lane import Lane
from mmlubench.batch.purse import Purse
from mmlubench.batch.rows import Row, of_openai
from mmlubench.batch.services.base import Look, Outgoing, Seen, Service
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import Overloaded, ProviderError
from mmlubench.models.names.from_entry import from_name
from perf.virtual_time import VirtualLoop
from tests.batch.conftest import asked_of

DAY_S = 86_400.0


class Script(Service):
    """A service that is asked over no network: each look takes the next entry, and the last one for ever."""

    def __init__(self, http: BatchHttp, loop: VirtualLoop, looks: Sequence[Look | ProviderError]) -> None:
        super().__init__(http)
        self._loop, self._looks = loop, list(looks)
        self.looked_at: list[float] = []
        self.started = 0

    async def start(self, out: Outgoing, prepared: str) -> str:
        self.started += 1
        self._sent = [custom_id for custom_id, _ in out.rows]
        return "batch_1"

    async def look(self, batch_id: str) -> Look:
        self.looked_at.append(self._loop.time())
        found = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(found, ProviderError):
            raise found
        return found

    async def recent(self, since: float) -> list[Seen]:
        return []

    def read(self, line: Mapping[str, Any]) -> Row:
        return of_openai(line)

    async def results(self, batch_id: str, files: Sequence[str], to: Path) -> Iterator[Row]:
        told = {"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}]}
        rows = [{"custom_id": one, "response": {"status_code": 200, "body": told}} for one in self._sent]
        return map(of_openai, rows)

    @property
    def pauses(self) -> list[float]:
        return [late - early for early, late in zip(self.looked_at, self.looked_at[1:], strict=False)]


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    monkeypatch.setattr(time, "monotonic", made.time)
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 1.0)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 60.0)
    yield made
    made.close()


@pytest.fixture
def play(loop: VirtualLoop, tmp_path: Path) -> Iterator[Any]:
    """Dispatch ten requests to a service that tells this; return it, the dispatch, and whether all is done."""
    stores = []

    def run(*looks: Look | ProviderError, seconds: float) -> tuple[Script, bool]:
        spec = from_name("openai/m@http://127.0.0.1:9/v1")
        assert spec is not None
        plain = Lane.open(spec, {})
        assert plain.service is not None
        script = Script(plain.service.http, loop, looks)
        (tmp_path / "batches").mkdir()
        asked = [asked_of(plain, number) for number in range(3)]
        folder = Folder.create(tmp_path / "batches", asked, {"label": spec.label})
        stores.append(Store.open(tmp_path / "store.sqlite"))
        lane = Lane(spec, plain.model, script)
        made = Dispatch(folder, lane, stores[-1], Purse(None))
        return script, loop.run_until_complete(made.run(loop.time() + seconds))

    yield run
    for store in stores:
        store.close()


UNDER_WAY, ENDED = Look(False), Look(True, done=3, files=("f",))


def test_looks_come_less_and_less_often_and_at_least_every_minute(play: Any) -> None:
    script, is_done = play(*[UNDER_WAY] * 40, ENDED, seconds=DAY_S)
    assert is_done
    assert script.pauses[0] < 3
    assert script.pauses == pytest.approx(sorted(script.pauses))
    assert script.pauses[-1] == pytest.approx(60.0)


def test_a_provider_that_wants_to_be_asked_later_is_asked_later(play: Any) -> None:
    script, is_done = play(*[Look(False, wait_s=90.0)] * 5, ENDED, seconds=DAY_S)
    assert is_done
    assert script.pauses == [90.0] * 5


def test_a_refusal_with_a_pause_is_heeded(play: Any) -> None:
    script, is_done = play(UNDER_WAY, Overloaded("slow", retry_after_s=300.0), ENDED, seconds=DAY_S)
    assert is_done
    assert script.pauses[1] == 300.0


def test_a_batch_that_never_ends_is_waited_for_no_longer_than_was_said(play: Any, loop: VirtualLoop) -> None:
    started = loop.time()
    script, is_done = play(UNDER_WAY, seconds=DAY_S)
    assert not is_done
    assert loop.time() - started == pytest.approx(DAY_S, abs=1)
    assert script.started == 1
    assert len(script.looked_at) < 1_500  # one a minute


def test_a_provider_that_is_away_is_waited_for_an_hour(play: Any, loop: VirtualLoop) -> None:
    started = loop.time()
    with pytest.raises(ProviderError, match="away"):
        play(UNDER_WAY, Overloaded("away"), seconds=DAY_S)
    assert 3600 < loop.time() - started < 3800

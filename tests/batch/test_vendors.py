"""The batch APIs of Together and OpenRouter, against stand-ins in the shapes of their references and SDKs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mmlubench.batch.collecting import AGAIN, FINAL
from mmlubench.batch.folder import PLANNED, SENDING, Part
from mmlubench.batch.lane import Lane
from mmlubench.batch.services.inline import OpenRouterBatches
from mmlubench.batch.services.together import TogetherBatches
from mmlubench.errors import ModelError, UserError
from mmlubench.models.names.from_entry import from_name
from tests.batch.conftest import Way, way_to
from tests.batch.stand_ins import OpenRouter, StandIn, Together

KEY = "sk-very-secret-0123456789"


def opened(stand_in: StandIn, client: str, path: Path) -> Way:
    """The way of a vendor's model to its stand-in, with a key."""
    way = way_to(f"{client}/m@{stand_in.url}/v1", path)
    spec = replace(way.lane.spec, api_key_env="ANY_KEY")
    way.lane = Lane.open(spec, {"ANY_KEY": KEY})
    return way


@pytest.fixture
def together(tmp_path: Path) -> Iterator[tuple[Way, Together]]:
    with Together() as stand_in:
        yield opened(stand_in, "together", tmp_path), stand_in


@pytest.fixture
def openrouter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Way, OpenRouter]]:
    monkeypatch.setattr(OpenRouterBatches, "bounds", TogetherBatches.bounds)
    with OpenRouter() as stand_in:
        yield opened(stand_in, "openrouter", tmp_path), stand_in


def test_together_takes_files_by_a_signed_address_that_gets_no_key(together: tuple[Way, Together]) -> None:
    way, stand_in = together
    way.go()
    assert (way.stored, way.kinds) == (7, [AGAIN] * 3)  # a row of each batch was refused for its rate
    assert (len(stand_in.batches), stand_in.purposes) == (3, {"batch-api"})
    assert len(stand_in.asked) == len(set(stand_in.asked)) == 10
    assert stand_in.keys == {"vendor": {f"Bearer {KEY}"}, "storage": set()}
    assert any("PUT" in seen and "X-Amz-Signature=a%2Fb%3D" in seen for seen in stand_in.seen)


def test_together_is_not_paid_twice_after_a_kill_at_either_side_of_a_start(
    together: tuple[Way, Together],
) -> None:
    way, stand_in = together
    way.folder.parts = [Part(0, 10)]
    way.folder.save()
    way.go()
    (file_id,) = stand_in.ready
    way.folder.parts = [Part(0, 10, SENDING, file_id=file_id, begun=time.time())]  # its answer never came
    way.folder.save()
    way.go()
    assert (len(stand_in.batches), way.folder.parts[0].batch_id) == (1, "b-1")
    way.folder.parts = [Part(0, 10, PLANNED)]  # the file is there already
    way.folder.save()
    way.go()
    assert stand_in.ready == {file_id}


@pytest.mark.parametrize("has_pages", [True, False])
def test_openrouter_gives_its_results_in_pages_or_in_the_batch(
    openrouter: tuple[Way, OpenRouter], has_pages: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmlubench.batch.dispatch._UNKNOWN_S", 60.0)
    way, stand_in = openrouter
    stand_in.has_pages = has_pages
    way.go()
    assert (way.stored, way.kinds) == (7, [FINAL] * 3)
    assert len(stand_in.asked) == len(set(stand_in.asked)) == 10
    asked = stand_in.batches["batch_1"]["asked"]
    assert list(asked) == ["endpoint", "model", "provider", "requests"]
    assert asked["provider"] == {"allow_fallbacks": False}
    assert {key.split(".")[0] for key in (b["key"] for b in stand_in.batches.values())} == {
        way.folder.path.name
    }


def test_openrouter_is_found_among_the_pages_of_its_list(
    openrouter: tuple[Way, OpenRouter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmlubench.batch.dispatch._UNKNOWN_S", 60.0)
    way, stand_in = openrouter
    way.go()
    first = way.folder.parts[0].batch_id
    way.folder.parts[0] = Part(0, 4, SENDING, begun=time.time())  # its answer never came
    way.folder.save()
    way.go()
    assert (len(stand_in.batches), way.folder.parts[0].batch_id) == (3, first)


def test_openrouter_says_why_a_batch_failed(
    openrouter: tuple[Way, OpenRouter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmlubench.batch.dispatch._UNKNOWN_S", 60.0)
    way, stand_in = openrouter
    stand_in.state = "failed"
    with pytest.raises(UserError, match="no provider takes it"):
        way.go()


def test_gemini_has_none_that_is_spoken_here() -> None:
    spec = from_name("gemini/gemini-3-flash")
    assert spec is not None
    with pytest.raises(
        ModelError, match=r"gemini, whose batch API takes the files .* another protocol.*--batch-file"
    ):
        Lane.open(spec, {"GEMINI_API_KEY": KEY})

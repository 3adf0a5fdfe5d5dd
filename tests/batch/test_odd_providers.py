"""What providers were seen to do beside their documentation: nothing is paid for twice, and no reply is lost."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mmlubench.batch import dispatch
from mmlubench.batch.folder import SENDING, Folder, Part
from mmlubench.errors import ProviderError, UserError
from tests.batch.conftest import Way
from tests.batch.fake_batches import FakeBatches

Instead = tuple[int, Any, dict[str, str]]
NOT_FOUND: Instead = (404, {"error": {"message": "no such batch"}}, {})


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may pass is waited for, however slow this machine is."""
    monkeypatch.setattr(dispatch, "_ROWS_S", 60.0)
    monkeypatch.setattr(dispatch, "_UNKNOWN_S", 60.0)


def first(times: int, part: str, answer: Instead) -> Any:
    """Answers so often in place of the requests that have this in their path."""
    left = [times]

    def instead(what: str) -> Instead | None:
        if part not in what or left[0] == 0:
            return None
        left[0] -= 1
        return answer

    return instead


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("part", ["/batch_1", "of-batch_1", "batch_1/results"])
def test_a_batch_or_its_results_may_be_unknown_for_a_moment(way: Way, fake: FakeBatches, part: str) -> None:
    fake.instead = first(3, part, NOT_FOUND)
    way.go()
    assert way.stored == 10
    assert set(fake.paid.values()) == {1}


def test_a_batch_that_is_gone_for_good_is_given_up_by_the_user_alone(way: Way, fake: FakeBatches) -> None:
    fake.instead = lambda what: NOT_FOUND if what.startswith("GET") else None
    with pytest.raises(ProviderError, match=f"mmlubench batch forget {way.folder.path.name}"):
        way.go()
    assert set(fake.paid.values()) == {1}
    (folder,) = Folder.open_all(way.folder.path.parent)
    assert folder.forget() == 10
    assert folder.is_done


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("way", ["openai"], indirect=True)
def test_files_that_come_after_the_end_of_a_batch_are_waited_for(way: Way, fake: FakeBatches) -> None:
    fake.looks_until_files = 2
    way.go()
    assert (way.stored, len(fake.batches)) == (10, 3)


@pytest.mark.parametrize("way", ["openai"], indirect=True)
def test_answered_rows_that_are_never_given_are_not_paid_for_again(way: Way, fake: FakeBatches) -> None:
    fake.looks_until_files = 10**9
    with pytest.raises(
        ProviderError, match="4 answered requests, of which its results lack 4; if this lasts"
    ):
        way.go()
    assert len(fake.batches) == 3
    fake.looks_until_files = 0
    way.go()
    assert (way.stored, len(fake.batches)) == (10, 3)


@pytest.mark.usefixtures("patient")
def test_results_that_are_cut_off_are_fetched_again(way: Way, fake: FakeBatches) -> None:
    cuts = iter([40, 40])
    fake.garble = lambda content: content[: -next(cuts, 0) or None]
    way.go()
    assert way.stored == 10
    assert set(fake.paid.values()) == {1}
    assert way.purse.spent == 0


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_goes_wrong_loses_no_batch(way: Way, fake: FakeBatches, hours: int) -> None:
    """The id of the first batch was never written, and its provider's clock is hours away from ours."""
    folder = way.folder
    folder.parts = [Part(0, 4, SENDING, begun=time.time()), Part(4, 6)]
    folder.save()
    is_anthropic = way.lane.spec.client == "anthropic"
    rows = [
        {"custom_id": folder.custom_id(one), "params" if is_anthropic else "body": one.body}
        for one in folder.asked[:4]
    ]
    name = {} if is_anthropic else {"mmlubench": folder.name_of(folder.parts[0])}
    fake.make(rows, name).created = time.time() + hours * 3600
    way.go()
    assert way.stored == 10
    assert set(fake.paid.values()) == {1}


@pytest.mark.parametrize("way", ["openai"], indirect=True)
def test_a_batch_is_found_by_its_file_where_no_name_is_kept(way: Way, fake: FakeBatches) -> None:
    folder = way.folder
    folder.parts = [Part(0, 10, SENDING, file_id="file_7", begun=time.time())]
    folder.save()
    made = fake.make([{"custom_id": folder.custom_id(one), "body": one.body} for one in folder.asked], {})
    told = {"id": made.id, "created_at": int(made.created), "input_file_id": "file_7"}
    fake.instead = lambda what: (200, {"data": [told]}, {}) if what == "GET /batches" else None
    way.go()
    assert way.stored == 10
    assert len(fake.batches) == 1


@pytest.mark.parametrize(
    ("way", "part"),
    [("openai", "POST /files"), ("openai", "POST /batches"), ("anthropic", "POST /messages/batches")],
    indirect=["way"],
)
def test_a_batch_that_is_too_large_is_halved(way: Way, fake: FakeBatches, part: str) -> None:
    fake.instead = first(2, part, (413, {}, {}))
    way.go()
    assert way.stored == 10
    assert set(fake.paid.values()) == {1}
    assert sorted(len(batch.rows) for batch in fake.batches.values()) == [2, 2, 2, 2, 2]


def test_a_server_without_a_batch_api_is_told_as_one(way: Way, fake: FakeBatches) -> None:
    fake.instead = lambda what: NOT_FOUND if what.startswith("POST") else None
    with pytest.raises(UserError, match=r"no batch API.*--batch-file"):
        way.go()


def test_an_upload_that_is_refused_ends_with_the_reason(way: Way, fake: FakeBatches) -> None:
    fake.instead = lambda what: (400, {"error": {"message": "bad purpose"}}, {}) if "POST" in what else None
    with pytest.raises(UserError, match=r"was refused: .*bad purpose"):
        way.go()


def test_the_pause_that_a_provider_wants_is_read(way: Way, fake: FakeBatches) -> None:
    fake.make([], {})
    fake.looks_until_end = 10
    fake.headers = {"retry-after": "10"}
    assert way.lane.service is not None
    service = way.lane.service

    async def look() -> float | None:
        try:
            return (await service.look("batch_1")).wait_s
        finally:
            await way.lane.aclose()

    assert asyncio.run(look()) == 10.0

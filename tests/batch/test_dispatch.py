"""Batches on their way: what providers do with them, and what is on disk at every moment."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from mmlubench.batch.collecting import FINAL, UNASKED
from mmlubench.batch.folder import SENDING, Folder, Part
from mmlubench.errors import UserError
from tests.batch.conftest import Way
from tests.batch.fake_batches import FakeBatches


def test_rows_out_of_order_and_twice_are_taken_once(way: Way, fake: FakeBatches) -> None:
    fake.arrange = lambda rows: [*rows[::-1], *rows]
    done = way.go()
    assert way.stored == 10
    assert sum(one.twice for one in done.outcome.collected) == 10
    assert set(fake.paid.values()) == {1}


def test_custom_ids_are_such_as_providers_allow_and_rows_of_others_are_left_alone(
    way: Way, fake: FakeBatches
) -> None:
    fake.spoil = lambda number, row: {**row, "custom_id": "stranger"} if number == 1 else row
    done = way.go()
    ids = [row["custom_id"] for batch in fake.batches.values() for row in batch.rows]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one) for one in ids)
    assert sum(one.unknown for one in done.outcome.collected) == 3
    assert way.stored == 7
    assert way.kinds == [UNASKED] * 3


def test_what_came_of_a_batch_that_expired_is_kept_and_the_rest_is_told(way: Way, fake: FakeBatches) -> None:
    fake.end_state = "expired"

    def spoil(number: int, row: dict[str, Any]) -> dict[str, Any] | None:
        if number < 2:
            return row
        if "result" in row:
            return {**row, "result": {"type": "expired"}}
        return {**row, "response": None, "error": {"code": "batch_expired", "message": "late"}}

    fake.spoil = spoil
    way.go()
    assert (way.stored, way.kinds) == (6, [UNASKED] * 4)
    assert way.folder.is_done


def test_all_rows_failed_is_no_answer_although_the_batch_is_completed(way: Way, fake: FakeBatches) -> None:
    fake.refuses = "messages"
    way.go()
    assert (way.stored, set(way.kinds), len(way.kinds)) == (0, {FINAL}, 10)
    assert all("HTTP 400" in row["message"] for row in way.folder.failures())


def test_a_cancelled_batch_without_results_leaves_everything_to_be_asked(way: Way, fake: FakeBatches) -> None:
    fake.end_state = "cancelled"
    fake.spoil = lambda _number, _row: None
    way.go()
    assert (way.stored, way.kinds) == (0, [UNASKED] * 10)


@pytest.mark.parametrize("way", ["openai"], indirect=True)
@pytest.mark.parametrize("room", [4, 3])
def test_a_full_queue_gets_the_next_batch_when_one_has_ended(way: Way, fake: FakeBatches, room: int) -> None:
    fake.queue_rows = room  # 3 is less than one batch, which is then halved
    way.go()
    assert way.stored == 10
    assert set(fake.paid.values()) == {1}
    assert any(batch.problem for batch in fake.batches.values())


@pytest.mark.parametrize("way", ["openai"], indirect=True)
def test_a_file_that_is_at_fault_ends_with_the_reason_of_the_provider(way: Way, fake: FakeBatches) -> None:
    made = fake.make

    def spoilt(rows: list[dict[str, Any]], metadata: dict[str, str]) -> Any:
        batch = made(rows, metadata)
        batch.problem = "invalid_json_line"
        return batch

    fake.make = spoilt  # type: ignore[method-assign]
    with pytest.raises(UserError, match="was refused: too many tokens"):
        way.go()


def test_a_batch_that_never_ends_is_left_and_found_again(way: Way, fake: FakeBatches) -> None:
    fake.looks_until_end = 10**9
    way.go(0.5)
    assert (way.stored, way.folder.is_done) == (0, False)
    fake.looks_until_end = 0
    way.go()
    assert way.stored == 10
    assert set(fake.paid.values()) == {1}


def test_a_batch_whose_id_was_never_written_is_found_in_the_list(way: Way, fake: FakeBatches) -> None:
    """The process was killed between the request that started the batch and the write of its id."""
    way.go(0.0)
    fake.looks_until_end = 0
    lost = Part(0, 4, SENDING, begun=time.time())
    folder = Folder.open_all(way.folder.path.parent)[0]
    folder.parts = [lost, Part(4, 6)]
    folder.save()
    rows = [
        {"custom_id": folder.custom_id(one), "params": one.body, "body": one.body} for one in folder.asked[:4]
    ]
    is_anthropic = way.lane.spec.client == "anthropic"
    ours = [{k: v for k, v in row.items() if k != ("body" if is_anthropic else "params")} for row in rows]
    theirs = [{**row, "custom_id": f"colleague-{n}"} for n, row in enumerate(ours)]
    fake.make(theirs, {})  # as many requests at the same time, of somebody else
    fake.make(ours, {} if is_anthropic else {"mmlubench": folder.name_of(lost)})
    way.go()
    assert way.stored == 10
    assert sum(fake.paid.values()) == 4 + 10  # the colleague's, and each of ours once
    assert way.folder.parts[0].batch_id == "batch_2"


def test_a_batch_that_was_not_started_after_all_is_sent(way: Way, fake: FakeBatches) -> None:
    folder = way.folder
    folder.parts = [Part(0, 10, SENDING, begun=time.time() - 1)]
    folder.save()
    way.go()
    assert way.stored == 10
    assert set(fake.paid.values()) == {1}


def test_everything_is_on_disk_before_the_request_that_is_paid_for(way: Way, fake: FakeBatches) -> None:
    states = []

    def look(what: str, when: str) -> None:
        if what.startswith("POST") and what.endswith("batches") and when == "before":
            (folder,) = Folder.open_all(way.folder.path.parent)
            states.append(([part.state for part in folder.parts].count(SENDING), len(folder.asked)))

    fake.on_request = look
    way.go()
    assert states == [(1, 10)] * 3

"""Which request of its case a reply belongs to, whenever it comes: or a replay would give it to another agent."""

from __future__ import annotations

import asyncio
import json

import pytest

from mmlubench.engine.journal import Journal, Journaled, Numbered, current_epoch, current_journal
from mmlubench.schema import Completion, Message, Request


class Slow:
    """The later it is asked, the sooner it answers."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    async def generate(self, request: Request) -> Completion:
        self.seen.append((request.epoch, request.turn))
        await asyncio.sleep(0.02 / len(self.seen))
        return Completion(request.messages[0].content, "stop")

    async def aclose(self) -> None:
        pass


def asked(name: str, text: str) -> Request:
    return Request(name, (Message("user", text),))


@pytest.mark.asyncio
async def test_replies_bear_the_number_of_their_request_in_the_order_of_asking() -> None:
    journal, slow = Journal(), Slow()
    current_journal.set(journal)
    model = Numbered(Journaled(slow, "claude"), "claude")

    async def epoch(number: int) -> None:
        current_epoch.set(number)
        await asyncio.gather(*(model.generate(asked("q", f"{number}{turn}")) for turn in range(3)))

    await asyncio.gather(epoch(0), epoch(1))
    lines = [json.loads(line) for line in journal.responses]
    assert [line["completion"] for line in lines] == ["12", "11", "10", "02", "01", "00"]
    for line in lines:
        assert f"{line.get('epoch', 0)}{line.get('turn', 0)}" == line["completion"]
    assert [{"epoch", "turn"} & json.loads(line).keys() for line in journal.requests][-1] == set()


@pytest.mark.asyncio
async def test_every_model_and_every_question_has_a_count_of_its_own() -> None:
    current_journal.set(Journal())
    slow, other = Slow(), Slow()
    model, judge = Numbered(slow, "claude"), Numbered(other, "gpt")
    for name in ("q", "r", "q"):
        await model.generate(asked(name, ""))
    await judge.generate(asked("q", ""))
    assert (slow.seen, other.seen) == ([(0, 0), (0, 0), (0, 1)], [(0, 0)])


@pytest.mark.asyncio
async def test_outside_of_a_case_nothing_is_counted() -> None:
    current_journal.set(None)
    slow = Slow()
    request = asked("q", "")
    for _ in range(2):
        assert await Numbered(slow, "claude").generate(request) == Completion("", "stop")
    assert slow.seen == [(0, 0), (0, 0)]

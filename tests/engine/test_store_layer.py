"""The layer that asks for nothing twice: a resumed run must be cheap, and must not be told from an undisturbed one."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mmlubench.engine.journal import Journal, Journaled, current_journal
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.engine.store import sqlite as store_module
from mmlubench.engine.store.layer import Stored
from mmlubench.engine.store.reply import request_key
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import Overloaded, Rejected, StoreError
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Request, Usage

IDENTITY = {"client": "mock", "model_id": "m"}


class Numbered:
    """A Model whose replies are all different, as those of a real one may be."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.closed = 0

    async def generate(self, request: Request) -> Completion:
        self.asked.append(request)
        number = len(self.asked)
        await asyncio.sleep(0)
        return Completion(
            f"reply {number}",
            "stop",
            Usage(10 * number, number, cost_usd=0.1 * number),
            f"served-{number}",
            latency_s=0.1 * number,
            sent={"temperature": 0.0},
            reasoning="hm",
            metadata={"provider": "somewhere"},
        )

    async def aclose(self) -> None:
        self.closed += 1


class Failing(Numbered):
    """Fails so often before it answers; each failure takes a moment."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self._failures = failures

    async def generate(self, request: Request) -> Completion:
        completion = await super().generate(request)
        if len(self.asked) <= self._failures:
            await asyncio.sleep(0.002)
            raise Overloaded("busy", status=503)
        return completion


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.open(tmp_path / "store.sqlite")) as opened:
        yield opened


@pytest.fixture
def wrap(store: Store) -> Callable[..., Stored]:
    """Stored around Retried around Journaled around a provider, as in a run."""

    def wrap(provider: Model, label: str = "m", **options: Any) -> Stored:
        retried = Retried(Journaled(provider, label), RetryPolicy(first_wait_s=0))
        return Stored(retried, store, label=label, identity=options.pop("identity", IDENTITY), **options)

    return wrap


def play(model: Model, *requests: Request, at_once: bool = False) -> tuple[list[Any], Journal]:
    """A case that makes these requests: its replies (or errors), and what it leaves behind."""

    async def case() -> tuple[list[Any], Journal]:
        journal = Journal()
        current_journal.set(journal)
        if at_once:
            return await asyncio.gather(*map(model.generate, requests), return_exceptions=True), journal
        replies: list[Any] = []
        for request in requests:
            try:
                replies.append(await model.generate(request))
            except Exception as error:
                replies.append(error)
        assert current_journal.get() is journal
        return replies, journal

    return asyncio.run(case())


def lines(encoded: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in encoded]


def sums(journal: Journal) -> tuple[Any, ...]:
    """What a result is made of."""
    return journal.sent, journal.usage, journal.latency_s, journal.served_model


# -- the same again --------------------------------------------------------------------------------------------------


def test_the_second_run_asks_nothing_and_gets_the_same(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    first, again = Numbered(), Numbered()
    requests = [make_request("q/1"), make_request("q/2", max_tokens=8)]
    bought, journal = play(wrap(first), *requests)
    recalled, repeated = play(wrap(again), *requests)
    assert recalled == bought
    assert (len(first.asked), len(again.asked)) == (2, 0)
    assert sums(repeated) == sums(journal)
    for was, now in [(journal.requests, repeated.requests), (journal.responses, repeated.responses)]:
        assert lines(now) == [{**line, "stored": True} for line in lines(was)]


def test_a_run_that_is_not_stored_logs_the_same_lines(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    _, stored = play(wrap(Numbered()), make_request())
    _, plain = play(Journaled(Numbered(), "m"), make_request())
    assert (stored.requests, stored.responses, sums(stored)) == (plain.requests, plain.responses, sums(plain))


def test_a_reply_that_took_three_attempts_counts_as_three_also_from_the_store(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    _, journal = play(wrap(Failing(2)), make_request())
    _, repeated = play(wrap(Numbered()), make_request())
    assert [line["attempt"] for line in lines(journal.requests)] == [1, 2, 3]
    assert journal.latency_s > 0.1 * 3 + 2 * 0.002
    assert sums(repeated) == sums(journal)
    assert repeated.sent == 3
    [line] = lines(repeated.requests)  # what was lost on the way is told by the run it was lost in
    assert (line["attempt"], line["stored"]) == (3, True)


def test_attempts_of_requests_made_at_once_are_not_mixed_up(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    class Uneven(Numbered):
        async def generate(self, request: Request) -> Completion:
            if request.attempt < int(request.id):
                await asyncio.sleep(0.001)
                raise Overloaded("busy", status=503)
            return await super().generate(request)

    requests = [make_request(str(number)) for number in (3, 1, 2, 4)]
    _, journal = play(wrap(Uneven()), *requests, at_once=True)
    assert journal.sent == len(journal.requests) == 10
    for request in requests:
        _, alone = play(wrap(Numbered()), request)
        assert alone.sent == int(request.id)


def test_a_run_goes_on_where_it_was_stopped(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    first, second = Numbered(), Numbered()
    requests = [make_request(f"q/{number}") for number in range(6)]
    bought, _ = play(wrap(first), *requests[:4])
    replies, _ = play(wrap(second), *requests)
    assert replies[:4] == bought
    assert [request.id for request in second.asked] == ["q/4", "q/5"]


# -- what is another answer ------------------------------------------------------------------------------------------


def test_votes_of_one_case_are_different_answers_and_come_back_in_order(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    votes = [make_request("q/1", temperature=1.0)] * 5
    first, second = Numbered(), Numbered()
    bought, _ = play(wrap(first), *votes[:3])
    assert [reply.text for reply in bought] == ["reply 1", "reply 2", "reply 3"]
    replies, _ = play(wrap(second), *votes, at_once=True)
    assert replies[:3] == bought
    assert len(second.asked) == 2


def test_questions_with_equal_prompts_are_asked_each(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    # MMLU has 105 repeated questions: whether the second is asked must not hang on how fast the first was answered.
    provider = Numbered()
    play(wrap(provider), make_request("q/1", "Which?"))
    play(wrap(provider), make_request("q/2", "Which?"))
    assert len(provider.asked) == 2


def test_another_model_does_not_get_this_ones_answers(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    provider = Numbered()
    play(wrap(provider), make_request())
    play(wrap(provider, identity={**IDENTITY, "adapter": "lora"}), make_request())
    assert len(provider.asked) == 2


def test_one_model_under_two_names_is_asked_once_and_logged_under_each_name(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    provider = Numbered()
    play(wrap(provider, "a"), make_request())
    _, journal = play(wrap(provider, "b"), make_request())
    assert len(provider.asked) == 1
    assert lines(journal.responses)[0]["model"] == "b"


# -- what is kept ----------------------------------------------------------------------------------------------------


def test_errors_are_never_kept(wrap: Callable[..., Stored], make_request: Callable[..., Request]) -> None:
    class Refusing(Numbered):
        async def generate(self, request: Request) -> Completion:
            raise Rejected("too long", status=400)

    [error], journal = play(wrap(Refusing()), make_request())
    assert isinstance(error, Rejected)
    assert (journal.sent, lines(journal.responses)[0]["status"]) == (1, 400)
    provider = Numbered()
    [reply], _ = play(wrap(provider), make_request())
    assert reply.text == "reply 1"


@pytest.mark.parametrize("finish_reason", ["length", "refusal", "tool_calls"])
def test_a_reply_is_kept_however_it_ended(
    finish_reason: str,
    wrap: Callable[..., Stored],
    make_request: Callable[..., Request],
    scripted: Callable[..., Any],
) -> None:
    play(wrap(scripted(Completion("", finish_reason))), make_request())
    provider = Numbered()
    [reply], _ = play(wrap(provider), make_request())
    assert reply == Completion("", finish_reason)
    assert provider.asked == []


def test_a_case_that_is_stopped_half_way_keeps_its_lines_and_stores_nothing(
    wrap: Callable[..., Stored], make_request: Callable[..., Request], store: Store
) -> None:
    class Stuck(Failing):
        async def generate(self, request: Request) -> Completion:
            if request.attempt > 1:
                await asyncio.sleep(60)
            return await super().generate(request)

    journal = Journal()

    async def case() -> None:
        current_journal.set(journal)
        await wrap(Stuck(1)).generate(make_request())

    async def stopped() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(case(), 0.05)

    asyncio.run(stopped())
    assert [line["status"] for line in lines(journal.responses)] == [503]
    assert store.stats()["rows"] == 0


# -- asking anew -----------------------------------------------------------------------------------------------------


def test_refresh_asks_anew_and_the_new_answer_stays(
    wrap: Callable[..., Stored], make_request: Callable[..., Request], store: Store
) -> None:
    provider = Numbered()
    for options, expected in [({}, 1), ({"since": math.inf}, 2), ({"since": math.inf}, 3), ({}, 3)]:
        [reply], _ = play(wrap(provider, **options), make_request())
        assert reply.text == f"reply {expected}"
    assert store.stats()["rows"] == 1


def test_a_refreshed_run_that_was_killed_does_not_ask_twice_for_what_it_refreshed(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    provider = Numbered()
    requests = [make_request("q/1"), make_request("q/2")]
    play(wrap(provider), *requests)  # an old run
    started = time.time()
    play(wrap(provider, since=started), requests[0])  # the refreshed one, killed here
    provider.asked.clear()
    play(wrap(provider, since=started), *requests)
    assert [request.id for request in provider.asked] == ["q/2"]


# -- where there is no case, no store, no end ------------------------------------------------------------------------


def test_a_session_fixture_may_ask_before_any_case_runs(
    wrap: Callable[..., Stored], make_request: Callable[..., Request]
) -> None:
    async def ask(model: Model) -> list[Completion]:
        return [await model.generate(make_request()) for _ in range(2)]

    provider = Numbered()
    bought = asyncio.run(ask(wrap(Failing(1))))
    assert asyncio.run(ask(wrap(provider))) == bought
    assert provider.asked == []
    # Attempts are counted there as well: the case that asks the same one day has them in its result.
    _, journal = play(wrap(provider), make_request())
    assert journal.sent == 2


def test_a_model_without_a_journal_below_counts_as_one_attempt(
    store: Store, make_request: Callable[..., Request]
) -> None:
    play(Stored(Numbered(), store, label="m", identity=IDENTITY), make_request())
    kept = store.get(request_key(IDENTITY, make_request()))
    assert kept is not None
    assert (kept.attempts, kept.label, kept.completion.text) == (1, "m", "reply 1")
    assert abs(kept.at - time.time()) < 60


def test_a_reply_is_good_although_it_cannot_be_kept_and_nothing_more_is_bought(
    wrap: Callable[..., Stored],
    make_request: Callable[..., Request],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full() -> None:
        store._write_error = sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store, "_write", full)
    monkeypatch.setattr(store_module, "_WRITE_EVERY_S", 0.0)
    provider = Numbered()
    # Two more are asked before the first should be written.
    replies, journal = play(wrap(provider), *(make_request(f"q/{number}") for number in (1, 2, 3, 4)))
    assert [reply.text for reply in replies[:3]] == ["reply 1", "reply 2", "reply 3"]
    assert [type(error) for error in replies[3:]] == [StoreError]
    assert len(provider.asked) == journal.sent == 3
    with pytest.raises(StoreError, match="disk is full"):
        asyncio.run(wrap(provider).aclose())
    assert provider.closed == 1
    monkeypatch.undo()
    play(wrap(provider), make_request("q/1"))  # there is room again, and it was not lost
    assert len(provider.asked) == 3


def test_closing_writes_and_closes_the_model_and_leaves_the_store_open(
    wrap: Callable[..., Stored], make_request: Callable[..., Request], store: Store
) -> None:
    provider = Numbered()
    model = wrap(provider)

    async def case() -> None:
        await model.generate(make_request())
        await model.aclose()
        with closing(sqlite3.connect(store.path)) as other:
            assert other.execute("SELECT count(*) FROM replies").fetchone() == (1,)

    asyncio.run(case())
    assert provider.closed == 1
    assert store.stats()["models"] == {"m": 1}

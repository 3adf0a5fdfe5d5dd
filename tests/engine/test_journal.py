from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.journal import Journal, Journaled, Numbered, current_journal
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.engine.lookahead import Job, LookAhead
from mmlubench.errors import Overloaded, ProviderError, Rejected
from mmlubench.models.base import Model
from mmlubench.schema import Completion, Message, Params, Request, Usage


def journal_of(model: Model, *requests: Request) -> Journal:
    """What a case that makes these requests, one after another, leaves behind."""

    async def case() -> Journal:
        journal = Journal()
        current_journal.set(journal)
        for request in requests:
            await asyncio.gather(model.generate(request), return_exceptions=True)
        return journal

    return asyncio.run(case())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time as the journal sees it, in seconds; a test moves it."""
    now = [100.0]
    monkeypatch.setattr("mmlubench.engine.journal.perf_counter", lambda: now[0])
    return now


def lines(encoded: list[bytes]) -> list[dict[str, Any]]:
    """The lines, which must be lines, and JSON by the strict reader's book."""
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in encoded)
    return [json.loads(line.decode("utf-8"), parse_constant=pytest.fail) for line in encoded]


# -- what a line holds -----------------------------------------------------------------------------------------------


def test_a_reply_leaves_one_line_in_each_file(
    scripted: Callable[..., Any], make_request: Callable[..., Request], reply: Completion
) -> None:
    request = make_request("mmlu/anatomy/0017", "Which bone?\nA) …", max_tokens=8, temperature=0.0)
    journal = journal_of(Journaled(scripted(reply), "claude"), request)
    assert lines(journal.requests) == [
        {
            "kind": "benchmark",
            "id": "mmlu/anatomy/0017",
            "attempt": 1,
            "model": "claude",
            "messages": [{"role": "user", "content": "Which bone?\nA) …"}],
            "parameters_asked": {"temperature": 0.0, "max_tokens": 8},
            "parameters_sent": {"temperature": 0.0, "max_completion_tokens": 8},
        }
    ]
    assert lines(journal.responses) == [
        {
            "id": "mmlu/anatomy/0017",
            "attempt": 1,
            "model": "claude",
            "completion": "ANSWER: B",
            "finish_reason": "stop",
            "usage": reply.usage.to_dict(),
            "latency_s": 0.5,
            "served_model": "served-1",
        }
    ]


def test_thinking_and_other_news_of_the_provider_are_kept_where_there_are_any(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    told = Completion("B", "stop", reasoning="Bones are hard.", metadata={"provider": "somewhere"})
    [line] = lines(journal_of(Journaled(scripted(told), "m"), make_request()).responses)
    assert (line["reasoning"], line["metadata"]) == ("Bones are hard.", {"provider": "somewhere"})


def test_a_raw_prompt_and_log_probabilities_are_logged_where_there_are_any(
    scripted: Callable[..., Any],
) -> None:
    told = Completion("", "length", logprobs=((" A", -0.5),))
    request = Request("mmlu/anatomy/0001", (), Params(logprobs=1), prompt="Answer:", continuation=" A")
    journal = journal_of(Journaled(scripted(told), "m"), request)
    [asked], [answered] = lines(journal.requests), lines(journal.responses)
    assert (asked["messages"], asked["prompt"], asked["continuation"]) == ([], "Answer:", " A")
    assert asked["parameters_asked"]["logprobs"] == 1
    assert (answered["logprobs"], answered["continuation"]) == ([[" A", -0.5]], " A")


def test_a_failure_is_logged_with_its_cause_and_what_was_sent(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    error = Rejected("claude: HTTP 400: too long", status=400, sent={"max_tokens": 8})
    journal = journal_of(Journaled(scripted(error), "claude"), make_request("mmlu/anatomy/0001"))
    [request], [response] = lines(journal.requests), lines(journal.responses)
    assert request["parameters_sent"] == {"max_tokens": 8}
    assert response.pop("latency_s") >= 0
    assert response == {
        "id": "mmlu/anatomy/0001",
        "attempt": 1,
        "model": "claude",
        "error": "claude: HTTP 400: too long",
        "status": 400,
    }


def test_every_attempt_is_logged_and_counted(
    scripted: Callable[..., Any], make_request: Callable[..., Request], reply: Completion
) -> None:
    provider = scripted(Overloaded("busy", status=503), Overloaded("busy", status=529), reply)
    model = Retried(Journaled(provider, "m"), RetryPolicy(first_wait_s=0))
    journal = journal_of(model, make_request())
    assert [line["attempt"] for line in lines(journal.requests)] == [1, 2, 3]
    responses = lines(journal.responses)
    assert [line["attempt"] for line in responses] == [1, 2, 3]
    assert [line.get("status") for line in responses] == [503, 529, None]
    assert journal.sent == 3


def test_a_request_that_was_under_way_when_the_run_was_stopped_is_in_the_log(
    make_request: Callable[..., Request],
) -> None:
    # It was sent, and may be on the bill: requests.jsonl has to say so, though nobody knows what became of it.
    class Endless:
        async def generate(self, request: Request) -> Completion:
            await asyncio.sleep(3600)
            raise AssertionError

        async def aclose(self) -> None: ...

    async def case() -> Journal:
        current_journal.set(journal := Journal())
        task = asyncio.create_task(Journaled(Endless(), "m").generate(make_request("mmlu/anatomy/0001")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return journal

    journal = asyncio.run(case())
    [line] = lines(journal.requests)
    assert (line["id"], line["attempt"], line["cancelled"]) == ("mmlu/anatomy/0001", 1, True)
    assert (journal.responses, journal.sent) == ([], 1)


def test_the_wait_before_a_request_is_told_apart_from_that_for_its_reply(
    scripted: Callable[..., Any], make_request: Callable[..., Request], reply: Completion, clock: list[float]
) -> None:
    # At 1,024 in flight the log must not say that the server is slow when the request only waited for its turn here.
    class Queue:
        """Lets each attempt wait for its turn: 2 seconds, then 5."""

        def __init__(self, model: Model, waits: list[float]) -> None:
            self._model, self._waits = model, waits

        async def generate(self, request: Request) -> Completion:
            clock[0] += self._waits.pop(0)
            return await self._model.generate(request)

        async def aclose(self) -> None: ...

    class Slow:
        """Fails after 0.25 seconds, then answers."""

        def __init__(self, *results: Any) -> None:
            self._results = list(results)

        async def generate(self, request: Request) -> Completion:
            clock[0] += 0.25
            result = self._results.pop(0)
            if isinstance(result, ProviderError):
                raise result
            return result

        async def aclose(self) -> None: ...

    provider = Slow(Overloaded("busy", status=503), reply)
    queue = Queue(Journaled(provider, "m"), [2.0, 5.0])
    model = Numbered(Retried(queue, RetryPolicy(first_wait_s=0)), "m")
    journal = journal_of(model, make_request())
    assert [line["queued_s"] for line in lines(journal.requests)] == [2.0, 5.0]
    assert [line["latency_s"] for line in lines(journal.responses)] == [0.25, 0.5]


def test_an_error_reply_took_as_long_as_the_transport_says(make_request: Callable[..., Request]) -> None:
    error = Overloaded("busy", status=503)
    error.latency_s = 0.125
    journal = Journal()
    journal.failed("m", make_request(), error, 3.9)
    [line] = lines(journal.responses)
    assert (line["latency_s"], journal.latency_s) == (0.125, 0.125)


# -- what a case adds up to ------------------------------------------------------------------------------------------


def test_a_case_that_asks_several_times_adds_up_tokens_price_and_waiting(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    first = Completion("A", "stop", Usage(10, 1, cost_usd=0.5), "served-1", latency_s=1.5)
    second = Completion("B", "stop", Usage(20, 2), "served-2", latency_s=2.0)
    journal = journal_of(Journaled(scripted(first, second), "m"), make_request(), make_request())
    assert journal.usage == Usage(30, 3, cost_usd=0.5)
    assert journal.latency_s == 3.5
    assert journal.served_model == "served-2"


def test_who_is_behind_a_router_is_kept_and_all_of_them_if_they_change(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    told = [Completion("A", "stop", metadata={"provider": name}) for name in ("Azure", "Azure", "OpenAI", 7)]
    journal = journal_of(Journaled(scripted(*told), "m"), *[make_request()] * 4)
    assert journal.served_provider == "Azure + OpenAI"
    other = journal_of(Journaled(scripted(Completion("A", "stop")), "m"), make_request())
    assert other.served_provider == ""
    other.absorb(journal)
    assert other.served_provider == "Azure + OpenAI"


def test_time_lost_with_failures_counts_as_waiting(make_request: Callable[..., Request]) -> None:
    class Slow:
        async def generate(self, request: Request) -> Completion:
            await asyncio.sleep(0.01)
            raise Overloaded("busy")

        async def aclose(self) -> None: ...

    journal = journal_of(Journaled(Slow(), "m"), make_request(), make_request())
    assert journal.latency_s >= 0.02
    assert journal.usage == Usage()


def test_a_reply_out_of_the_store_counts_as_when_it_was_bought_and_says_where_it_is_from(
    make_request: Callable[..., Request], reply: Completion
) -> None:
    journal = Journal()
    journal.recalled("claude", make_request(), reply, attempts=3, latency_s=7.5)
    assert (journal.sent, journal.latency_s, journal.usage, journal.served_model) == (
        *(3, 7.5),
        *(reply.usage, "served-1"),
    )
    [request], [response] = lines(journal.requests), lines(journal.responses)
    for line in (request, response):
        assert (line["attempt"], line["stored"]) == (3, True)
    assert response["latency_s"] == 0.5  # of the attempt that brought it


def test_a_journal_that_absorbs_another_has_all_of_both(
    make_request: Callable[..., Request], reply: Completion
) -> None:
    one, other, both = Journal(), Journal(), Journal()
    for journal in (one, both):
        journal.failed("m", make_request(), Overloaded("busy", status=503), 0.25)
    for journal in (other, both):
        journal.answered("m", make_request(), reply)
    one.absorb(other)
    one.absorb(Journal())
    assert one == both


# -- whose line it is ------------------------------------------------------------------------------------------------


def test_cases_that_ask_at_the_same_time_keep_their_own_lines(make_request: Callable[..., Request]) -> None:
    class Echo:
        async def generate(self, request: Request) -> Completion:
            for _ in range(int(request.id)):  # so that replies come in another order than requests
                await asyncio.sleep(0)
            return Completion(request.id, "stop")

        async def aclose(self) -> None: ...

    model = Journaled(Echo(), "m")

    def case(number: int) -> Job[Journal]:
        async def play() -> Journal:
            journal = Journal()
            current_journal.set(journal)
            request = make_request(str(number))
            # Tasks of a case's own belong to it as well.
            await asyncio.gather(model.generate(request), model.generate(request))
            await model.generate(request)
            return journal

        return Job(str(number), play)

    cases = [case(number) for number in (7, 2, 5, 0, 3, 1)]
    look: LookAhead[Journal] = LookAhead(3, backlog=3)
    try:
        look.plan(cases)
        for one in cases:
            journal = look.result(one)
            assert [line["id"] for line in lines(journal.requests)] == [one.key] * 3
            assert [line["completion"] for line in lines(journal.responses)] == [one.key] * 3
    finally:
        look.close()
    assert current_journal.get() is None


def test_a_model_answers_also_where_nobody_keeps_a_journal(
    scripted: Callable[..., Any], make_request: Callable[..., Request], reply: Completion
) -> None:
    # A session fixture of the user's may ask before any case runs.
    provider = scripted(reply, Rejected("no"))
    model = Journaled(provider, "m")
    assert asyncio.run(model.generate(make_request())) is reply
    with pytest.raises(Rejected):
        asyncio.run(model.generate(make_request()))


def test_closing_reaches_the_provider(scripted: Callable[..., Any], reply: Completion) -> None:
    provider = scripted(reply)
    asyncio.run(Journaled(provider, "m").aclose())
    assert provider.closed == 1


# -- text and values that JSON makes trouble with --------------------------------------------------------------------


@given(asked=st.text(), answered=st.text())
def test_any_text_comes_back_as_it_was(asked: str, answered: str) -> None:
    class Says:
        async def generate(self, request: Request) -> Completion:
            return Completion(answered, "stop")

        async def aclose(self) -> None: ...

    journal = journal_of(Journaled(Says(), "m"), Request("i", (Message("user", asked),)))
    [request], [response] = lines(journal.requests), lines(journal.responses)
    assert request["messages"][0]["content"] == asked
    assert response["completion"] == answered


@pytest.mark.parametrize("error", [None, Rejected("the request cannot be written as JSON")])
def test_text_that_is_not_unicode_spoils_the_log_by_one_sign_only(
    error: ProviderError | None,
    scripted: Callable[..., Any],
    make_request: Callable[..., Request],
    reply: Completion,
) -> None:
    # Half a surrogate pair: the provider's own sentence about it must not be lost in a crash of the log.
    journal = journal_of(
        Journaled(scripted(error or reply), "m"), make_request(text="broken \ud83d", stop=("x",))
    )
    [request], [response] = lines(journal.requests), lines(journal.responses)
    assert request["messages"] == [{"role": "user", "content": "broken ?"}]
    assert request["parameters_asked"] == {"temperature": 0.0, "stop": ["x"]}
    assert response.get("error") == (str(error) if error else None)


def test_a_reply_is_kept_whatever_a_model_says_of_it(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    # A user's own model may attach anything; what was paid for must not fail over it.
    odd = Completion(
        "B",
        "stop",
        sent=MappingProxyType({"seed": 1}),
        metadata={
            "day": date(2026, 10, 21),
            "nested": MappingProxyType({"x": Usage(1, 2)}),
            "nan": float("nan"),
        },
    )
    keys: dict[Any, Any] = {1: "one", ("a", "b"): "pair", "usage": Usage(1, 2)}
    keyed = Completion("B", "stop", metadata=keys)
    journal = journal_of(Journaled(scripted(odd, keyed), "m"), make_request(), make_request())
    first, second = lines(journal.responses)
    assert first["metadata"] == {"day": "2026-10-21", "nested": {"x": Usage(1, 2).to_dict()}, "nan": None}
    assert second["metadata"] == {"1": "one", "usage": Usage(1, 2).to_dict()}
    assert lines(journal.requests)[0]["parameters_sent"] == {"seed": 1}


def test_what_was_asked_for_and_what_was_sent_are_both_told(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    # A model that takes no temperature: the log must show that one was wanted.
    model = Journaled(scripted(Completion("B", "stop", sent={"max_tokens": 8})), "m")
    request = Request("i", make_request().messages, Params(0.7, 8))
    [line] = lines(journal_of(model, request).requests)
    assert line["parameters_asked"] == {"temperature": 0.7, "max_tokens": 8}
    assert line["parameters_sent"] == {"max_tokens": 8}

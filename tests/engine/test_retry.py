from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.errors import (
    BadReply,
    OutOfSockets,
    Overloaded,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
)
from mmlubench.schema import Completion, Request

Clock = Callable[[], float]
HASTY = RetryPolicy(longest_wait_s=0)
GOOD = Completion("ANSWER: B", "stop")


def ask(model: Retried, request: Request, times: int = 1) -> list[Completion | BaseException]:
    """Ask one after another; failures are part of the result."""

    async def all_of_them() -> list[Completion | BaseException]:
        return [
            (await asyncio.gather(model.generate(request), return_exceptions=True))[0] for _ in range(times)
        ]

    return asyncio.run(all_of_them())


class Failing:
    """A Model that fails in the same way each time, or until a time; it notes when it was asked."""

    def __init__(
        self, clock: Clock, error: ProviderError, until_s: float = 1e9, takes_s: float = 0.0
    ) -> None:
        self._clock, self._begun = clock, clock()
        self._error, self._until_s, self._takes_s = error, until_s, takes_s
        self.asked: list[float] = []

    async def generate(self, request: Request) -> Completion:
        self.asked.append(self._clock() - self._begun)
        await asyncio.sleep(self._takes_s)
        if self._clock() - self._begun < self._until_s:
            raise self._error
        return GOOD

    async def aclose(self) -> None: ...


@pytest.fixture
def failing(virtually: Callable[..., Any]) -> Callable[..., tuple[Any, list[float]]]:
    """Ask a model that fails. Returns what came of it and when it was asked, in virtual seconds."""

    def run(error: ProviderError, **policy: float) -> tuple[Any, list[float]]:
        async def main(clock: Clock) -> tuple[Any, list[float]]:
            provider = Failing(clock, error)
            model = Retried(provider, RetryPolicy(**policy), Limiter(1, clock=clock))
            [result] = await asyncio.gather(model.generate(Request("q", ())), return_exceptions=True)
            return result, provider.asked

        result, asked = virtually(main)
        return result, asked

    return run


# -- what is tried again, and how often ------------------------------------------------------------------------------


def test_a_reply_that_comes_at_once_is_asked_for_once(
    scripted: Callable[..., Any], make_request: Callable[..., Request], slept: list[float]
) -> None:
    provider = scripted(GOOD)
    assert ask(Retried(provider), make_request()) == [GOOD]
    assert [request.attempt for request in provider.asked] == [1]
    assert slept == []


@pytest.mark.parametrize("error", [Unreachable, RateLimited, Overloaded, BadReply])
def test_a_failure_that_may_pass_is_tried_again(
    error: type[ProviderError], scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    provider = scripted(error("for now"), error("still"), GOOD)
    request = make_request(temperature=0.5)
    assert ask(Retried(provider, HASTY), request) == [GOOD]
    assert [asked.attempt for asked in provider.asked] == [1, 2, 3]
    assert {(asked.id, asked.messages, asked.params) for asked in provider.asked} == {
        (request.id, request.messages, request.params)
    }


@pytest.mark.parametrize(
    "error",
    [
        Rejected("no such model", status=404),
        Rejected("the quota is used up", status=429),
        ValueError("a bug of ours"),
    ],
)
def test_a_failure_that_will_not_pass_is_told_at_once(
    error: Exception, scripted: Callable[..., Any], make_request: Callable[..., Request], slept: list[float]
) -> None:
    provider = scripted(error)
    assert ask(Retried(provider), make_request()) == [error]
    assert len(provider.asked) == 1
    assert slept == []


def test_the_last_failure_is_the_one_told(failing: Callable[..., Any]) -> None:
    result, asked = failing(RateLimited("slow down", status=429), patience_s=30)
    assert (type(result), str(result), result.status) == (RateLimited, "slow down", 429)
    assert 30 <= asked[-1] <= 33


@pytest.mark.parametrize(
    "error", [RateLimited("x", status=429), Overloaded("x", status=529), Overloaded("x", status=502)]
)
def test_a_busy_server_is_tried_until_its_patience_is_over(
    error: ProviderError, failing: Callable[..., Any]
) -> None:
    result, asked = failing(error)
    assert result is error
    assert 300 <= asked[-1] <= 303
    assert len(asked) < 400


def test_a_question_that_the_server_fails_is_given_up_sooner(failing: Callable[..., Any]) -> None:
    # It may be the question that makes it fail; the next one will show.
    error = Overloaded("CUDA out of memory", status=500)
    result, asked = failing(error)
    assert result is error
    assert 3 <= len(asked) <= 12
    assert asked[-1] < 90


def test_pauses_that_are_asked_for_do_not_stretch_the_patience(failing: Callable[..., Any]) -> None:
    result, asked = failing(RateLimited("x", retry_after_s=100))
    assert isinstance(result, RateLimited)
    assert len(asked) in (3, 4)
    assert asked[-1] <= 400


def test_a_retry_that_is_refused_for_good_ends_it(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    final = Rejected("the key was revoked", status=401)
    provider = scripted(Overloaded("busy"), final, GOOD)
    assert ask(Retried(provider, HASTY), make_request()) == [final]
    assert len(provider.asked) == 2


def test_closing_reaches_the_provider(scripted: Callable[..., Any]) -> None:
    provider = scripted(GOOD)
    asyncio.run(Retried(provider).aclose())
    assert provider.closed == 1


# -- how long it waits -----------------------------------------------------------------------------------------------


def test_a_server_is_never_asked_sooner_than_it_allows(
    scripted: Callable[..., Any], make_request: Callable[..., Request], slept: list[float]
) -> None:
    provider = scripted(
        RateLimited("slow down", retry_after_s=30.0), RateLimited("again", retry_after_s=7.5), GOOD
    )
    assert ask(Retried(provider), make_request()) == [GOOD]
    first, second = slept
    assert 30 <= first <= 33.1
    assert 7.5 <= second <= 8.35


def test_those_who_were_told_to_wait_do_not_come_back_in_the_same_instant(
    virtually: Callable[..., Any],
) -> None:
    async def main(clock: Clock) -> list[float]:
        provider = Failing(clock, RateLimited("x", retry_after_s=1.0), until_s=0.5)
        model = Retried(provider, limiter=Limiter(64, clock=clock))
        await asyncio.gather(*(model.generate(Request(str(number), ())) for number in range(64)))
        return sorted(provider.asked[64:])

    again = virtually(main)
    assert len(set(again)) == 64
    assert again[0] >= 1
    assert again[-1] - again[0] > 0.15


def test_a_server_that_allows_it_at_once_is_still_given_a_moment(
    scripted: Callable[..., Any], make_request: Callable[..., Request], slept: list[float]
) -> None:
    provider = scripted(RateLimited("slow down", retry_after_s=0.0), GOOD)
    assert ask(Retried(provider), make_request()) == [GOOD]
    assert 0.0375 <= slept[0] <= 0.1


@pytest.mark.parametrize(("seconds", "tries"), [(120.0, 2), (120.1, 1), (86_400.0, 1)])
def test_a_server_that_asks_for_a_very_long_pause_is_given_up_on(
    seconds: float, tries: int, scripted: Callable[..., Any], make_request: Callable[..., Request], slept: Any
) -> None:
    # A run that sleeps until tomorrow looks like one that hangs.
    provider = scripted(RateLimited("the day's quota is used up", retry_after_s=seconds), GOOD)
    [got] = ask(Retried(provider), make_request())
    assert len(provider.asked) == tries
    assert isinstance(got, RateLimited if tries == 1 else Completion)


@given(
    first=st.floats(0.01, 10),
    longest=st.floats(0.01, 60),
    jitter=st.floats(0, 1),
    share=st.floats(0, 1),
    failures=st.integers(1, 10_000),
)
def test_pauses_grow_up_to_a_limit_and_differ_by_chance(
    first: float, longest: float, jitter: float, share: float, failures: int
) -> None:
    # Chance keeps the requests that failed together from coming back together.
    policy = RetryPolicy(first_wait_s=first, longest_wait_s=longest, jitter=jitter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("random.uniform", lambda low, high: low + share * (high - low))
        pause = policy.wait_s(Overloaded("broken", status=500), failures)
    spread = 1 - jitter + 2 * jitter * share
    assert pause == pytest.approx(spread * min(longest, first * 2.0 ** min(failures - 1, 30)))


@given(asked=st.floats(0, 120), failures=st.integers(1, 100))
def test_no_pause_is_shorter_than_was_asked_for(asked: float, failures: int) -> None:
    pause = RetryPolicy().wait_s(RateLimited("x", retry_after_s=asked), failures)
    assert asked <= pause <= max(2.5, 1.1 * asked + 0.1)


# -- who is to blame -------------------------------------------------------------------------------------------------


class Poisoned:
    """A Model that fails some questions each time, and answers the others after a while."""

    def __init__(self, poison: set[str], error: ProviderError, takes_s: float = 0.05) -> None:
        self._poison, self._error, self._takes_s = poison, error, takes_s
        self.tries: Counter[str] = Counter()

    async def generate(self, request: Request) -> Completion:
        self.tries[request.id] += 1
        await asyncio.sleep(self._takes_s)
        if request.id in self._poison:
            raise type(self._error)(str(self._error), status=self._error.status)
        return GOOD

    async def aclose(self) -> None: ...


def asked_all(provider: Poisoned, count: int, wide: int) -> Callable[[Clock], Any]:
    async def main(clock: Clock) -> tuple[list[Any], float]:
        limiter = Limiter(wide, clock=clock)
        model = Retried(Limited(provider, limiter), limiter=limiter)
        places, begun = asyncio.Semaphore(wide), clock()

        async def one(number: int) -> Completion:
            async with places:
                return await model.generate(Request(str(number), ()))

        results = await asyncio.gather(*map(one, range(count)), return_exceptions=True)
        return results, clock() - begun

    return main


def test_a_question_that_fails_while_others_are_answered_is_given_up_and_says_so(
    virtually: Callable[..., Any],
) -> None:
    provider = Poisoned({"7"}, Overloaded("CUDA error", status=500))
    results, took_s = virtually(asked_all(provider, 1000, 16))
    (error,) = [result for result in results if result is not GOOD]
    said = re.fullmatch(
        r"CUDA error; given up after (\d+) attempts, while ([\d,]+) others were answered", str(error)
    )
    assert said
    assert int(said[1]) == provider.tries["7"] >= 3
    assert int(said[2].replace(",", "")) >= 3
    assert took_s < 20


@pytest.mark.parametrize("error", [Overloaded("CUDA error", status=500), BadReply("not JSON")])
def test_one_question_at_a_time_and_one_that_always_fails_do_not_end_the_run(
    error: ProviderError, virtually: Callable[..., Any]
) -> None:
    provider = Poisoned({"3"}, error)
    results, _ = virtually(asked_all(provider, 10, 1))
    assert [number for number, result in enumerate(results) if result is not GOOD] == [3]
    assert str(results[3]) == str(error)  # of the others nothing is known, so nothing is said


def test_a_refused_question_is_given_up_only_after_a_minute(virtually: Callable[..., Any]) -> None:
    # Its turn may yet come; but a gateway may have a rate limit of 0 for what it dislikes.
    provider = Poisoned({"7"}, RateLimited("slow down", status=429))
    results, _ = virtually(asked_all(provider, 40_000, 16))
    assert [number for number, result in enumerate(results) if result is not GOOD] == [7]
    assert str(results[7]).startswith("slow down; given up after ")
    assert provider.tries["7"] >= 20


# -- a server that comes and goes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("down_s", [2, 10, 30])
def test_a_server_that_is_restarted_costs_nobody_an_answer(
    down_s: float, virtually: Callable[..., Any], busy_server: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> tuple[list[Exception], Any]:
        server = busy_server(clock, down=(5, 5 + down_s), outage=Unreachable("connection refused"))
        return await asking(Retried(server, limiter=Limiter(64, clock=clock)), clock, 60), server

    failures, server = virtually(main)
    assert failures == []
    assert server.taken(5 + down_s + max(2, down_s / 5), 60) > 1000


def test_a_server_that_went_for_good_is_given_up_after_five_minutes_and_told_of_once(
    virtually: Callable[..., Any], busy_server: Callable[..., Any], asking: Callable[..., Any]
) -> None:
    async def main(clock: Clock) -> tuple[list[Exception], Any, float]:
        server, limiter = (
            busy_server(clock, down=(5, 1e9), outage=Unreachable("connection refused")),
            Limiter(64, clock=clock),
        )
        model = Retried(Limited(server, limiter), limiter=limiter)
        begun = clock()
        failures = await asking(model, clock, 5.5)
        took = clock() - begun
        later = await asyncio.gather(
            *(model.generate(Request(f"n{n}", ())) for n in range(9)), return_exceptions=True
        )
        return failures + later, server, took

    failures, server, took = virtually(main)
    assert 305 <= took < 315
    assert {str(failure).removeprefix("not asked: ") for failure in failures} == {"connection refused"}
    assert sum(str(failure).startswith("not asked: ") for failure in failures) >= 9
    assert len([at for at, _ in server.log if 5 < at <= 10]) <= 5 * 64
    assert len([at for at, _ in server.log if at > 10]) <= 80


@pytest.mark.parametrize("takes_s", [0.0, 10.0])
def test_a_wrong_address_is_told_within_ten_seconds(takes_s: float, virtually: Callable[..., Any]) -> None:
    # Also where nothing refuses the connection, and each attempt uses up its ten seconds.
    async def main(clock: Clock) -> tuple[float, int]:
        provider = Failing(clock, Unreachable("no such host"), takes_s=takes_s)
        limiter = Limiter(64, clock=clock)
        model = Retried(Limited(provider, limiter), limiter=limiter)
        begun = clock()
        requests = (model.generate(Request(str(n), ())) for n in range(64))
        await asyncio.gather(*requests, return_exceptions=True)
        with pytest.raises(Unreachable, match=r"^not asked: no such host$"):
            await model.generate(Request("late", ()))
        return clock() - begun, len(provider.asked)

    took, asked = virtually(main)
    assert took <= 10.5
    assert asked <= 64 + 40


def test_requests_under_way_when_the_server_is_found_gone_do_not_try_on(
    make_request: Callable[..., Request],
) -> None:
    tries: list[str] = []
    go_on = asyncio.Event()

    class Gone:
        async def generate(self, request: Request) -> Completion:
            tries.append(request.id)
            if request.id == "late":
                await go_on.wait()
            raise Unreachable("gone")

        async def aclose(self) -> None: ...

    async def scene() -> None:
        model = Retried(Gone(), RetryPolicy(patience_s=0))
        late = asyncio.create_task(model.generate(make_request("late")))
        await asyncio.sleep(0)
        early = (model.generate(make_request(str(number))) for number in range(3))
        await asyncio.gather(*early, return_exceptions=True)
        go_on.set()
        with pytest.raises(Unreachable, match=r"^gone$"):
            await late

    asyncio.run(scene())
    assert tries == ["late", "0"]


def test_those_who_wait_for_their_turn_are_not_sent_after_all_either(virtually: Callable[..., Any]) -> None:
    # Two hundred questions behind a limit of four at once: when the key turns out to be wrong, they are not asked.
    async def main(clock: Clock) -> tuple[list[Any], int]:
        provider, limiter = (
            Failing(clock, Rejected("no key", status=401), takes_s=0.1),
            Limiter(4, clock=clock),
        )
        model = Retried(Limited(provider, limiter), limiter=limiter)
        requests = (model.generate(Request(str(n), ())) for n in range(200))
        return await asyncio.gather(*requests, return_exceptions=True), len(provider.asked)

    results, asked = virtually(main)
    assert asked <= 4 + 3
    assert {(type(result), str(result).removeprefix("not asked: ")) for result in results} == {
        (Rejected, "no key")
    }


def test_giving_up_on_one_model_leaves_others_alone(
    scripted: Callable[..., Any], make_request: Callable[..., Request]
) -> None:
    down, up = Retried(scripted(Rejected("no key", status=401))), Retried(scripted(GOOD))
    ask(down, make_request(), times=4)
    assert ask(up, make_request()) == [GOOD]


def test_a_pause_until_tomorrow_loses_the_question_and_says_why(failing: Callable[..., Any]) -> None:
    error, asked = failing(RateLimited("m: HTTP 429: Slow down.", status=429, retry_after_s=86400))
    assert asked == [0.0]
    assert str(error) == (
        "m: HTTP 429: Slow down; its server asks to wait 86,400 s, "
        "longer than the 120 s that are waited for one request"
    )


def test_a_want_of_descriptors_is_never_blamed_on_one_request(failing: Callable[..., Any]) -> None:
    # Until the patience with a silent server is over, as for any other.
    error, asked = failing(OutOfSockets("no room"))
    assert 290 < asked[-1] < 310
    assert str(error) == "no room"

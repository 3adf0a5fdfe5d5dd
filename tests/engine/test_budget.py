"""--max-cost: how near to the limit a run comes, what is never asked, and what nobody can promise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.budget import Budget, Budgeted, check_prices
from mmlubench.errors import BudgetSpent, ProviderError, Unreachable, UserError
from mmlubench.models.spec import ModelSpec, Price
from mmlubench.schema import Completion, Message, Params, Request, Usage

DEAR = Price(1.0, 10.0)  # at most 10 dollars for a million tokens: 0.001 for the 100 that are asked for below


class Shop:
    """A Model whose replies have these prices, the last one for ever; it counts what is under way at once."""

    def __init__(self, prices: Iterable[float | Exception | None]) -> None:
        self.prices = list(prices)
        self.asked: list[str] = []
        self.running = self.most = self.closed = 0

    async def generate(self, request: Request) -> Completion:
        price = self.prices.pop(0) if len(self.prices) > 1 else self.prices[0]
        self.asked.append(request.id)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.running -= 1
        if isinstance(price, Exception):
            raise price
        return Completion("B", "stop", Usage(10, 1, cost_usd=price))

    async def aclose(self) -> None:
        self.closed += 1


def spec_of(price: Price | None = DEAR, client: str = "openai", **more: object) -> ModelSpec:
    return ModelSpec(label="claude", client=client, model_id="m", price=price, **more)  # type: ignore[arg-type]


def ask(number: int, **params: object) -> Request:
    return Request(f"q{number}", (Message("user", ""),), Params(**{"max_tokens": 100, **params}))  # type: ignore[arg-type]


def run(model: Budgeted, count: int = 20) -> tuple[list[Completion], list[BaseException]]:
    """Ask so many things at once; the replies, and what was raised instead of one."""

    async def all_at_once() -> list[Completion | BaseException]:
        return await asyncio.gather(*(model.generate(ask(n)) for n in range(count)), return_exceptions=True)

    ended = asyncio.run(all_at_once())
    return [e for e in ended if isinstance(e, Completion)], [e for e in ended if isinstance(e, BaseException)]


def test_without_a_limit_all_is_asked_and_counted_for_the_progress_line() -> None:
    budget, shop = Budget(), Shop([0.25, None, 0.5])
    replies, refused = run(Budgeted(shop, budget, spec_of(None)), 4)
    assert (len(replies), refused, budget.spent) == (4, [], 1.25)
    assert shop.most == 4


def test_a_run_stops_at_its_limit_and_keeps_what_it_bought() -> None:
    budget, shop = Budget(0.01), Shop([0.001])
    replies, refused = run(Budgeted(shop, budget, spec_of()))
    assert len(replies) == 10
    assert budget.spent == pytest.approx(0.01)
    assert {type(error) for error in refused} == {BudgetSpent}
    assert {str(error) for error in refused} == {
        "--max-cost 0.01: $0.0100 is spent, and one more request might go beyond that; "
        "run again with a higher --max-cost to go on."
    }


def test_what_is_not_asked_is_no_failure_of_the_provider() -> None:
    # As an error of the provider it would be retried, and count against the headline number.
    assert not issubclass(BudgetSpent, ProviderError)
    assert not issubclass(BudgetSpent, UserError)


def test_after_the_end_nothing_is_asked_at_once_or_later() -> None:
    budget, shop = Budget(0.001), Shop([0.001])
    model = Budgeted(shop, budget, spec_of())
    run(model, 3)
    _, refused = run(model, 3)
    assert len(refused) == 3
    assert len(shop.asked) == 1


def test_replies_that_are_cheaper_than_they_could_be_use_the_limit_to_its_end() -> None:
    # Setting aside the most that each can cost, and refusing what does not fit, would stop at a tenth of the limit.
    budget, shop = Budget(0.01), Shop([0.0001])
    replies, _ = run(Budgeted(shop, budget, spec_of()), 200)
    assert len(replies) == 100
    assert shop.most > 10  # of the dearest there could be, no more would fit at once


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=60),
    st.integers(1, 400),
    st.integers(1, 30),
)
def test_the_limit_is_passed_by_no_more_than_what_is_in_flight_costs_beyond_the_dearest_before(
    cents: list[int], limit: int, width: int
) -> None:
    budget, shop = Budget(float(limit)), Shop([float(c) for c in cents])
    model = Budgeted(
        shop, budget, spec_of(Price(0.0, 500_000.0))
    )  # at most 50 for 100 tokens: never too little

    async def windowed() -> None:
        places = asyncio.Semaphore(width)

        async def one(number: int) -> None:
            async with places:
                await model.generate(ask(number))

        await asyncio.gather(*(one(n) for n in range(len(cents))), return_exceptions=True)

    asyncio.run(windowed())
    asked = cents[: len(shop.asked)]
    assert budget.spent == sum(asked)
    if sum(cents) <= limit - 50:
        assert len(asked) == len(cents)  # what fits is asked
    dearest_first = all(cost <= cents[0] for cost in asked)
    if dearest_first:
        assert budget.spent <= max(limit, cents[0])  # nothing cost more than was set aside for it
    assert budget.spent <= limit + width * 50


def test_a_limit_that_is_smaller_than_one_reply_can_cost_still_buys_one() -> None:
    # The most that 100 tokens can cost is a guess from above; the first reply tells.
    budget, shop = Budget(0.0005), Shop([0.0002])
    replies, refused = run(Budgeted(shop, budget, spec_of()), 5)
    assert (len(replies), len(refused)) == (2, 3)


def test_a_model_whose_price_only_it_knows_is_asked_once_before_many() -> None:
    budget, shop = Budget(1.0), Shop([0.1])
    replies, _ = run(Budgeted(shop, budget, spec_of(None, tells_cost=True)), 20)
    assert len(replies) == 10
    assert budget.spent == pytest.approx(1.0)


def test_a_reply_that_does_not_say_what_it_cost_ends_a_run_that_has_a_limit_and_no_price() -> None:
    budget, shop = Budget(1.0), Shop([None])
    replies, refused = run(Budgeted(shop, budget, spec_of(None, tells_cost=True)), 3)
    assert len(replies) == 1  # it was bought, so it is kept
    assert str(refused[0]) == (
        "--max-cost 1 cannot be kept: claude does not say what a reply costs; "
        "give its price in models.yaml under price."
    )


def test_a_reply_without_a_count_of_tokens_is_counted_at_the_most_it_can_have_cost() -> None:
    budget, shop = Budget(0.003), Shop([None])
    replies, _ = run(Budgeted(shop, budget, spec_of()), 9)
    assert len(replies) == 3


def test_a_request_that_fails_gives_back_what_was_set_aside_for_it() -> None:
    budget, shop = Budget(0.002), Shop([Unreachable("gone"), Unreachable("gone"), 0.001])
    replies, refused = run(Budgeted(shop, budget, spec_of()), 6)
    assert len(replies) == 2
    assert [type(error) for error in refused] == [Unreachable, Unreachable, BudgetSpent, BudgetSpent]


def test_a_request_that_is_given_up_gives_back_what_was_set_aside_for_it(
    make_request: Callable[..., Request],
) -> None:
    budget = Budget(0.001)

    class Silent(Shop):
        async def generate(self, request: Request) -> Completion:
            await asyncio.Event().wait()
            raise AssertionError

    async def case() -> float | None:
        model = Budgeted(Silent([]), budget, spec_of())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(model.generate(ask(1)), 0.01)
        return budget.take(0.001)

    assert asyncio.run(case()) == 0.001


def test_models_share_one_budget_and_each_learns_its_own_prices() -> None:
    budget, cheap, dear = Budget(1.0), Shop([0.01]), Shop([0.3])
    models = Budgeted(cheap, budget, spec_of(Price(0, 1))), Budgeted(dear, budget, spec_of(Price(0, 1)))

    async def case() -> None:
        for number in range(50):
            for model in models:
                await asyncio.gather(model.generate(ask(number)), return_exceptions=True)

    asyncio.run(case())
    assert len(dear.asked) == 3
    assert budget.spent == pytest.approx(3 * 0.3 + len(cheap.asked) * 0.01)
    assert budget.spent <= 1.0


def test_workers_have_equal_parts_and_say_so() -> None:
    budget, shop = Budget(1.0, workers=4), Shop([0.1])
    replies, refused = run(Budgeted(shop, budget, spec_of(Price(0, 1000))), 20)
    assert len(replies) == 2
    assert str(refused[0]).startswith("--max-cost 1 ($0.25 for each of 4 workers): $0.2000 is spent")


def test_who_takes_the_place_of_a_worker_that_crashed_spends_what_that_one_left() -> None:
    noted: list[float] = []
    budget = Budget(1.0, workers=2, note=noted.append)
    assert len(run(Budgeted(Shop([0.1]), budget, spec_of(Price(0, 1000))), 2)[0]) == 2
    # Also what is in flight, before anything is spent: if it crashes now, that may have to be paid for all the same.
    assert noted[:2] == pytest.approx([0.1, 0.2])
    assert noted[-1] == pytest.approx(0.2)
    heir = Budget(1.0, workers=2, gone=noted[-1], note=noted.append)
    replies, refused = run(Budgeted(Shop([0.1]), heir, spec_of(Price(0, 1000))), 20)
    assert len(replies) == 3
    assert str(refused[0]).startswith("--max-cost 1 ($0.5 for each of 2 workers): $0.5000 is spent")
    assert (heir.spent, noted[-1]) == (pytest.approx(0.3), pytest.approx(0.5))


def test_a_part_that_is_gone_already_buys_nothing() -> None:
    shop = Shop([0.1])
    replies, refused = run(Budgeted(shop, Budget(1.0, gone=1.0), spec_of()), 3)
    assert (replies, len(refused), shop.asked) == ([], 3, [])


def test_a_mock_is_free_under_any_limit_unless_its_file_says_what_it_cost() -> None:
    free, priced = Budget(0.01), Budget(0.01)
    replies, refused = run(Budgeted(Shop([None]), free, spec_of(None, "mock")), 50)
    assert (len(replies), refused, free.spent) == (50, [], 0.0)
    # Canned replies with a price are how a limit is tried out. In the first wave, nothing is known of them yet.
    shop = Shop([0.005])
    model = Budgeted(shop, priced, spec_of(None, "mock"))
    assert sum(len(run(model, 1)[0]) for _ in range(5)) == 2


def test_long_texts_and_replies_are_expected_to_cost_more() -> None:
    def first_guess(chars: int, **params: object) -> float:
        budget = Budget(1e9)
        seen: list[float | None] = []
        plain = budget.take

        def take(amount: float, *, first: bool = False) -> float | None:
            seen.append(amount)
            return plain(amount, first=first)

        budget.take = take  # type: ignore[method-assign]
        request = Request("q", (Message("user", "x" * chars),), Params(**params))  # type: ignore[arg-type]
        asyncio.run(Budgeted(Shop([0.0]), budget, spec_of(max_output_tokens=50)).generate(request))
        assert seen[0] is not None
        return seen[0]

    assert first_guess(1000, max_tokens=100) == pytest.approx((500 * 1 + 100 * 10) / 1e6)
    assert first_guess(0) == pytest.approx(50 * 10 / 1e6)  # nobody asked for a length: the model's own


@pytest.mark.parametrize(
    ("spec", "known"),
    [
        (spec_of(), True),
        (spec_of(Price(0.0, 0.0), "vllm"), True),
        (spec_of(None, "mock"), True),
        (spec_of(None, "openrouter", tells_cost=True), True),
        (spec_of(None, "vllm"), False),
        (spec_of(None), False),
    ],
)
def test_a_limit_on_a_model_without_a_price_is_refused_before_anything_is_asked(
    spec: ModelSpec, known: bool
) -> None:
    check_prices(None, [spec])
    if known:
        check_prices(5.0, [spec])
        return
    with pytest.raises(UserError) as caught:
        check_prices(5.0, [spec, spec_of()])
    assert str(caught.value) == (
        "--max-cost 5: no price is known for claude; give one in models.yaml under price."
    )


def test_closing_goes_through() -> None:
    shop = Shop([0.0])
    asyncio.run(Budgeted(shop, Budget(), spec_of()).aclose())
    assert shop.closed == 1

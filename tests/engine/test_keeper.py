"""The keeper of a run's limits: never more than the whole, and what one shard leaves idle is used by the others."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.limits.allotment import Allotment, ModelUsage, Rates, RunLimits, Usage
from mmlubench.engine.limits.fair_division import divide, divide_whole
from mmlubench.engine.limits.keeper import Keeper

#: Sums of floats are not exact.
EXACT = 1e-6
WHOLE = RunLimits(10.0, {"claude": Rates(600, 60_000, 64)})


@dataclass
class Shard:
    """A shard that keeps to the protocol: it obeys the last allotment that it looked at, and no other."""

    obeys: int = 0
    parts: dict[str, float] = field(default_factory=dict)
    """What it obeys, by the name of the limit."""
    answer: dict[str, Any] = field(default_factory=dict)
    """The allotment that waits to be looked at."""
    spent: float = 0.0
    reserved: float = 0.0
    in_flight: int = 0
    done: int = 0
    is_gone: bool = False
    beat: int = 0
    before: float = 0.0
    """What a process before this one had spent."""

    def look(self) -> None:
        if self.answer:
            allotment = Allotment.from_dict(json.loads(json.dumps(self.answer)))
            assert allotment.number >= self.obeys
            self.obeys = allotment.number
            self.parts = parts_of(allotment)

    def usage(self, **more: Any) -> dict[str, Any]:
        self.beat += 1
        model = ModelUsage(in_flight=self.in_flight, **more.pop("model", {}))
        record = Usage(
            self.done,
            100,
            self.spent,
            self.reserved,
            more.get("wanted", 0.0),
            self.obeys,
            self.beat,
            models={"claude": model},
        )
        values: dict[str, Any] = json.loads(json.dumps(record.to_dict()))
        return values


def parts_of(allotment: Allotment) -> dict[str, float]:
    rates = allotment.models["claude"]
    parts = {"max_cost": allotment.max_cost, **rates.to_dict()}
    assert all(part is not None and part >= 0 for part in parts.values()), parts
    return {name: part for name, part in parts.items() if part is not None}


class Play:
    """A keeper and its shards."""

    def __init__(self, shards: int, limits: RunLimits = WHOLE, *, started: bool = True) -> None:
        self.limits = limits
        self.total = {"max_cost": limits.max_cost or 0.0, **limits.models["claude"].to_dict()}
        self.keeper = Keeper(limits, shards, started=started)
        self.shards = [Shard() for _ in range(shards)]
        for number, shard in enumerate(self.shards):
            places = divmod(int(self.total["concurrency"]), shards)
            shard.parts = {name: total / shards for name, total in self.total.items()}
            shard.parts["concurrency"] = places[0] + (number < places[1])
            shard.is_gone = not started

    def report(self, number: int, **more: Any) -> None:
        shard = self.shards[number]
        shard.answer = self.keeper.report(number, shard.usage(**more))

    def rounds(self, count: int = 5, **more: dict[str, Any]) -> None:
        """Let all report and look a few times; `s0`, `s1` … are what the shards report beside the usual."""
        for _ in range(count):
            for number, shard in enumerate(self.shards):
                if not shard.is_gone:
                    self.report(number, **dict(more.get(f"s{number}", {})))
                    shard.look()
            self.check()

    def check(self) -> None:
        """What is in force, or can be, never exceeds the whole."""
        running = [shard for shard in self.shards if not shard.is_gone]
        money = sum(
            shard.before
            + (shard.spent if shard.is_gone else max(shard.parts["max_cost"], shard.spent + shard.reserved))
            for shard in self.shards
        )
        assert money <= self.total["max_cost"] * (1 + EXACT)
        places = sum(max(shard.parts["concurrency"], shard.in_flight) for shard in running)
        assert places <= self.total["concurrency"]
        for name in ("rpm", "tpm"):
            assert sum(shard.parts[name] for shard in running) <= self.total[name] * (1 + EXACT)


OPS = st.lists(
    st.tuples(
        st.sampled_from(["report", "look", "send", "settle", "finish", "lost", "start", "ended"]),
        st.integers(0, 4),
        st.floats(0, 1),
        st.sampled_from(["", "rpm", "tpm", "concurrency", "money"]),
    ),
    max_size=120,
)


@given(shards=st.integers(1, 5), started=st.booleans(), ops=OPS)
def test_whatever_happens_in_whatever_order_the_whole_limit_is_kept(
    shards: int, started: bool, ops: list[tuple[str, int, float, str]]
) -> None:
    play = Play(shards, started=started)
    for what, number, size, short_of in ops:
        shard = play.shards[number % shards]
        if what == "start" and shard.is_gone and not shard.obeys < 0:
            shard.answer = play.keeper.start(number % shards)
            shard.is_gone = False
            shard.look()
        elif shard.is_gone:
            continue
        elif what == "report":
            short = {
                "short_of": short_of if short_of != "money" else "",
                "rpm": 1000 * size,
                "tpm": 9e4 * size,
            }
            play.report(number % shards, model=short, wanted=0.01 if short_of == "money" else 0.0)
        elif what == "look":
            shard.look()
        elif what == "send" and shard.in_flight < shard.parts["concurrency"]:
            amount = size * max(0.0, shard.parts["max_cost"] - shard.spent - shard.reserved)
            shard.reserved, shard.in_flight = shard.reserved + amount, shard.in_flight + 1
        elif what in ("settle", "finish") and shard.in_flight:
            shard.spent, shard.reserved = shard.spent + size * shard.reserved, 0.0
            shard.in_flight, shard.done = 0, shard.done + shard.in_flight
        elif what == "lost":
            play.report(number % shards)
            play.keeper.lost(number % shards)
            shard.before += shard.spent + shard.reserved
            shard.spent = shard.reserved = 0.0
            shard.in_flight, shard.is_gone = 0, True
        elif what == "ended":
            shard.spent, shard.reserved, shard.in_flight = shard.spent + shard.reserved, 0.0, 0
            play.keeper.ended(number % shards, shard.usage())
            shard.is_gone, shard.obeys = True, -1
        play.check()


@given(shards=st.integers(1, 7), used=st.floats(0, 2000), short_of=st.sampled_from(["", "rpm", "tpm"]))
def test_with_equal_demand_all_have_equal_parts(shards: int, used: float, short_of: str) -> None:
    play = Play(shards)
    play.rounds(1, s0={"model": {"short_of": "rpm"}})  # not equal at first
    same = {"model": {"rpm": used, "tpm": 10 * used, "short_of": short_of}}
    play.rounds(6, **{f"s{number}": same for number in range(shards)})
    for name, total in play.total.items():
        parts = [shard.parts[name] for shard in play.shards]
        assert sum(parts) == pytest.approx(total), name
        assert max(parts) - min(parts) <= (1 if name == "concurrency" else EXACT * total), name


def test_a_shard_that_waits_gets_what_the_others_leave_idle_and_they_can_begin_again_at_once() -> None:
    play = Play(4)
    short = {"model": {"short_of": "rpm", "rpm": 150.0}}
    play.rounds(5, s0=short, s1={"model": {"rpm": 40.0}})
    rpm = [shard.parts["rpm"] for shard in play.shards]
    assert rpm[1] == pytest.approx(
        52.5
    )  # a quarter more than it used, in steps of a twentieth of an equal part
    assert rpm[2] == rpm[3] == pytest.approx(7.5)
    assert rpm[0] == pytest.approx(600 - 52.5 - 15)
    play.rounds(5, s0=short, s2=short)  # two of them want it
    rpm = [shard.parts["rpm"] for shard in play.shards]
    assert rpm[0] == rpm[2] == pytest.approx((600 - 15) / 2)


def test_a_part_is_given_on_only_after_the_giver_has_shown_that_it_obeys_the_smaller_one() -> None:
    play = Play(2)
    short = {"model": {"short_of": "rpm"}}
    play.report(0, **short)
    assert Allotment.from_dict(play.shards[0].answer).models["claude"].rpm == pytest.approx(300)
    play.report(1)  # its answer is smaller, and it does not look at it yet
    assert Allotment.from_dict(play.shards[1].answer).models["claude"].rpm == pytest.approx(15)
    for _ in range(3):
        play.report(1)
        play.report(0, **short)
        assert Allotment.from_dict(play.shards[0].answer).models["claude"].rpm == pytest.approx(300)
    play.shards[1].look()
    play.report(0, **short)  # obeyed, and not reported
    assert Allotment.from_dict(play.shards[0].answer).models["claude"].rpm == pytest.approx(300)
    play.report(1)
    play.report(0, **short)
    assert Allotment.from_dict(play.shards[0].answer).models["claude"].rpm == pytest.approx(585)


def test_places_are_given_on_only_as_requests_under_way_end() -> None:
    play = Play(2)
    play.shards[0].in_flight = play.shards[1].in_flight = 32
    full = {"model": {"short_of": "concurrency"}}
    play.rounds(2, s0=full)
    play.shards[1].done = 90  # those in flight are the last
    play.rounds(4, s0=full)
    assert play.shards[1].parts["concurrency"] == 1
    assert play.shards[0].parts["concurrency"] == 32
    play.shards[1].in_flight = 10
    play.rounds(1, s0=full)
    play.rounds(1, s0=full)
    assert play.shards[0].parts["concurrency"] == 54


@given(shards=st.integers(2, 6), spent=st.floats(0, 1))
def test_the_whole_share_of_an_ended_shard_goes_to_the_others(shards: int, spent: float) -> None:
    play = Play(shards)
    first = play.shards[0]
    play.rounds(2)
    first.spent = spent
    play.keeper.ended(0, first.usage())
    first.is_gone = True
    play.rounds(6)
    rest = play.shards[1:]
    assert sum(shard.parts["max_cost"] for shard in rest) == pytest.approx(10 - spent)
    assert sum(shard.parts["rpm"] for shard in rest) == pytest.approx(600)
    assert sum(shard.parts["concurrency"] for shard in rest) == 64
    assert max(s.parts["rpm"] for s in rest) == pytest.approx(min(s.parts["rpm"] for s in rest))


def test_many_shards_that_are_not_started_keep_no_places_free() -> None:
    play = Play(50, RunLimits(10.0, {"claude": Rates(600, 60_000, 64)}), started=False)
    for number in (0, 1):
        play.shards[number].answer = play.keeper.start(number)
        play.shards[number].is_gone = False
        play.shards[number].look()
    full = {"model": {"short_of": "concurrency"}}
    play.rounds(4, s0=full, s1=full)
    assert [shard.parts["concurrency"] for shard in play.shards[:2]] == [32, 32]
    play.shards[2].answer = play.keeper.start(2)
    play.shards[2].is_gone = False
    play.shards[2].look()
    assert play.shards[2].parts["concurrency"] == 0
    play.rounds(4, s0=full, s1=full, s2=full)
    assert sorted(shard.parts["concurrency"] for shard in play.shards[:3]) == [21, 21, 22]


@pytest.mark.parametrize("usage", [None, {}, {"version": 7}])
def test_a_shard_that_ends_without_a_word_has_ended_all_the_same(usage: dict[str, Any] | None) -> None:
    play = Play(2)
    play.keeper.ended(0, usage)
    play.keeper.ended(0, Usage(spent=3.0).to_dict())  # once more, and too late
    play.shards[0].is_gone = True
    play.rounds(3)
    assert play.shards[1].parts == play.total
    assert play.keeper.report(0, Usage().to_dict())["number"] == 0


def test_a_shard_that_never_reports_keeps_its_equal_part() -> None:
    play = Play(2)
    silent, short = play.shards[1], {"model": {"short_of": "rpm"}, "wanted": 0.5}
    silent.is_gone = True  # for `rounds`
    play.shards[0].spent = 5.0
    play.rounds(8, s0=short)
    assert play.shards[0].parts == {"max_cost": 5.0, "rpm": 300.0, "tpm": 30_000.0, "concurrency": 32}
    assert not play.shards[0].answer["final"]


def test_what_a_lost_shard_had_spent_and_reserved_is_spent_and_its_successor_goes_on_with_the_rest() -> None:
    play = Play(2)
    play.rounds(2)
    lost = play.shards[0]
    lost.spent, lost.reserved, lost.in_flight = 2.0, 0.5, 5
    play.report(0)
    play.keeper.lost(0)
    assert play.keeper.spent == pytest.approx(2.5)
    lost.is_gone, lost.before = True, 2.5
    lost.spent = lost.reserved = lost.in_flight = 0
    short = {"model": {"short_of": "rpm"}}
    play.rounds(3, s1=short)
    assert play.shards[1].parts["rpm"] == pytest.approx(
        585
    )  # in the meantime, but for what lets it begin again
    first = Allotment.from_dict(play.keeper.start(0))
    assert first.number > lost.obeys
    assert first.models["claude"].rpm == pytest.approx(15)
    assert first.max_cost == pytest.approx(2.5)
    lost.is_gone, lost.answer = False, first.to_dict()
    lost.look()
    play.rounds(5, s0=short, s1=short)
    assert lost.parts["rpm"] == pytest.approx(300)


def test_shards_that_are_not_started_leave_their_parts_to_those_that_run() -> None:
    play = Play(4, started=False)
    for number in (0, 1):
        play.shards[number].answer = play.keeper.start(number)
        play.shards[number].is_gone = False
        play.shards[number].look()
    short = {"model": {"short_of": "rpm"}}
    play.rounds(4, s0=short, s1=short)
    assert [shard.parts["rpm"] for shard in play.shards[:2]] == [292.5, 292.5]
    late = Allotment.from_dict(play.keeper.start(2))
    assert late.models["claude"].rpm == pytest.approx(7.5)
    assert (late.models["claude"].concurrency or 0) >= 1


def buy(play: Play, costs: list[list[float]], most: float) -> list[int]:
    """Let shards buy one case after another at these prices, reserving `most` for each; the number that each bought."""
    bought = [0] * len(costs)
    stopped = [False] * len(costs)
    for _ in range(3000):
        for number, shard in enumerate(play.shards):
            if shard.is_gone:
                continue
            left = costs[number][bought[number] :]
            room = shard.parts["max_cost"] - shard.spent
            wanted = most if left and room + 1e-9 < most and not stopped[number] else 0.0
            if left and not stopped[number] and not wanted:
                shard.spent += left[0]
                bought[number] += 1
                shard.done = 100 - len(costs[number]) + bought[number]
            play.report(number, wanted=wanted)
            shard.look()
            stopped[number] = stopped[number] or (bool(wanted) and shard.answer["final"])
            if stopped[number] or bought[number] == len(costs[number]):
                play.keeper.ended(number, shard.usage())
                shard.is_gone = True
            play.check()
        if all(shard.is_gone for shard in play.shards):
            return bought
    raise AssertionError("the shards wait for ever")


@given(
    costs=st.lists(st.lists(st.floats(0.05, 0.1), max_size=100), min_size=1, max_size=5),
    max_cost=st.floats(0.5, 20),
)
def test_a_budget_is_used_up_wherever_it_is_needed_and_never_exceeded(
    costs: list[list[float]], max_cost: float
) -> None:
    play = Play(len(costs), RunLimits(max_cost, WHOLE.models))
    bought = buy(play, costs, most=0.1)
    spent, needed = sum(shard.spent for shard in play.shards), sum(map(sum, costs))
    assert spent <= max_cost * (1 + EXACT)
    if bought != [len(of) for of in costs]:
        assert spent > max_cost - 0.1 - 1e-6  # no other request would have fitted
        assert needed > spent


def test_a_budget_is_not_said_to_be_spent_while_a_request_in_flight_may_turn_out_cheaper() -> None:
    play = Play(2, RunLimits(1.0, WHOLE.models))
    play.shards[0].spent, play.shards[1].spent = 0.5, 0.4
    play.shards[1].reserved, play.shards[1].in_flight = 0.1, 1
    play.rounds(3, s0={"wanted": 0.05}, s1={"wanted": 0.1})
    assert not play.shards[0].answer["final"]
    numbers = [play.shards[0].answer["number"]]
    play.rounds(1, s0={"wanted": 0.05}, s1={"wanted": 0.1})
    numbers.append(play.shards[0].answer["number"])
    play.shards[1].reserved, play.shards[1].in_flight, play.shards[1].spent = 0.0, 0, 0.44
    play.rounds(3, s0={"wanted": 0.05}, s1={"wanted": 0.1})
    assert not play.shards[0].answer["final"]
    assert play.shards[0].parts["max_cost"] == pytest.approx(0.56)
    play.shards[0].spent = 0.55
    play.rounds(2, s0={"wanted": 0.05}, s1={"wanted": 0.1})
    assert play.shards[0].answer["final"]
    assert play.shards[1].answer["final"]


def test_a_shard_that_waits_for_money_hears_something_new_as_long_as_another_works() -> None:
    play = Play(3, RunLimits(1.0, WHOLE.models))
    play.shards[2].is_gone = True  # it never reports, and keeps its part
    play.shards[0].spent = 1 / 3
    play.shards[1].reserved, play.shards[1].in_flight = 1 / 3, 1

    def news(rounds: int, shard: int = 0, **more: Any) -> bool:
        before = play.shards[shard].answer.get("number", 0)
        play.rounds(rounds, s0={"wanted": 0.1}, **more)
        return bool(play.shards[shard].answer["number"] > before)

    assert all(news(1) for _ in range(30))
    play.shards[1].spent, play.shards[1].reserved = 1 / 3, 0.0
    news(30, s1={"wanted": 0.1})
    assert not news(5, s1={"wanted": 0.1})  # nobody works any more, and the silent one may for ever be silent


def test_the_same_usage_told_again_is_no_sign_of_life() -> None:
    play = Play(2, RunLimits(1.0, WHOLE.models))
    play.shards[0].spent, play.shards[1].reserved = 0.5, 0.5
    hung = play.shards[1].usage()
    numbers = []
    for _ in range(40):
        play.keeper.report(1, hung)
        play.report(0, wanted=0.1)
        play.shards[0].look()
        numbers.append(play.shards[0].obeys)
    assert numbers[5] > numbers[0]
    assert numbers[-1] == numbers[15]
    assert not play.shards[0].answer["final"]


@given(st.permutations(range(3)))
def test_it_is_deterministic(order: list[int]) -> None:
    def answers() -> list[Any]:
        play = Play(3)
        for number in [*order, *order, *order]:
            play.report(number, model={"rpm": 10.0 * number, "short_of": "rpm" if number else ""})
            play.shards[number].look()
        return [shard.answer for shard in play.shards]

    assert answers() == answers()


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"version": 2},
        {**Usage().to_dict(), "spent_usd": -1},
        {**Usage().to_dict(), "done": "7"},
        {**Usage().to_dict(), "models": {"claude": {**ModelUsage().to_dict(), "short_of": "time"}}},
        {**Usage().to_dict(), "spent_usd": float("nan")},
    ],
)
def test_a_usage_that_is_none_is_refused_and_changes_nothing(broken: dict[str, Any]) -> None:
    keeper = Keeper(WHOLE, 2)
    with pytest.raises(ValueError, match=r"version|must be|no limit"):
        keeper.report(0, broken)
    assert keeper.report(1, Usage().to_dict())["models"]["claude"]["rpm"] == pytest.approx(300)


@given(
    rpm=st.none() | st.floats(0, 1e6),
    places=st.none() | st.integers(0, 999),
    number=st.integers(0, 99),
    final=st.booleans(),
)
def test_records_are_the_same_after_json(
    rpm: float | None, places: int | None, number: int, final: bool
) -> None:
    rates = {"a": Rates(rpm, None, places)}
    allotment, limits = Allotment(number, rpm, rates, final), RunLimits(rpm, rates)
    usage = Usage(1, 2, 0.5, 0.25, 0.125, number, 7, {"a": ModelUsage(1, 2, "tpm", rpm or 0.0, 3.0)})
    assert Allotment.from_dict(json.loads(json.dumps(allotment.to_dict()))) == allotment
    assert RunLimits.from_dict(json.loads(json.dumps(limits.to_dict()))) == limits
    assert Usage.from_dict(json.loads(json.dumps(usage.to_dict()))) == usage


AMOUNTS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 2)), min_size=1, max_size=8)


@given(total=st.floats(20, 200), each=AMOUNTS)
def test_a_limit_is_divided_fairly(total: float, each: list[tuple[float, float]]) -> None:
    demands, floors = [demand for demand, _ in each], [least for _, least in each]
    parts = divide(total, demands, floors)
    assert sum(parts) == pytest.approx(total)
    assert all(part >= least - 1e-9 for part, least in zip(parts, floors, strict=True))
    for one, part in enumerate(parts):
        if part < demands[one] - 1e-6:  # whoever lacks something has no less than any other, floors aside
            others = [other for n, other in enumerate(parts) if other > floors[n] + 1e-6]
            assert part >= max(others, default=0.0) - 1e-6 or part == pytest.approx(floors[one])
    whole = divide_whole(int(total), demands, [float(int(least)) for least in floors])
    assert sum(whole) == int(total)
    assert min(whole) >= 0

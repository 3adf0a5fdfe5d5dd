"""How close does a run come to what a server allows? Servers that refuse in many ways, simulated in virtual time.

    python perf/limits.py [part of a row's name]             in virtual time: no clock, no network
    python perf/limits.py --sockets [part of a row's name]   the same servers over HTTP on this machine, in real time

The layers of the engine run unchanged (`Retried` around `Limited`); only the server and the clock are simulated.
For each row it prints the goodput as a share of what the server allows, the requests refused for each one answered, and
the questions given up, beside what the row demands.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.errors import Overloaded, ProviderError, RateLimited, Unreachable
from mmlubench.models import open_model
from mmlubench.models.base import Model
from mmlubench.models.names.from_entry import from_name
from mmlubench.schema import Completion, Message, Params, Request, Usage

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for whoever imports this file from elsewhere

from limited_server import Server, Serving  # noqa: E402
from virtual_time import VirtualLoop  # noqa: E402

#: Requests under way at most, as with `--concurrency 64`.
IN_FLIGHT = 64
#: Requests a second that the simulated client can send: its CPU is busy for 2.5 ms each.
CLIENT_PER_S = 400.0
# -- what is demanded ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A server, how long it is asked, what it allows, and what a run must reach."""

    name: str
    server: Server
    allows: Callable[[float, float], float]
    """The requests that it answers at best within so many seconds to a client that can send so many a second; with a
    random latency, the seconds of work.
    """
    goodput: float
    """The least share of that."""
    refused: float
    """The most requests refused for each one answered."""
    seconds: float = 60.0
    runs: int = 1
    """Runs that share the server, each with its own limits."""
    resumes_s: float = math.inf
    """The most seconds from the end of the outage to the first answer."""


def own_share(share: float) -> float:
    """The refused requests for each answered one, where a share is refused whatever is done (and chance adds 10 %)."""
    return 1.1 * share / (1 - share) + 0.003


def rows() -> list[Row]:
    """Return all rows."""
    return [*_random_rows(), *_bucket_rows(), *_other_rows()]


def _random_rows() -> list[Row]:
    made = []
    for share in (0.01, 0.02, 0.05, 0.15, 0.3, 0.5):
        least, refused = 0.85 if share == 0.5 else 0.95, own_share(share)
        for status in (429, 503, 529):
            for asked in (None, 0.0, 1.0):
                server = Server(random=share, statuses=(status,), retry_after=asked)
                # With a pause of a second (and its jitter) after each refusal, 64 cases at once bound the goodput; a
                # look-ahead that begins others in the meantime reaches more than 100 % of that.
                held = 0.02 + (1.1 * share / (1 - share) if asked else 0.0)
                name = f"random {status} {share:.0%}, Retry-After {'none' if asked is None else f'{asked:.0f} s'}"
                made.append(Row(name, server, _at_random(share, held), least, refused))
        if share != 0.02:
            made += [
                Row(f"random {name} {share:.0%}", server, _at_random(share, 0.02), least, refused)
                for name, server in (
                    ("500", Server(random=share, statuses=(500,))),
                    ("429 + 500", Server(random=share, statuses=(429, 500), retry_after=0.0)),
                )
            ]
    return made


def _bucket_rows() -> list[Row]:
    made = []
    for rate in (20.0, 100.0):
        for asked, said in ((None, "no Retry-After"), (-1.0, "Retry-After in whole seconds")):
            for burst in (1.0, rate):
                server = Server(bucket=rate, burst=burst, retry_after=asked)
                least = 0.97 if burst > 1 else 0.85 if asked is None else 0.75
                allows = _filled(rate, burst if burst > 1 else 0.0)
                made.append(
                    Row(f"bucket {rate:.0f}/s, burst {burst:.0f}, {said}", server, allows, least, 0.3)
                )
    small = Server(bucket=20, burst=5)
    punishing = replace(small, burst=20, counts_refused=True)
    rising, falling = replace(small, changed=(30, 80)), replace(small, bucket=80, changed=(30, 20))
    return [
        *made,
        Row("bucket 20/s + random 429 10%", replace(small, random=0.1), _filled(20), 0.9, 0.6),
        Row("bucket 20/s, refused requests count", punishing, _filled(20, 20), 0.65, 0.7),
        Row("bucket 0.5/s", Server(bucket=0.5, burst=5), _filled(0.5, 5), 0.95, 2.5, seconds=240),
        Row("bucket 20/s, then 80/s", rising, lambda s, _: 600 + 80 * (s - 30), 0.93, 0.3, 90),
        Row("bucket 80/s, then 20/s", falling, lambda s, _: 2400 + 20 * (s - 30), 0.93, 0.3, 90),
        Row("two runs on 100/s", Server(bucket=100, burst=10), _filled(100), 0.95, 0.3, runs=2),
    ]


def _other_rows() -> list[Row]:
    heavy = (0.05, 10.0)
    full = Row("", Server(), lambda s, most: most * (s - 10), 0.9, 0.1, resumes_s=1.0)
    return [
        Row("window 600 a minute", Server(window=600), lambda s, _: 10 * s, 0.95, 0.5, 240),
        Row(
            "window 600 a minute, Retry-After",
            Server(window=600, retry_after=-1),
            lambda s, _: 10 * s,
            0.95,
            0.5,
            240,
        ),
        Row("8 at once, 20 ms", Server(at_once=8), lambda s, most: min(most, 400) * s, 0.85, 0.6),
        Row("8 at once, 200 ms", Server(latency=0.2, at_once=8), lambda s, _: 40 * s, 0.85, 0.6),
        Row("8 at once, 2 s", Server(latency=2.0, at_once=8), lambda s, _: 4 * s, 0.85, 0.6, 120),
        Row("8 at once, heavy tail", Server(spread=heavy, at_once=8), lambda s, _: 8 * s, 0.85, 0.6, 120),
        *(
            replace(full, name=f"outage 10 s, {said}", server=Server(outage=(20.0, 30.0, status)))
            for status, said in ((503, "503"), (0, "no connection"), (502, "502"), (500, "500"))
        ),
        Row("slow: p50 50 ms, p99 10 s", Server(spread=heavy), lambda s, _: IN_FLIGHT * s, 0.95, 0.0, 120),
    ]


def _filled(rate: float, burst: float = 0.0) -> Callable[[float, float], float]:
    return lambda seconds, _: rate * seconds + burst


def _at_random(share: float, held_s: float) -> Callable[[float, float], float]:
    return lambda seconds, most: seconds * min(most * (1 - share), IN_FLIGHT / held_s)


# -- the client ------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What came of a row."""

    row: Row
    goodput: float
    refused: float
    given_up: int
    resumes_s: float = 0.0
    shares: list[float] = field(default_factory=list)
    """Of the runs that shared the server, the share that each of them got."""

    @property
    def faults(self) -> list[str]:
        """Say what the row demands and did not get."""
        row = self.row
        checks = {
            f"goodput {self.goodput:.1%}, at least {row.goodput:.0%}": self.goodput >= row.goodput,
            f"refused {self.refused:.2f} per answer, at most {row.refused:.2f}": self.refused <= row.refused,
            f"{self.given_up} questions given up": not self.given_up,
            f"goes on {self.resumes_s:.1f} s after the outage": self.resumes_s <= row.resumes_s,
            f"shares {self.shares}": all(0.3 <= share <= 0.7 for share in self.shares),
        }
        return [said for said, holds in checks.items() if not holds]


class Asking:
    """A Model that asks a `Serving` in the same process; its CPU is busy for a while with every request."""

    def __init__(self, serving: Serving, clock: Callable[[], float]) -> None:
        self._serving, self._clock = serving, clock
        self._free_at = 0.0
        self.answered = 0

    async def generate(self, request: Request) -> Completion:
        """Answer, or raise what a provider would raise."""
        self._free_at = max(self._free_at, self._clock()) + 1 / CLIENT_PER_S
        await asyncio.sleep(self._free_at - self._clock())
        status, retry_after = await self._serving.answer()
        if status == 200:
            self.answered += 1
            return Completion("A", "stop", Usage())
        if status == 0:
            raise Unreachable("no connection")
        kind = RateLimited if status == 429 else Overloaded
        raise kind(f"HTTP {status}: no", status=status, retry_after_s=retry_after)

    async def aclose(self) -> None:
        """Do nothing."""


async def keep_asking(model: Model, limiter: Limiter, seconds: float) -> int:
    """Ask question after question, as many at once as the look-ahead does. Returns how many were given up."""
    given_up = number = running = resting = 0
    lanes: set[asyncio.Task[None]] = set()

    async def ask(request: Request) -> None:
        nonlocal given_up, running
        try:
            await model.generate(request)
        except ProviderError:
            given_up += 1
            await asyncio.sleep(0.01)
        finally:
            running -= 1
        top_up()

    def top_up() -> None:
        nonlocal number, running
        while running < IN_FLIGHT + min(resting, IN_FLIGHT):
            number, running = number + 1, running + 1
            lane = asyncio.ensure_future(
                ask(Request(str(number), (Message("user", f"question {number}"),), Params()))
            )
            lanes.add(lane)
            lane.add_done_callback(lanes.discard)

    def rested(by: int) -> None:
        nonlocal resting
        resting += by
        top_up()

    limiter.on_rest = rested
    top_up()
    await asyncio.sleep(seconds)
    limiter.on_rest = lambda _by: None
    number = given_up  # what is cancelled now is not given up
    limiter.shut()
    for lane in list(lanes):
        lane.cancel()
    await asyncio.gather(*lanes, return_exceptions=True)
    return number


def measured(
    row: Row,
    stats: Mapping[str, Any],
    given_up: int,
    answered: Sequence[int] = (),
    per_s: float = CLIENT_PER_S,
) -> Outcome:
    """Return what came of a row; `stats` is what the server tells."""
    number = len(stats["answered_at"])
    end = row.server.outage[1] if row.server.outage else 0.0
    resumed = next((at for at in stats["answered_at"] if at > end), math.inf) if row.server.outage else 0.0
    return Outcome(
        row,
        (stats["busy_s"] if row.server.spread else number) / row.allows(row.seconds, per_s),
        stats["refused"] / max(number, 1),
        given_up,
        resumed - end,
        [one / max(sum(answered), 1) for one in answered] if len(answered) > 1 else [],
    )


def layers(provider: Model, clock: Callable[[], float]) -> tuple[Model, Limiter]:
    """Put the limits and retries of a run around a provider."""
    limiter = Limiter(IN_FLIGHT, clock=clock)
    return Retried(Limited(provider, limiter), RetryPolicy(), limiter), limiter


def simulate(row: Row, seed: int = 1) -> Outcome:
    """Measure a row in virtual time."""
    random.seed(seed)
    loop = VirtualLoop()

    async def main() -> Outcome:
        serving = Serving(row.server, loop.time, seed)
        providers = [Asking(serving, loop.time) for _ in range(row.runs)]
        asking = (keep_asking(*layers(one, loop.time), row.seconds) for one in providers)
        given_up = sum(await asyncio.gather(*asking))
        return measured(row, serving.stats(), given_up, [one.answered for one in providers])

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


# -- over HTTP -------------------------------------------------------------------------------------------------------


async def over_http(row: Row, per_s: float) -> Outcome:
    """Measure a row over sockets, in real time, with the real client; `per_s` is what that client can send."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "limited_server.py"),
        json.dumps(asdict(row.server)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    spec = from_name(f"vllm/limited@{url}")
    assert spec is not None
    stacks = [layers(open_model(spec, pool=IN_FLIGHT, env={}), time.monotonic) for _ in range(row.runs)]
    counts = [(Counted(model), limiter) for model, limiter in stacks]
    try:
        given_up = sum(await asyncio.gather(*(keep_asking(*one, row.seconds) for one in counts)))
        with urllib.request.urlopen(url.replace("/v1", "/stats")) as reply:
            stats = json.load(reply)
        return measured(row, stats, given_up, [one.answered for one, _ in counts], per_s)
    finally:
        await asyncio.gather(*(model.aclose() for model, _ in stacks))
        process.kill()
        await process.wait()


class Counted:
    """A Model that counts the answers."""

    def __init__(self, model: Model) -> None:
        self._model, self.answered = model, 0

    async def generate(self, request: Request) -> Completion:
        """Answer, and count it."""
        completion = await self._model.generate(request)
        self.answered += 1
        return completion

    async def aclose(self) -> None:
        """Close the wrapped model."""
        await self._model.aclose()


def sockets_rate() -> float:
    """Measure how many requests a second the real client sends to a server without limits."""
    free = Row("", Server(), lambda seconds, _: seconds, 0.0, 0.0, seconds=10)
    return asyncio.run(over_http(free, 1.0)).goodput


def line(outcome: Outcome, seconds: float) -> str:
    """Return one line of the table."""
    row = outcome.row
    verdict = "; ".join(outcome.faults) or "ok"
    return (
        f"{row.name:44} {outcome.goodput:7.1%} >= {row.goodput:4.0%}   {outcome.refused:5.2f} <= {row.refused:5.2f}"
        f"   {outcome.given_up:4}   {seconds:5.1f}   {verdict}"
    )


def main() -> int:
    """Print the table. Returns 1 if a row does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", default="", help="only rows with this in their name")
    parser.add_argument("--sockets", action="store_true", help="over HTTP and in real time")
    given = parser.parse_args()
    per_s = sockets_rate() if given.sockets else CLIENT_PER_S
    if given.sockets:
        print(f"without limits, the client sends {per_s:.0f} requests a second")
    print(f"{'row':44} {'goodput':>15}   {'refused/answer':>14}   {'lost':>4}   {'CPU s':>5}")
    has_faults = False
    for row in rows():
        if given.part in row.name:
            begun = time.process_time()
            outcome = asyncio.run(over_http(row, per_s)) if given.sockets else simulate(row)
            has_faults |= bool(outcome.faults)
            print(line(outcome, time.process_time() - begun), flush=True)
    return int(has_faults)


if __name__ == "__main__":
    raise SystemExit(main())

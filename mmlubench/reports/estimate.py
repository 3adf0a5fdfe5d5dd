"""The text of an estimate, as `--estimate` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log10
from typing import NamedTuple

from mmlubench import figures
from mmlubench.stats.estimate import Estimate
from mmlubench.tokens import BYTES_PER_TOKEN

#: What is known of the time of a batch.
_BY_BATCH = "mostly minutes, at most 24 hours, for each round of batches"


class Quote(NamedTuple):
    """The estimate for one model, with the source of its price."""

    label: str
    estimate: Estimate
    price_note: str
    """The source of the price, such as `list price of 2026-10-10`, or the reason why there is none."""
    by_batch: bool = False


def estimate_lines(quotes: Sequence[Quote]) -> list[str]:
    """Return three lines for each model, the sum of several models, and the assumptions."""
    lines = [line for quote in quotes for line in _model(quote)]
    if len(quotes) > 1:
        lines.append(_sum([quote.estimate for quote in quotes]))
    return [*lines, _assumed([quote.estimate for quote in quotes])]


def _model(quote: Quote) -> list[str]:
    known = quote.estimate
    longest = "" if known.output_at_most is None else f" (at most {_about(known.output_at_most)})"
    requests = figures.several(known.requests, "request")
    written = f"{_about(known.output_tokens)} out{longest}"
    return [
        f"{quote.label}: {requests}, about {_about(known.input_tokens)} tokens in, {written}",
        f"  price: {_price(known.cost_usd, known.cost_at_most, quote.price_note)}",
        f"  time: {_BY_BATCH}"
        if quote.by_batch
        else f"  time: about {figures.duration(known.seconds)}, {_pace(known)}",
    ]


def _price(expected: float | None, at_most: float | None, note: str) -> str:
    if expected is None:
        return note
    return _range(expected, at_most) + (f" ({note})" if note else "")


def _range(expected: float, at_most: float | None) -> str:
    bound = "no bound without a token limit" if at_most is None else f"at most {figures.dollars(at_most)}"
    return f"about {figures.dollars(expected)}, {bound}"


def _pace(known: Estimate) -> str:
    if known.rate_limited:
        return "as the rate limits of models.yaml allow"
    return f"with {known.concurrency} at once and {known.latency_s:.1f} s a reply"


def _sum(estimates: Sequence[Estimate]) -> str:
    costs = [one.cost_usd for one in estimates if one.cost_usd is not None]
    bounds = [one.cost_at_most for one in estimates if one.cost_at_most is not None]
    if not costs:
        return f"all {len(estimates)} models: no price is known"
    price = _range(sum(costs), sum(bounds) if len(bounds) == len(costs) else None)
    if len(costs) < len(estimates):
        return f"{len(costs)} of {len(estimates)} models: {price}; of the rest no price is known"
    return f"all {len(estimates)} models: {price}"


def _assumed(estimates: Iterable[Estimate]) -> str:
    replies = " or ".join(dict.fromkeys(f"{one.reply_tokens:,}" for one in estimates))
    return (
        f"guessed from {BYTES_PER_TOKEN} bytes a token and {replies} tokens a reply: a model that thinks writes more, "
        "retries are not counted, a prompt cache makes it cheaper"
    )


def _about(count: int) -> str:
    """Return a number rounded to three significant digits, as more would suggest precision."""
    return f"{count:,}" if count < 1000 else f"{round(count, 2 - floor(log10(count))):,}"

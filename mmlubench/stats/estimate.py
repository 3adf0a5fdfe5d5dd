"""What a run will take, before anything is asked: requests, tokens, price and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

from mmlubench.tokens import tokens_by_bytes

#: A reply is taken to begin after so many seconds and to bring so many tokens a second from then on.
_FIRST_TOKEN_S, _TOKENS_PER_S = 0.5, 80.0
#: Cases a second that one process of mmlubench can handle; only quick servers and mocks are ever held back by it.
_CASES_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the requests to one model will take; retries and questions that are asked again are not counted."""

    requests: int
    input_tokens: int
    output_tokens: int
    """If every reply is as long as is usual."""
    output_at_most: int | None
    """If every reply is as long as is allowed; None where any length is."""
    cost_usd: float | None
    """For the usual length; None where no price is known."""
    cost_at_most: float | None
    seconds: float
    reply_tokens: int
    """How long a reply was taken to be."""
    latency_s: float
    """How many seconds a reply was taken to need."""
    concurrency: int
    rate_limited: bool = False
    """Whether the account's limits and not the replies decide how long it takes."""


def latency_of(reply_tokens: float) -> float:
    """Guess how many seconds a reply of that length takes."""
    return _FIRST_TOKEN_S + reply_tokens / _TOKENS_PER_S


def estimate(
    prompts: Iterable[str],
    *,
    reply_tokens: int,
    max_tokens: int | None,
    concurrency: int,
    cost: Callable[[int, int, int], float] | None = None,
    latency_s: float | None = None,
    rpm: int | None = None,
    tpm: int | None = None,
    count: Callable[[str], int] = tokens_by_bytes,
) -> Estimate:
    """Estimate one model's part of a run from its prompts, one text per request.

    `reply_tokens` is the usual length of a reply, `max_tokens` the longest that is allowed. `cost` gives US dollars for
    input, cached and output tokens, as `Price.cost` does; all input is taken to be fresh, so a prompt cache can only
    make it cheaper. `latency_s` is how long a reply takes, None: guessed from its length. `rpm` and `tpm` are the
    account's requests and tokens a minute. `count` is a tokenizer, if one is at hand.
    """
    lengths = [count(prompt) for prompt in prompts]
    requests, put_in = len(lengths), sum(lengths)
    usual = reply_tokens if max_tokens is None else min(reply_tokens, max_tokens)
    put_out, longest = requests * usual, None if max_tokens is None else requests * max_tokens
    wait = latency_of(usual) if latency_s is None else latency_s
    own_pace = max(ceil(requests / concurrency) * wait, requests / _CASES_PER_S)
    allowed_pace = max(
        60 * requests / rpm if rpm else 0.0,
        60 * (put_in + put_out) / tpm if tpm else 0.0,
    )
    return Estimate(
        requests=requests,
        input_tokens=put_in,
        output_tokens=put_out,
        output_at_most=longest,
        cost_usd=None if cost is None else cost(put_in, 0, put_out),
        cost_at_most=None if cost is None or longest is None else cost(put_in, 0, longest),
        seconds=max(own_pace, allowed_pace),
        reply_tokens=usual,
        latency_s=wait,
        concurrency=concurrency,
        rate_limited=allowed_pace > own_pace,
    )

"""The estimate of a run before anything is asked: requests, tokens, price and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

from mmlubench.tokens import tokens_by_bytes

#: The assumed speed of a reply: seconds until its first token, and tokens per second from then on.
_FIRST_TOKEN_S, _TOKENS_PER_S = 0.5, 80.0
#: The cases per second that one process of mmlubench can handle, which is a limit for fast servers and mocks only.
_CASES_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate for one model, without retries and without questions that are asked again."""

    requests: int
    input_tokens: int
    output_tokens: int
    """For replies of the usual length."""
    output_at_most: int | None
    """For replies of the longest allowed length; None without a limit."""
    cost_usd: float | None
    """For replies of the usual length; None if no price is known."""
    cost_at_most: float | None
    """For replies of the longest allowed length; None without a limit, or if no price is known."""
    seconds: float
    reply_tokens: int
    """The assumed length of a reply."""
    latency_s: float
    """The assumed time of a reply in seconds."""
    concurrency: int
    rate_limited: bool = False
    """Whether the account's rate limits, not the replies, determine the time."""


def latency_of(reply_tokens: float) -> float:
    """Estimate the time of a reply of that length in seconds."""
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

    `reply_tokens` is the usual length of a reply, `max_tokens` the longest that is allowed. `cost` returns US dollars
    for input, cached and output tokens, as `Price.cost` does; no input is assumed to be cached, so a prompt cache can
    only make the run cheaper. `latency_s` is the time of a reply; None to estimate it from the length. `rpm` and `tpm`
    are the account's requests and tokens per minute. `count` counts the tokens of a text.
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

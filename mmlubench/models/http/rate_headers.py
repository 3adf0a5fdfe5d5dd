"""Rate-limit headers of replies: the pause that a server asks for before it has to reject a request."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from math import isfinite

#: The longest pause (seconds) by headers: they may also describe a limit per day or month, and after this time a
#: request shows whether such a limit is in force.
LONGEST_S = 60.0

#: Pairs of headers: the rest of a limit, and the time until it is full again. OpenAI's, copied by many, and
#: Anthropic's describe limits that refill continuously (platform.openai.com/docs/guides/rate-limits,
#: docs.anthropic.com/en/api/rate-limits), so requests are accepted long before the limit is full.
_CONTINUOUS = (
    *((f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}") for kind in ("requests", "tokens")),
    *(
        (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset")
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)
#: The same of OpenRouter, GitHub and draft-ietf-httpapi-ratelimit-headers-07, whose limits refill all at once at the
#: beginning of the next period: no request is accepted before.
_PERIODIC = (("x-ratelimit-remaining", "x-ratelimit-reset"), ("ratelimit-remaining", "ratelimit-reset"))
#: The part of a continuous limit's refill time that is waited for, and the least seconds.
_SHARE, _LEAST_S = 0.1, 5.0

#: OpenAI's format of a duration: `6m0s`, `1h2m3.5s`, `120ms`.
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_UNITS = (3600.0, 60.0, 1.0, 0.001)
#: Numbers from these on are points in time (seconds or milliseconds since 1970) and not durations.
_EPOCH_S, _EPOCH_MS = 1e9, 1e11


def pause_s(headers: Mapping[str, str], now: float | None = None) -> float:
    """Return the seconds to wait because a limit is used up, 60 at most; 0.0 while every limit has some left.

    `headers` are looked up by lower-case names; `now` is the current time, in seconds since 1970.
    """
    moment = time.time() if now is None else now
    pause = 0.0
    for remaining, reset in _CONTINUOUS:
        if remaining in headers and _is_nothing(headers[remaining]):
            full_s = seconds_until(headers.get(reset, ""), moment)
            pause = max(pause, min(full_s, max(_LEAST_S, _SHARE * full_s)))
    for remaining, reset in _PERIODIC:
        if remaining in headers and _is_nothing(headers[remaining]):
            pause = max(pause, seconds_until(headers.get(reset, ""), moment))
    return min(pause, LONGEST_S)


def _is_nothing(remaining: str) -> bool:
    return remaining.strip() in ("0", "0.0")


def seconds_until(reset: str, now: float) -> float:
    """Return the seconds until a time in any of the usual formats; 0.0 for one that is past or cannot be read."""
    text = reset.strip()
    try:
        number = float(text)
    except ValueError:
        return max(0.0, _spelled_out(text, now))
    if not isfinite(number):
        return 0.0
    if number >= _EPOCH_MS:
        number = number / 1000
    return max(0.0, number - now if number >= _EPOCH_S else number)


def _spelled_out(text: str, now: float) -> float:
    parts = _DURATION.fullmatch(text)
    try:
        if parts and text:
            return sum(float(part) * unit for part, unit in zip(parts.groups(), _UNITS, strict=True) if part)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read the Z
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() - now

"""Rate-limit headers: how long a server wants no further request, before it has to turn one down."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from math import isfinite

#: A server whose limit is of a day or a month says so in the same headers; whether it means it, a request will tell.
LONGEST_S = 60.0

#: Pairs of what is left of a limit, and when it is whole again. OpenAI's, copied by many, and Anthropic's speak of
#: limits that fill steadily (platform.openai.com/docs/guides/rate-limits, docs.anthropic.com/en/api/rate-limits): long
#: before they are whole there is something to be had.
_STEADY = (
    *((f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}") for kind in ("requests", "tokens")),
    *(
        (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset")
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)
#: OpenRouter's and GitHub's, and those of draft-ietf-httpapi-ratelimit-headers-07: nothing before the new period.
_AT_ONCE = (("x-ratelimit-remaining", "x-ratelimit-reset"), ("ratelimit-remaining", "ratelimit-reset"))
#: Of a limit that fills steadily, this share is waited for, and seconds at least.
_SHARE, _LEAST_S = 0.1, 5.0

#: `6m0s`, `1h2m3.5s`, `120ms`: the way OpenAI writes a duration.
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_UNITS = (3600.0, 60.0, 1.0, 0.001)
#: Numbers above these are points in time, in seconds or milliseconds since 1970, and not durations.
_EPOCH_S, _EPOCH_MS = 1e9, 1e11


def pause_s(headers: Mapping[str, str], now: float | None = None) -> float:
    """Seconds to wait since nothing is left of a limit, 60 at most; 0.0 while something is left of all.

    `headers` are looked up by lower-case names; `now` is the time of day, in seconds since 1970.
    """
    moment = time.time() if now is None else now
    pause = 0.0
    for remaining, reset in _STEADY:
        if remaining in headers and _is_nothing(headers[remaining]):
            whole_s = seconds_until(headers.get(reset, ""), moment)
            pause = max(pause, min(whole_s, max(_LEAST_S, _SHARE * whole_s)))
    for remaining, reset in _AT_ONCE:
        if remaining in headers and _is_nothing(headers[remaining]):
            pause = max(pause, seconds_until(headers.get(reset, ""), moment))
    return min(pause, LONGEST_S)


def _is_nothing(remaining: str) -> bool:
    return remaining.strip() in ("0", "0.0")


def seconds_until(reset: str, now: float) -> float:
    """Seconds until a moment in any of the usual spellings, 0.0 for one that is over or that nobody can read."""
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
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not know the Z
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() - now

"""Refusals: failures that a request cannot have caused, since the server has too much to do or is away."""

from __future__ import annotations

from mmlubench.errors import OutOfSockets, ProviderError, RateLimited, Unreachable

#: The statuses of a server that has too much to do, besides 429.
_OVERLOADED = frozenset([503, 529])
#: The statuses of a gateway whose server is away.
_AWAY = frozenset([502, 504])
_LOADING = 503
#: What the requests to a server that is away wait for.
UNREACHABLE = "unreachable server"


def asks_for_less(error: ProviderError) -> bool:
    """Whether a request failed because there are too many, for the server (429, 503, 529) or for this machine."""
    return isinstance(error, RateLimited | OutOfSockets) or error.status in _OVERLOADED


def is_refusal(error: ProviderError) -> bool:
    """Whether a request failed for a reason that it cannot have caused."""
    return asks_for_less(error) or isinstance(error, Unreachable) or error.status in _AWAY


def is_away(error: ProviderError) -> bool:
    """Whether a server cannot be reached, or is not ready: it is started again, or loads its model (503)."""
    return isinstance(error, Unreachable) or error.status in _AWAY or error.status == _LOADING


def reason(error: ProviderError) -> str:
    """Return what a failed request waits for, worded to follow "waiting for"."""
    if isinstance(error, Unreachable) or error.status in _AWAY:
        return UNREACHABLE
    if isinstance(error, OutOfSockets):
        return "room for a connection on this machine"
    if not asks_for_less(error):
        return "another try"
    return "rate limit" if isinstance(error, RateLimited) else "overloaded server"

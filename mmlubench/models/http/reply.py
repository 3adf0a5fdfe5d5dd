"""An HTTP response as a transport hands it over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Reply(NamedTuple):
    """An HTTP response with its whole body."""

    status: int
    headers: Mapping[str, str]
    """The headers, which are looked up by lower-case names."""
    content: bytes
    latency_s: float | None = None
    """The seconds from the last byte of the request to the last byte of this; None where a transport cannot tell."""

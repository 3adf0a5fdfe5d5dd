"""The texts of cases, packed into chunks that the page unpacks one at a time, when it shows or searches them."""

from __future__ import annotations

import zlib
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import Any

from mmlubench.jsonl import encoded
from mmlubench.reports.logs import Exchange
from mmlubench.schema import Entry

#: The most cases and about the most bytes of a chunk before it is compressed.
_CASES, _BYTES = 400, 500_000
#: Fast: level 9 takes five times as long, and saves a tenth.
_LEVEL = 4
#: What is copied from a line of `responses.jsonl` where it is there.
_OF_RESPONSE = (
    *("completion", "reasoning", "finish_reason", "error", "status", "latency_s", "stored", "logprobs"),
    *("served_model",),
)
#: What is copied from a case where it is there.
_OF_CASE = ("error", "letters", "rounds", "score", "probabilities")


def packed(value: bytes) -> str:
    """Return bytes in zlib's format, as base64."""
    return b2a_base64(zlib.compress(value, _LEVEL), newline=False).decode("ascii")


class Packer:
    """Takes the texts of one case after the other."""

    def __init__(self) -> None:
        self.chunks: list[str] = []
        self.starts: list[int] = []
        """The number of the first text of each chunk."""
        self.count = 0
        self._waiting: list[bytes] = []
        self._size = 0
        self._before: dict[int, str] = {}
        """The last text of the chunk in each place of a conversation."""

    def add(self, entry: Entry, exchanges: Sequence[Exchange], *, is_first: bool = True) -> int:
        """Add requests and replies of a case, with the rest of the case if these are its first; return their number."""
        if not self._waiting:
            self.starts.append(self.count)
        unit: dict[str, Any] = {"x": [self._exchange(one, entry.model) for one in exchanges]}
        if is_first:
            case = {name: getattr(entry, name) for name in _OF_CASE}
            unit |= {name: value for name, value in case.items() if value or value == 0.0}
        line = encoded(unit)
        self._waiting.append(line)
        self._size += len(line)
        self.count += 1
        if len(self._waiting) >= _CASES or self._size >= _BYTES:
            self.flush()
        return self.count - 1

    def flush(self) -> None:
        """Close the chunk; call it at the end."""
        if self._waiting:
            self.chunks.append(packed(b"[" + b",".join(self._waiting) + b"]"))
            self._waiting, self._size, self._before = [], 0, {}

    def _exchange(self, exchange: Exchange, model: str) -> dict[str, Any]:
        request, response = exchange.request or {}, exchange.response or {}
        known = request or response
        told: dict[str, Any] = {}
        if known.get("model") != model:
            told["model"] = known.get("model")
        if known.get("attempt", 1) != 1:
            told["attempt"] = known["attempt"]
        told |= {name: known[name] for name in ("epoch", "turn") if known.get(name)}
        if request.get("messages"):
            told["messages"] = [
                [one.get("role", ""), self._short(place, one.get("content", ""))]
                for place, one in enumerate(request["messages"])
            ]
        if request.get("prompt"):
            told["prompt"] = self._short(-1, request["prompt"])
        told |= {name: request[name] for name in ("continuation", "cancelled") if request.get(name)}
        if request.get("parameters_sent"):
            told["sent"] = request["parameters_sent"]
        told |= {name: response[name] for name in _OF_RESPONSE if response.get(name)}
        if response.get("usage"):
            told["usage"] = _usage(response["usage"])
        return told

    def _short(self, place: int, text: object) -> Any:
        """Return a text without the beginning that it shares with the last one in its place, which is given as a count.

        Worked examples are equal in all questions of a subject, and would be most of the page. The count is that of
        UTF-16 code units, in which JavaScript counts.
        """
        if not isinstance(text, str):
            return str(text)
        before = self._before.get(place, "")
        self._before[place] = text
        shared = common_beginning(before, text)
        if shared < 20:
            return text
        beginning = text[:shared]
        units = shared if beginning.isascii() else len(beginning.encode("utf-16-le", "surrogatepass")) // 2
        return [units, text[shared:]]


def common_beginning(first: str, second: str) -> int:
    """Return how many leading characters two texts share."""
    if second.startswith(first):
        return len(first)
    low, high = 0, min(len(first), len(second))
    while low < high:  # halved: comparing slices is a hundred times as fast as comparing characters
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _usage(usage: Mapping[str, Any]) -> list[Any]:
    return [usage.get(name) for name in ("input_tokens", "output_tokens", "reasoning_tokens", "cost_usd")]

"""Splitting requests into batches: no provider takes more than so many lines and so many bytes in one."""

from __future__ import annotations

from collections.abc import Sequence

from mmlubench.batch.folder import Part
from mmlubench.batch.requests import Asked
from mmlubench.batch.services.base import Bounds

#: The bytes that a line has beside the body as it stands in our own file: custom id, method, address.
_BESIDE = 200


def parts_of(asked: Sequence[Asked], bounds: Bounds) -> list[Part]:
    """Return the parts, each of consecutive requests within the bounds; one that is too long alone is its own part."""
    parts: list[Part] = []
    first = size = 0
    for number, one in enumerate(asked):
        own = len(one.line()) + _BESIDE
        if number > first and (number - first >= bounds.count or size + own > bounds.size):
            parts.append(Part(first, number - first))
            first, size = number, 0
        size += own
    return [*parts, Part(first, len(asked) - first)] if asked else parts


def cut(parts: list[Part], part: Part, count: int) -> None:
    """Cut a part that was not sent into its first `count` lines and the rest, which follows it."""
    rest = Part(part.first + count, part.count - count)
    part.count, part.file_id = count, ""
    parts.insert(parts.index(part) + 1, rest)

"""What the workers' requests wait for: each worker writes it, and the controller joins it for its progress line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

import orjson

from mmlubench.engine.limits.waiting import Wait

#: The longest message of a server that a worker passes on.
_MESSAGE_CHARS = 200


def packed(waits: Mapping[str, Wait], most: int) -> bytes:
    """Return the waits of one worker, by model, in at most `most` bytes; the last models are left out for that."""
    short = {
        label: asdict(replace(wait, message=wait.message[:_MESSAGE_CHARS])) for label, wait in waits.items()
    }
    while len(content := orjson.dumps(short)) > most:
        short.popitem()
    return content


def unpacked(content: bytes) -> dict[str, Wait]:
    """Read what `packed` returned; nothing where a worker is just writing it."""
    try:
        return {label: Wait(**wait) for label, wait in orjson.loads(content).items()}
    except (ValueError, TypeError, AttributeError):  # a JSONDecodeError is a ValueError
        return {}


def joined(workers: Iterable[Mapping[str, Wait]]) -> dict[str, Wait]:
    """Return what the requests of all workers together wait for, by model."""
    of_model: dict[str, list[Wait]] = {}
    for waits in workers:
        for label, wait in waits.items():
            of_model.setdefault(label, []).append(wait)
    return {label: _together(waits) for label, waits in of_model.items()}


def _together(waits: list[Wait]) -> Wait:
    """Join the waits of several workers for one model: what most of its requests wait for is told."""
    main = max(waits, key=lambda wait: wait.requests)
    alike = [wait for wait in waits if bool(wait.why) == bool(main.why)]
    return replace(
        main,
        requests=sum(wait.requests for wait in alike),
        unanswered_s=min(wait.unanswered_s for wait in waits),
        next_try_s=min(wait.next_try_s for wait in waits),
        answered_a_minute=sum(wait.answered_a_minute for wait in waits),
    )

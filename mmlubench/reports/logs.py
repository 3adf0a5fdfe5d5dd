"""The requests and replies of a run, brought together again for each case."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from mmlubench.jsonl import present, read
from mmlubench.schema import Entry

_Line = Mapping[str, Any]


class Exchange(NamedTuple):
    """One request and what came of it; either may be missing where a run was stopped or a file is not there."""

    request: _Line | None
    response: _Line | None

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells the requests of one case apart."""
        return _key(self.request or self.response or {})


def cases_of(folder: Path, entries: Sequence[Entry]) -> Iterator[tuple[int, list[Exchange]]]:
    """Yield the number of a case in `entries` with its requests and replies, in the order of the files.

    A case that was run more than once comes more than once. Requests of cases without a result are left out.
    Raises DataError for a line that is no JSON.
    """
    by_id: dict[str, list[int]] = {}
    for number, entry in enumerate(entries):
        by_id.setdefault(entry.id, []).append(number)
    rounds: dict[tuple[str, str], int] = {}
    for question, exchanges in _by_question(folder):
        numbers = by_id.get(question)
        if numbers is None:
            continue
        if len(numbers) == 1:
            yield numbers[0], exchanges
            continue
        for part in _apart(exchanges, {entries[number].model for number in numbers}):
            yield _whose(part, numbers, entries, rounds), part


def _by_question(folder: Path) -> Iterator[tuple[str, list[Exchange]]]:
    """Both files hold the cases in one order: they are read side by side, a few lines in memory at a time."""
    requests, responses = _groups(folder / "requests.jsonl"), _groups(folder / "responses.jsonl")
    reply = next(responses, None)
    for question, asked in requests:
        if reply is not None and reply[0] == question:
            yield question, _paired(asked, reply[1])
            reply = next(responses, None)
        else:
            yield question, [Exchange(line, None) for line in asked]
    while reply is not None:  # of a run without requests.jsonl, or whose file broke off
        yield reply[0], [Exchange(None, line) for line in reply[1]]
        reply = next(responses, None)


def _groups(path: Path) -> Iterator[tuple[str, list[_Line]]]:
    if not present(path).exists():
        return
    for question, lines in groupby(read(path), key=_question):
        yield question, list(lines)


def _question(line: _Line) -> str:
    return str(line.get("id", ""))


def _key(line: _Line) -> tuple[Any, ...]:
    return line.get("model"), line.get("epoch", 0), line.get("turn", 0), line.get("attempt", 1)


def _paired(requests: Sequence[_Line], responses: Sequence[_Line]) -> list[Exchange]:
    if len(requests) == len(responses) == 1:
        return [Exchange(requests[0], responses[0])]
    waiting: dict[tuple[Any, ...], deque[_Line]] = {}
    for line in responses:
        waiting.setdefault(_key(line), deque()).append(line)
    found = []
    for line in requests:
        replies = waiting.get(_key(line))
        found.append(Exchange(line, replies.popleft() if replies else None))
    return [*found, *(Exchange(None, line) for replies in waiting.values() for line in replies)]


def _apart(exchanges: Sequence[Exchange], models: set[str]) -> Iterator[list[Exchange]]:
    """Split what stands together for one question into cases: within one, no request has the numbers of another."""
    part: list[Exchange] = []
    seen: set[tuple[Any, ...]] = set()
    for exchange in exchanges:
        key = exchange.key
        # The models under test are never one another's agents by default, so that a new one is a new case.
        other = part and key[0] != part[-1].key[0] and {key[0], part[-1].key[0]} <= models
        if key in seen or other:
            yield part
            part, seen = [], set()
        part.append(exchange)
        seen.add(key)
    if part:
        yield part


def _whose(
    part: Sequence[Exchange],
    numbers: Sequence[int],
    entries: Sequence[Entry],
    rounds: dict[tuple[str, str], int],
) -> int:
    """Return the case that a part belongs to: of the model that was asked, else the next one in order."""
    model = str(part[0].key[0])
    same = [number for number in numbers if entries[number].model == model] or list(numbers)
    place = rounds.get((entries[numbers[0]].id, model), 0)
    rounds[entries[numbers[0]].id, model] = place + 1
    return same[min(place, len(same) - 1)]

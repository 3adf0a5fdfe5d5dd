"""The cases of a run with what was asked and replied, read side by side from the three logs of its folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from mmlubench.reports.report import FinishedRun
from mmlubench.schema import Entry

_Lines = list[dict[str, Any]]


class LoggedRun(FinishedRun, Protocol):
    """The input of an export: a `FinishedRun` in its folder, with the logs of requests and responses."""

    @property
    def run_id(self) -> str:
        """The id of the run."""

    @property
    def path(self) -> Path:
        """The run folder."""

    @property
    def state(self) -> str:
        """Whether the run is `running`, `finished` or `broken off`."""

    @property
    def has_replies(self) -> bool:
        """Whether the folder has both logs."""

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield every line of `requests.jsonl`."""

    def responses(self) -> Iterator[dict[str, Any]]:
        """Yield every line of `responses.jsonl`."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its result, and the lines of the logs that belong to it, in order."""

    entry: Entry
    requests: Sequence[Mapping[str, Any]] = ()
    responses: Sequence[Mapping[str, Any]] = ()

    @property
    def messages(self) -> list[dict[str, str]]:
        """The conversation that was sent first; a raw prompt is one message of the user."""
        return messages_of(self.requests[0]) if self.requests else []

    @property
    def prompt(self) -> str:
        """The same as one text."""
        return "\n\n".join(message["content"] for message in self.messages)

    def reply(self, epoch: int = 0) -> Mapping[str, Any]:
        """The line of the last reply in an epoch, which its letter was read from; empty without one."""
        found = [line for line in self.responses if "completion" in line and line.get("epoch", 0) == epoch]
        of_model = [line for line in found if line.get("model") == self.entry.model]
        return (of_model or found or [{}])[-1]

    def text(self, epoch: int = 0) -> str:
        """The text of that reply; empty without one, or where only log-probabilities were asked for."""
        return _text(self.reply(epoch).get("completion"))

    def reasoning(self, epoch: int = 0) -> str:
        """The thinking that came apart from that reply."""
        return _text(self.reply(epoch).get("reasoning"))

    @property
    def exchanges(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Every request that got a reply, with its reply: several for agents, epochs and second tries."""
        asked: dict[object, Mapping[str, Any]] = {_key(line): line for line in self.requests}
        for line in self.responses:
            request = asked.get(_key(line))
            if request is not None and "completion" in line:
                yield request, line


def cases(run: LoggedRun) -> Iterator[Case]:
    """Yield every case of a run, one in memory at a time where its logs are in one order, as those of a run are.

    A folder without requests and responses yields cases without them. Raises UserError.
    """
    asked = _Log(run.requests() if run.has_replies else ())
    replied = _Log(run.responses() if run.has_replies else ())
    for name, same in groupby(run.entries(), key=lambda entry: entry.id):
        entries = list(same)  # several where models are asked the same question one after another
        requests, responses = asked.take(name), replied.take(name)
        models = {entry.model for entry in entries}
        for entry in entries:
            others = models - {entry.model}  # an agent's lines name the agent
            yield Case(entry, _without(requests, others), _without(responses, others))


def messages_of(request: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the messages of a line of `requests.jsonl`."""
    if request.get("prompt"):
        return [{"role": "user", "content": _text(request["prompt"]) + _text(request.get("continuation"))}]
    return [
        {"role": _text(message.get("role")) or "user", "content": _text(message.get("content"))}
        for message in request.get("messages") or ()
        if isinstance(message, Mapping)
    ]


class _Log:
    """The lines of a log, case by case."""

    def __init__(self, lines: Iterable[dict[str, Any]]) -> None:
        self._blocks = groupby(lines, key=lambda line: str(line.get("id")))
        self._passed: dict[str, list[_Lines]] = {}
        """Blocks that came before one that was asked for: in a run that was stopped, requests without a result."""

    def take(self, name: str) -> _Lines:
        """Return the next lines of the case of that id; none if there are no more."""
        if self._passed.get(name):
            return self._passed[name].pop(0)
        for other, lines in self._blocks:
            if other == name:
                return list(lines)
            self._passed.setdefault(other, []).append(list(lines))
        return []


def _without(lines: _Lines, models: set[str]) -> _Lines:
    return [line for line in lines if line.get("model") not in models] if models else lines


def _key(line: Mapping[str, Any]) -> tuple[object, ...]:
    return (*(line.get(name, 0) for name in ("model", "attempt", "epoch", "turn")), line.get("continuation"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

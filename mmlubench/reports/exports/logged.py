"""The cases of a run with what was asked and replied, read side by side from the three logs of its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mmlubench.reports.logs import Exchange, cases_of
from mmlubench.reports.report import FinishedRun
from mmlubench.schema import Entry


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


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its result, and what was asked and replied for it, in order."""

    entry: Entry
    logged: Sequence[Exchange] = ()

    @property
    def requests(self) -> list[Mapping[str, Any]]:
        """The lines of its requests."""
        return [one.request for one in self.logged if one.request is not None]

    @property
    def responses(self) -> list[Mapping[str, Any]]:
        """The lines of its replies and failures."""
        return [one.response for one in self.logged if one.response is not None]

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
        for request, response in self.logged:
            if request is not None and response is not None and "completion" in response:
                yield request, response


def cases(run: LoggedRun) -> Iterator[Case]:
    """Yield every case of a run; one in memory at a time where its logs are in the order of its results, as usual.

    A folder without requests and responses yields cases without them. Raises UserError.
    """
    entries = list(run.entries())
    logged = cases_of(run.path, entries)
    passed: dict[int, list[Exchange]] = {}
    """What came before its turn: in a run that was stopped, behind a case without a request."""
    for number, entry in enumerate(entries):
        while number not in passed and (found := next(logged, None)) is not None:
            passed.setdefault(found[0], []).extend(found[1])
        yield Case(entry, passed.pop(number, []))


def messages_of(request: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the messages of a line of `requests.jsonl`."""
    if request.get("prompt"):
        return [{"role": "user", "content": _text(request["prompt"]) + _text(request.get("continuation"))}]
    return [
        {"role": _text(message.get("role")) or "user", "content": _text(message.get("content"))}
        for message in request.get("messages") or ()
        if isinstance(message, Mapping)
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

"""`mmlubench record`: write the replies of a run into a file that a mock plays back, with the same grades."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import orjson

from mmlubench.commands.runs import about_run, errors_as_messages
from mmlubench.errors import ModelError, UserError
from mmlubench.figures import several
from mmlubench.jsonl import write_atomic
from mmlubench.models.mock_replies import load
from mmlubench.private import make_folder
from mmlubench.run.archive import find_run, read_records

#: The fields of a reply that are recorded if they are not empty, besides `completion` and `usage`.
_RECORDED = ("finish_reason", "reasoning", "metadata", "logprobs")


@click.command()
@about_run
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write; its name ends in .json or .jsonl.",
)
@click.option(
    "--model", "label", metavar="LABEL", help="The model to record, if the run asked several models."
)
@click.option("--force", is_flag=True, help="Replace the file if it is an earlier recording.")
def record(run: str, parent: Path, target: Path, label: str | None, force: bool) -> None:
    """Record the replies of RUN in a file that a mock plays back.

    A run with that mock needs no network and gives the same grades. RUN is a run folder, the id of a run, or `latest`.
    """
    with errors_as_messages():
        _check_target(target, force)
        replies = read_replies(find_run(run, parent), label)
        _write(target, replies.by_id)
    click.echo(f"{target}: {replies.told}")
    click.echo(
        "play it back with an entry of models.yaml: "
        f"{{model_name: mock/{target.stem}, provider: mock, responses: {target}}}; the path is relative to that file"
    )


#: The position of a request in its case: the epoch, and the number of requests before it in that epoch.
Place = tuple[int, int]


@dataclass
class Replies:
    """The replies of one model in a run, by question and request; None for a request that failed for good."""

    label: str
    _said: dict[str, dict[Place, dict[str, Any] | None]] = field(default_factory=dict)
    _replaced: set[str] = field(default_factory=set)
    """Ids with two different replies to the same request, since two tests asked the same question."""
    _failed: set[str] = field(default_factory=set)
    """Ids that are left out, since their cases ended as errors."""

    def take(self, line: Mapping[str, Any]) -> None:
        """Add a line of `responses.jsonl`. Raises KeyError, TypeError or ValueError for an invalid line."""
        name, place = line["id"], (int(line.get("epoch", 0)), int(line.get("turn", 0)))
        if min(place) < 0:
            raise ValueError("epochs and turns are counted from 0")
        reply = None if "error" in line else _reply(line)
        said = self._said.setdefault(name, {})
        before = said.get(place)
        if reply is not None and before not in (None, reply):
            self._replaced.add(name)
        said[place] = reply or before  # a failed attempt does not replace a reply: the request was repeated

    def leave_out(self, errors: set[str]) -> None:
        """Drop the replies of cases that ended as errors because a request failed: the mock has to fail there, too."""
        for name in list(self._said):
            replies = self._said[name].values()
            if not any(replies) or (name in errors and None in replies):
                del self._said[name]
                self._failed.add(name)
        self._failed |= errors - self._said.keys()
        self._replaced &= self._said.keys()

    @property
    def by_id(self) -> dict[str, Any]:
        """Return the content of the mock's file: a reply, or a list, for each id; see `models.mock_replies`."""
        return {name: _as_written(said) for name, said in self._said.items()}

    @property
    def told(self) -> str:
        """A summary of the recorded replies, for the user."""
        replies = sum(reply is not None for said in self._said.values() for reply in said.values())
        parts = [f"{several(replies, 'reply', 'replies')} of {self.label}"]
        if replies > len(self._said):
            parts[0] += f" to {several(len(self._said), 'question')}"
        if self._replaced:
            parts.append(f"the last one each where there were several ({len(self._replaced):,})")
        if self._failed:
            parts.append(f"{several(len(self._failed), 'error')} left out")
        return "; ".join(parts)


def read_replies(folder: Path, label: str | None = None) -> Replies:
    """Read the replies of one model in a run. Raises UserError if there are none, or several models and no `label`."""
    path = folder / "responses.jsonl"
    found: dict[str, Replies] = {}
    for line in read_records(path):
        try:
            found.setdefault(line["model"], Replies(line["model"])).take(line)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(
                f"{path} has a line that no run writes: {orjson.dumps(line).decode():.60}…"
            ) from None
    replies = _chosen(found, label, path)
    replies.leave_out(_errors(folder, replies.label))
    if not replies.by_id:
        raise UserError(
            f"{path} has no reply of {replies.label}, only errors: there is nothing to play back."
        )
    return replies


def _as_written(said: Mapping[Place, Any]) -> Any:
    """Return a single reply, a list of the replies of one epoch, or a list of such lists; null for a missing reply."""
    rows: list[list[Any]] = [[] for _ in range(max(epoch for epoch, _ in said) + 1)]
    for epoch, turn in sorted(said):
        rows[epoch] += [None] * (turn - len(rows[epoch])) + [said[epoch, turn]]
    for row in rows:
        while row[1:] and row[-1] is None:
            row.pop()  # a case is decided by its replies; a row of one reply answers every turn
    if len(rows) > 1:
        return rows
    return rows[0] if len(rows[0]) > 1 else rows[0][0]


def _chosen(found: Mapping[str, Replies], label: str | None, path: Path) -> Replies:
    names = ", ".join(found)
    if not found:
        raise UserError(f"{path} has no reply: there is nothing to play back.")
    if label is None and len(found) > 1:
        raise UserError(f"{path} has replies of {names}: choose one with --model LABEL.")
    if label is not None and label not in found:
        raise UserError(f"--model {label}: {path} has replies of {names}.")
    return found[label or names]


def _errors(folder: Path, label: str) -> set[str]:
    """Return the ids of the cases that ended as errors; cases that a killed run did not grade are not among them."""
    graded = [r for r in read_records(folder / "results.jsonl") if r.get("model") == label and "id" in r]
    well = {r["id"] for r in graded if r.get("outcome") != "error"}
    return {r["id"] for r in graded if r.get("outcome") == "error"} - well


def _reply(line: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(line["completion"], str):
        raise TypeError("a completion is a text")
    if line.get("continuation"):
        raise UserError(
            "this run was scored by logprob:echo, with a request for every letter, but a mock has one reply for each "
            "question: it cannot be played back; its answers are in the store."
        )
    # Without the cost, since playing a reply back costs nothing.
    usage = {name: value for name, value in line["usage"].items() if name != "cost_usd"}
    return {
        "completion": line["completion"],
        "usage": usage,
        **{k: line[k] for k in _RECORDED if line.get(k)},
    }


def _check_target(target: Path, force: bool) -> None:
    if target.suffix not in (".json", ".jsonl"):
        raise UserError(f"--to {target}: give a file name that ends in .json or .jsonl.")
    if not os.path.lexists(target):
        return
    if not (force and target.is_file()):
        raise UserError(f"--to {target}: it exists already; give another name, or --force to replace a file.")
    with suppress(ModelError):
        if all(reply.usage is not None for reply in load(str(target)).values()):  # as in all that we record
            return
    raise UserError(
        f"--to {target}: it is no file of replies, and --force replaces no other; give another name."
    )


def _write(target: Path, by_id: Mapping[str, Any]) -> None:
    """Write a line for each id, sorted by id, so that two recordings can be compared line by line."""
    in_order = sorted(by_id.items())
    if target.suffix == ".jsonl":
        content = b"".join(orjson.dumps(_as_line(name, said)) + b"\n" for name, said in in_order)
    else:
        entries = (orjson.dumps(name) + b": " + orjson.dumps(reply) for name, reply in in_order)
        content = b"{\n" + b",\n".join(entries) + b"\n}\n"
    try:
        make_folder(target.parent)
        write_atomic(target, content)
    except OSError as error:
        raise UserError(f"--to {target}: it cannot be written ({error.strerror}).") from None


def _as_line(name: str, said: Any) -> dict[str, Any]:
    return {"id": name, "replies": said} if isinstance(said, list) else {"id": name, **said}

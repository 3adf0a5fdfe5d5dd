"""`mmlubench record`: a run's replies become a file for a mock, which gives the same replies and so the same grades."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import orjson

from mmlubench.commands.runs import about_run, find_run, told
from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.jsonl import read, write_atomic

#: What is kept of a reply beside `completion` and `usage`, where there is any.
_KEPT = ("finish_reason", "reasoning", "metadata", "logprobs")


@click.command()
@about_run
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="file to write: .json or .jsonl"
)
@click.option("--model", "label", metavar="LABEL", help="whose replies, where the run asked several models")
@click.option("--force", is_flag=True, help="replace a file that is there")
def record(run: str, parent: Path, target: Path, label: str | None, force: bool) -> None:
    """Turn the replies of RUN into a file that a mock plays back, without network and with the same grades.

    RUN is a run folder, the id of a run, or `latest`.
    """
    with told():
        _check_target(target, force)
        replies = read_replies(find_run(run, parent), label)
        _write(target, replies.by_id)
    click.echo(f"{target}: {replies.told}")
    click.echo(
        "play it back with an entry of models.yaml: "
        f"{{model_name: mock/{target.stem}, provider: mock, responses: {target}}}, the path seen from that file"
    )


#: Which request of a case: its epoch, and how many it made before in this epoch.
Place = tuple[int, int]


@dataclass
class Replies:
    """What one model said in a run: the reply to each request of each question, None to one that failed for good."""

    label: str
    _said: dict[str, dict[Place, dict[str, Any] | None]] = field(default_factory=dict)
    _replaced: set[str] = field(default_factory=set)
    """Ids for which another reply to the same request had come before, as two tests asked the same question."""
    _failed: set[str] = field(default_factory=set)
    """Ids that are left out, since their cases ended as errors."""

    def take(self, line: Mapping[str, Any]) -> None:
        """Take in a line of `responses.jsonl`. Raises KeyError, TypeError or ValueError for one that is none."""
        name, place = line["id"], (int(line.get("epoch", 0)), int(line.get("turn", 0)))
        reply = None if "error" in line else _reply(line)
        said = self._said.setdefault(name, {})
        before = said.get(place)
        if reply is not None and before not in (None, reply):
            self._replaced.add(name)
        said[place] = reply or before  # a request that failed is made again

    def leave_out(self, errors: set[str]) -> None:
        """Drop what was said in cases that ended as errors since a request failed: the mock has to fail there, too."""
        for name in list(self._said):
            replies = self._said[name].values()
            if not any(replies) or (name in errors and None in replies):
                del self._said[name]
                self._failed.add(name)
        self._failed |= errors - self._said.keys()
        self._replaced &= self._said.keys()

    @property
    def by_id(self) -> dict[str, Any]:
        """Return what a mock's file holds for each id: a reply, or a list; see `models.mock_file`."""
        return {name: _as_written(said) for name, said in self._said.items()}

    @property
    def told(self) -> str:
        """What there is, for the user."""
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
    """Read a run's replies of one model. Raises UserError if there are none, or of several models."""
    path = folder / "responses.jsonl"
    found: dict[str, Replies] = {}
    for line in _lines(path):
        try:
            found.setdefault(line["model"], Replies(line["model"])).take(line)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(
                f"{path} does not hold what a run writes: {orjson.dumps(line).decode():.60}…"
            ) from None
    replies = _chosen(found, label, path)
    replies.leave_out(_errors(folder, replies.label))
    if not replies.by_id:
        raise UserError(
            f"{path} has no reply of {replies.label}, only errors: there is nothing to play back."
        )
    return replies


def _as_written(said: Mapping[Place, Any]) -> Any:
    """Return the only reply, a list of those of one epoch, or a list of such lists; null where none came."""
    rows: list[list[Any]] = [[] for _ in range(max(epoch for epoch, _ in said) + 1)]
    for epoch, turn in sorted(said):
        rows[epoch] += [None] * (turn - len(rows[epoch])) + [said[epoch, turn]]
    for row in rows:
        while row[1:] and row[-1] is None:
            row.pop()  # a second try that was refused: the first reply decided, and as the only one it is for all
    if len(rows) > 1:
        return rows
    return rows[0] if len(rows[0]) > 1 else rows[0][0]


def _chosen(found: Mapping[str, Replies], label: str | None, path: Path) -> Replies:
    names = ", ".join(found)
    if not found:
        raise UserError(f"{path} has no reply: there is nothing to play back.")
    if label is None and len(found) > 1:
        raise UserError(f"{path} has replies of {names}: say whose with --model LABEL.")
    if label is not None and label not in found:
        raise UserError(f"--model {label}: {path} has replies of {names}.")
    return found[label or names]


def _errors(folder: Path, label: str) -> set[str]:
    """Ids of the cases that ended as errors. A run that was killed may have graded fewer than were answered."""
    graded = [r for r in _lines(folder / "results.jsonl") if r.get("model") == label]
    well = {r.get("id") for r in graded if r.get("outcome") != "error"}
    return {r["id"] for r in graded if r.get("outcome") == "error" and r["id"] not in well}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from read(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): is it the folder of a run?") from None


def _reply(line: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(line["completion"], str):
        raise TypeError("a completion is a text")
    if line.get("continuation"):
        raise UserError(
            "this run was scored by logprob:echo, with a request for every letter, and a mock has one reply for a "
            "question: it cannot be played back; its answers are in the store."
        )
    # Without its price: playing a reply back costs nothing.
    usage = {name: value for name, value in line["usage"].items() if name != "cost_usd"}
    return {"completion": line["completion"], "usage": usage, **{k: line[k] for k in _KEPT if line.get(k)}}


def _check_target(target: Path, force: bool) -> None:
    if target.suffix not in (".json", ".jsonl"):
        raise UserError(f"--to {target}: give a file name that ends in .json or .jsonl.")
    if target.exists() and not (force and target.is_file()):
        raise UserError(
            f"--to {target}: it is there already; give another name, or --force to replace a file."
        )


def _write(target: Path, by_id: Mapping[str, Any]) -> None:
    """Write a line for each reply, by id, so that two recordings can be compared line by line."""
    in_order = sorted(by_id.items())
    if target.suffix == ".jsonl":
        content = b"".join(orjson.dumps(_as_line(name, said)) + b"\n" for name, said in in_order)
    else:
        entries = (orjson.dumps(name) + b": " + orjson.dumps(reply) for name, reply in in_order)
        content = b"{\n" + b",\n".join(entries) + b"\n}\n"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, content)
    except OSError as error:
        raise UserError(f"--to {target}: it cannot be written ({error.strerror}).") from None


def _as_line(name: str, said: Any) -> dict[str, Any]:
    return {"id": name, "replies": said} if isinstance(said, list) else {"id": name, **said}

"""Files of mock replies by question id: a JSON object, or JSON lines such as the responses.jsonl of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from mmlubench import zstd
from mmlubench.errors import ModelError
from mmlubench.inputs import DATA_BYTES, JSON_BYTES, TooLarge, read_bytes, read_lines
from mmlubench.jsonl import present
from mmlubench.schema import Usage

_BOM = b"\xef\xbb\xbf"  # the byte order mark, with which Windows editors begin a file

_LINES = (".jsonl", f".jsonl{zstd.SUFFIX}")  # the ends of names of files with a reply on each line
_AS_LINES = "; replies as JSON lines, in a file whose name ends in .jsonl, may be more"


@dataclass(frozen=True, slots=True)
class Canned:
    """A canned reply, or several replies to the requests of one case."""

    text: str
    finish_reason: str = "stop"
    usage: Usage | None = None
    """The tokens of the reply; None if they are to be estimated."""
    reasoning: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    logprobs: tuple[tuple[str, float], ...] = ()
    """Log-probabilities; if empty, they are made up where they are asked for."""
    script: tuple[tuple[Canned | None, ...], ...] = ()
    """If the file has several replies for the id: a row of replies for each epoch, or one row for all epochs."""

    def at(self, epoch: int, turn: int) -> Canned | None:
        """Return the reply to this request of a case, or None; a row with a single reply gives it at every turn."""
        if not self.script:
            return self
        if len(self.script) == 1:  # one row for all epochs: each epoch begins one reply later
            row, place = self.script[0], epoch + turn
        else:
            row, place = self.script[epoch] if epoch < len(self.script) else (), turn
        place = place if len(row) > 1 else 0
        return row[place] if place < len(row) else None


def load(path: str) -> dict[str, Canned]:
    """Return the replies of a file, or of all .json and .jsonl files of a folder, by id.

    A JSON object maps ids to a text or to `{completion, finish_reason, usage, reasoning, metadata, logprobs}`; a line
    of JSONL has the same keys and `id`. A list (in JSONL under the key `replies`) holds a reply to each request of a
    case, null for a request without reply; a list of such lists holds the replies of several epochs.
    Raises ModelError that names the file and the line or id at fault.
    """
    try:
        return _collected(item for file in _files(path) for item in _items(file))
    except OSError as error:
        way_out = _AS_LINES if isinstance(error, TooLarge) and not path.endswith(_LINES) else ""
        why = error.strerror or error
        raise ModelError(f"{path}: the mock's replies cannot be read ({why}){way_out}.") from None


def _files(path: str) -> list[str]:
    folder = Path(path)
    if not folder.is_dir():
        return [str(present(folder))]
    found = [str(file) for file in sorted(folder.iterdir()) if file.name.endswith((".json", *_LINES))]
    if not found:
        raise ModelError(f"{path}: the folder holds no file of replies, whose name ends in .json or .jsonl.")
    return found


def _collected(items: Iterable[tuple[str, Any, Any]]) -> dict[str, Canned]:
    replies: dict[str, Canned] = {}
    for where, name, value in items:
        if not isinstance(name, str) or not name:
            raise ModelError(f"{where}: expected an id such as 'mmlu/anatomy/0017', and found {name!r:.60}.")
        reply = _reply(value, where)
        if replies.setdefault(name, reply) != reply:
            raise ModelError(
                f"{where}: {name} has two different replies; keep one, "
                "or make a list of them, as `mmlubench record` does for a run."
            )
    return replies


def _items(path: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the place in the file (for error messages), the id and the value of each reply."""
    whole = None if path.endswith(_LINES) else _whole(path)
    if whole is not None:
        for name, value in whole.items():
            yield f"{path}, id {name}", name, value
        return
    # Line by line, so that a large file of another kind is refused at its first line.
    for number, line in enumerate(read_lines(Path(path), DATA_BYTES), start=1):
        line = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
        if line:
            value = _json(line, f"{path}, line {number}")
            if not isinstance(value, dict):
                raise ModelError(f"{path}, line {number}: expected an object with `id` and `completion`.")
            yield f"{path}, line {number}", value.get("id"), value.get("replies", value)


def _whole(path: str) -> dict[str, Any] | None:
    """Read the file as one object of replies; None if it is JSON lines."""
    try:
        value = orjson.loads(read_bytes(Path(path), JSON_BYTES).removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        if path.endswith(".json"):
            raise ModelError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
        return None
    if not isinstance(value, dict):
        raise ModelError(f"{path}, line 1: expected an object of replies by id, or JSON lines.")
    is_line = "id" in value and ("completion" in value or "replies" in value)
    return None if is_line else value


def _json(line: bytes, where: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ModelError(f"{where}: not valid JSON ({error.msg}).") from None


def _reply(value: Any, where: str) -> Canned:
    if isinstance(value, list):
        return _several(value, where)
    if isinstance(value, str):
        return Canned(value)
    if not isinstance(value, dict) or not isinstance(value.get("completion"), str):
        raise ModelError(f"{where}: expected a text, or an object whose `completion` is a text.")
    metadata = value.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ModelError(f"{where}: `metadata` must be an object.")
    for name in ("finish_reason", "reasoning"):
        if not isinstance(value.get(name) or "", str):
            raise ModelError(f"{where}: `{name}` must be a text.")
    return Canned(
        value["completion"],
        _text(value, "finish_reason", where) or "stop",
        _usage(value.get("usage"), where),
        _text(value, "reasoning", where),
        metadata,
        _logprobs(value.get("logprobs") or (), where),
    )


def _text(value: Mapping[str, Any], name: str, where: str) -> str:
    text = value.get(name) or ""
    if not isinstance(text, str):
        raise ModelError(f"{where}: `{name}` must be a text.")
    return text


def _several(value: list[Any], where: str) -> Canned:
    rows = value if value and all(isinstance(row, list) for row in value) else [value]
    if not all(rows):
        raise ModelError(f"{where}: a list of replies is empty; put one in, or leave the id out.")
    script = tuple(
        tuple(None if one is None else _reply(one, f"{where}, reply {n}") for n, one in enumerate(row, 1))
        for row in rows
    )
    if any(one and one.script for row in script for one in row):
        raise ModelError(f"{where}: give a list of replies, or a list of such lists, one for each epoch.")
    first = next((one for row in script for one in row if one), None)
    if first is None:
        raise ModelError(
            f"{where}: a list of replies holds nothing but null; put one in, or leave the id out."
        )
    return replace(first, script=script)


def _logprobs(value: Any, where: str) -> tuple[tuple[str, float], ...]:
    try:
        return tuple((str(token), min(float(number), 0.0)) for token, number in value)
    except (TypeError, ValueError):
        raise ModelError(f"{where}: `logprobs` must be a list of pairs of a token and a number.") from None


def _usage(value: Any, where: str) -> Usage | None:
    """Read the usage, under our names or under OpenAI's."""
    if value is None:
        return None
    try:
        if "prompt_tokens" in value:
            return Usage(int(value["prompt_tokens"]), int(value["completion_tokens"])).checked()
        return Usage(**value).checked()
    except (TypeError, ValueError, KeyError):
        raise ModelError(f"{where}: `usage` must have input_tokens and output_tokens.") from None

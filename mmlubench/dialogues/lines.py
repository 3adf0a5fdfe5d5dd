"""The log files of an experiment and their lines: `requests.jsonl`, `responses.jsonl`, `summary.json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mmlubench.dialogues.config import ALL_METADATA, Experiment
from mmlubench.dialogues.dialogue import Dialogue
from mmlubench.errors import DataError
from mmlubench.inputs import JSON_BYTES, read_bytes, read_lines
from mmlubench.jsonl import write_atomic
from mmlubench.records import DIALOGUES, check_kind
from mmlubench.schema import Completion

REQUESTS, RESPONSES, SUMMARY = "requests.jsonl", "responses.jsonl", "summary.json"
#: The file that says which configuration and data set were used, for `grade`; other programs do not write it.
ORIGIN = "experiment.json"

Line = dict[str, Any]
_OWN = ("dialogue_id", "completion")


@dataclass(frozen=True)
class Logs:
    """The content of the log files, unchecked."""

    requests: list[Line]
    responses: list[Line]
    summary: Line


def request_line(experiment: Experiment, dialogue: Dialogue) -> Line:
    """Return the line of a request; its parameters are those configured, whether or not the model takes them."""
    asked = {"dialogue_id": dialogue.dialogue_id, **experiment.asked(), "prompt": dialogue.prompt}
    return {**asked, "kind": DIALOGUES}


def response_line(experiment: Experiment, dialogue: Dialogue, completion: Completion) -> Line:
    """Return the line of a reply: its text, and the metadata that the configuration's output fields name."""
    metadata = metadata_of(completion, experiment.temperature)
    if ALL_METADATA not in experiment.output_fields:
        # `type` is always kept: without it, a refusal could not be recognised any more.
        metadata = {k: v for k, v in metadata.items() if k in (*experiment.output_fields, "type")}
    return {"dialogue_id": dialogue.dialogue_id, "completion": completion.text, **metadata}


def metadata_of(completion: Completion, temperature: float | None) -> Line:
    """Return all metadata of a reply; values that a mock file gives take precedence over ours."""
    usage = completion.usage
    known: Line = {
        "model": completion.model,
        "temperature": temperature,
        "finish_reason": completion.finish_reason,
    }
    said = dict(completion.metadata)
    if said.get("usage") == "estimated":  # token counts of a mock, which are no measurement
        del said["usage"]
    else:
        known |= {"token_count": usage.output_tokens, "input_tokens": usage.input_tokens}
        known |= {} if usage.cost_usd is None else {"cost_usd": usage.cost_usd}
    return {k: v for k, v in {**known, **said}.items() if k not in _OWN}


def metadata_in(line: Mapping[str, Any]) -> Line:
    """Return the metadata in the line of a reply."""
    return {name: value for name, value in line.items() if name not in _OWN}


def write_logs(
    folder: Path, requests: Iterable[Line], responses: Iterable[Line], origin: Line, summary: Line | None
) -> None:
    """Write the log files of a run; `summary` None deletes the one of an earlier run. Raises OSError."""
    # Deleted first, so that a summary never lies beside replies of another run.
    with suppress(FileNotFoundError):
        (folder / SUMMARY).unlink()
    write_atomic(folder / ORIGIN, _json(origin))  # first, as it tells whose the others are
    write_atomic(folder / REQUESTS, _jsonl(requests))
    write_atomic(folder / RESPONSES, _jsonl(responses))
    if summary is not None:
        write_atomic(folder / SUMMARY, _json(summary))


def read_logs(folder: Path) -> Logs:
    """Read the files of a run. Raises DataError for one that is missing, torn, or not what it should be."""
    # The lines of other programs may say of which kind a dialogue is: only the summary says what the run is of.
    return Logs(_lines(folder / REQUESTS), _lines(folder / RESPONSES), read_summary(folder))


def read_summary(folder: Path) -> Line:
    """Read `summary.json`; one that says no kind is another program's. Raises DataError."""
    summary = read_object(folder / SUMMARY)
    check_kind(summary, DIALOGUES, folder / SUMMARY)
    return summary


def read_object(path: Path) -> Line:
    """Read a JSON object. Raises DataError."""
    try:
        value = orjson.loads(read_bytes(path, JSON_BYTES))
    except OSError as error:
        raise _unreadable(path, error) from None
    except orjson.JSONDecodeError as error:
        raise DataError(path, f"the file is cut off or not JSON ({error.msg}).") from None
    if not isinstance(value, dict):
        raise DataError(path, "expected a JSON object in braces.")
    return value


def _lines(path: Path) -> list[Line]:
    """Read JSON lines. A last line that is cut off is an error, unlike in the logs of a run under way."""
    found = []
    try:
        for number, raw in enumerate(read_lines(path), start=1):
            if raw.strip():
                found.append(_line(raw, path, number))
    except OSError as error:
        raise _unreadable(path, error) from None
    return found


def _line(raw: bytes, path: Path, number: int) -> Line:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        problem = "it is cut off" if not raw.endswith(b"\n") else "it is not JSON"
        raise DataError(path, f"this line cannot be read: {problem} ({error.msg}).", row=number) from None
    if not isinstance(value, dict):
        raise DataError(path, "this line is JSON, but not an object in braces.", row=number)
    return value


def _unreadable(path: Path, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(path, "the file is missing.")
    return DataError(path, f"the file cannot be read ({error.strerror}).")


def _jsonl(lines: Iterable[Line]) -> bytes:
    return b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)


def _json(value: Line) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

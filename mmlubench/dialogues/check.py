"""The checks of `mmlubench grade`: all figures are computed again from the log files, and each fault is reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mmlubench.dialogues.config import Experiment
from mmlubench.dialogues.dialogue import Dialogue
from mmlubench.dialogues.expectation import shortfall
from mmlubench.dialogues.figures import summarize
from mmlubench.dialogues.lines import REQUESTS, RESPONSES, SUMMARY, Line, Logs, metadata_in, read_logs
from mmlubench.dialogues.metrics import EXTENDED, STANDARD, refusal_signals
from mmlubench.errors import DataError
from mmlubench.figures import several

#: The tolerance for a figure: programs may differ in how they round to four decimals.
_TOLERANCE = 0.00006


def faults(folder: Path, experiment: Experiment) -> list[str]:
    """Return the faults of a run folder, one sentence each; empty if there are none.

    A log file that cannot be read is a fault, too. Raises DataError only for an invalid data set.
    """
    dialogues = experiment.dialogues
    try:
        logs = read_logs(folder)
    except DataError as error:
        return [str(error)]
    # If the lines belong to other dialogues, comparing them any further makes no sense.
    wrong_rows = [*_counts(logs, dialogues), *_ids(logs, dialogues)]
    if wrong_rows:
        return wrong_rows
    found = [*_prompts(logs, dialogues), *_parameters(logs, experiment)]
    incomplete = list(_gaps(logs, experiment))
    if incomplete:
        return [*found, *incomplete]
    return [*found, *_shortfalls(logs, dialogues), *_figures(logs, experiment)]


def _counts(logs: Logs, dialogues: Sequence[Dialogue]) -> Iterator[str]:
    for name, lines in ((REQUESTS, logs.requests), (RESPONSES, logs.responses)):
        if len(lines) != len(dialogues):
            yield f"{name} has {several(len(lines), 'dialogue')}, and the data set has {len(dialogues):,}."


def _ids(logs: Logs, dialogues: Sequence[Dialogue]) -> Iterator[str]:
    for name, lines in ((REQUESTS, logs.requests), (RESPONSES, logs.responses)):
        ids = (line.get("dialogue_id") for line in lines)
        pairs = enumerate(zip_longest(ids, (d.dialogue_id for d in dialogues)), start=1)
        wrong = next(((row, found, right) for row, (found, right) in pairs if found != right), None)
        if wrong and len(lines) == len(dialogues):
            row, found, right = wrong
            yield f"{name}, row {row}: the dialogue_id is {found!r:.80}, where the data set has {right!r}."


def _prompts(logs: Logs, dialogues: Sequence[Dialogue]) -> Iterator[str]:
    for row, line, dialogue in _rows(logs.requests, dialogues):
        prompt = line.get("prompt")
        said = prompt if isinstance(prompt, Mapping) else {}
        wrong = [name for name, text in dialogue.prompt.items() if said.get(name) != text]
        if wrong:
            texts = " and ".join(wrong)
            yield f"{REQUESTS}, row {row}: the {texts} text of {dialogue.dialogue_id!r} is not that of the data set."


def _parameters(logs: Logs, experiment: Experiment) -> Iterator[str]:
    for row, line, dialogue in _rows(logs.requests, experiment.dialogues):
        for name, right in experiment.asked().items():
            if name not in line:
                yield f"{REQUESTS}, row {row}: {name} of {dialogue.dialogue_id!r} is missing."
            elif line[name] != right or isinstance(line[name], bool):
                yield (
                    f"{REQUESTS}, row {row}: {name} of {dialogue.dialogue_id!r} is {line[name]!r:.80}, "
                    f"and the configuration says {right!r}."
                )


def _gaps(logs: Logs, experiment: Experiment) -> Iterator[str]:
    wants_metadata = bool(set(experiment.output_fields) - {"completion", "dialogue_id"})
    for row, line, dialogue in _rows(logs.responses, experiment.dialogues):
        where = f"{RESPONSES}, row {row}: the reply to {dialogue.dialogue_id!r}"
        text, metadata = line.get("completion"), metadata_in(line)
        if not isinstance(text, str):
            yield f"{where} has no completion."
        elif not text.strip() and not refusal_signals(text, metadata):
            yield f"{where} has an empty completion."
        if wants_metadata and not metadata:
            yield f"{where} has no metadata, such as the model."


def _shortfalls(logs: Logs, dialogues: Sequence[Dialogue]) -> Iterator[str]:
    for row, line, dialogue in _rows(logs.responses, dialogues):
        missed = shortfall(dialogue, line["completion"], metadata_in(line))
        if missed:
            yield f"{RESPONSES}, row {row}: {dialogue.dialogue_id!r}: {missed}."


def _figures(logs: Logs, experiment: Experiment) -> Iterator[str]:
    right = summarize(experiment.dialogues, logs.responses, experiment.metrics)
    needed = (*STANDARD, *(name for name in EXTENDED if name in experiment.metrics))
    yield from _differences(logs.summary, right, needed, needed)
    # Figures that only mmlubench writes are compared if they are present.
    yield from _differences(logs.summary, right, ("n", "as_expected"), ())
    extended = logs.summary.get("extended")
    if isinstance(extended, dict):
        yield from _differences(extended, right["extended"], EXTENDED, ())


def _differences(
    found: Line, right: Mapping[str, Any], names: Iterable[str], needed: Sequence[str]
) -> Iterator[str]:
    for name in names:
        if name not in found:
            if name in needed:
                yield f"{SUMMARY} has no {name}: it is {right[name]}."
        elif not _is_close(found[name], right[name]):
            yield f"{SUMMARY}: {name} is {found[name]!r:.40}, and the replies make it {right[name]}."


def _is_close(value: Any, right: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value - right) <= _TOLERANCE


def _rows(lines: Sequence[Line], dialogues: Sequence[Dialogue]) -> Iterator[tuple[int, Line, Dialogue]]:
    for row, (line, dialogue) in enumerate(zip(lines, dialogues, strict=True), start=1):
        yield row, line, dialogue

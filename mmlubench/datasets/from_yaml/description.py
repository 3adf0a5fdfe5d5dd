"""A benchmark of the user's own: a YAML that says where the rows are and what their columns mean.

    name: capitals
    file: capitals.csv             # csv, tsv, json, jsonl or parquet; from the folder of the YAML
    columns:
      question: Question
      choices: [A, B, C, D]        # or one column that holds a list
      answer: Right
    answer: letter                 # or index, text; auto where it can be told

`hub: owner/name` with `revision` stands in the place of `file` for a data set on the hub.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from mmlubench.datasets import cells, checks
from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.from_yaml.rows import WAYS, Columns, questions
from mmlubench.datasets.sources import tables
from mmlubench.errors import DataError
from mmlubench.inputs import load_yaml
from mmlubench.schema import ALPHABET

_AUTO = "auto"
_ASKED, _SHOTS = "test", "dev"  # what the splits of files are called; those of the hub have names


@dataclass(frozen=True)
class Description:
    """What such a YAML says, key by key."""

    path: Path = field(metadata={"key": False})
    name: str = ""
    """Letters, digits and underscores, as it is the name of a test."""
    description: str = ""
    file: str = ""
    shots_file: str = ""
    """A file of the same columns that holds the worked examples."""
    hub: str = ""
    config: str = "default"
    revision: str = ""
    """The commit on the hub, in full."""
    split: str = ""
    """Which rows are asked: a split of the hub (`test` if left out), or what `columns.split` says of them."""
    shots_split: str = ""
    """Which rows are worked examples."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    answer: str = _AUTO
    """How `columns.answer` names the right choice: one of `WAYS`, or `auto`."""
    index_base: int = 0
    """The number of the first choice, where answers are numbers."""
    language: str = ""
    """The locale of all questions; a column may say it of each instead."""


def read(path: str | Path) -> Spec:
    """Return the data set that a YAML describes. Raises DataError for one that cannot be used."""
    said = _description(Path(path))
    return _spec(said, _columns(said))


def _spec(said: Description, columns: Columns) -> Spec:
    asked, shots = (said.split or _ASKED, said.shots_split) if said.hub else (_ASKED, _SHOTS)
    make = partial(questions, said.name, columns, said.answer, said.index_base, said.language)
    return Spec(
        name=said.name,
        repository=said.hub,
        config=said.config,
        revision=said.revision,
        columns=dict.fromkeys(columns.used(), checks.ANY),
        check=checks.filled,
        build=lambda split, files: make("" if split == asked else f"{split}-", files),
        counts={},
        scored=asked,
        shots=shots,
        spare=(),
        description=said.description,
        source=partial(_source, said, columns),
    )


def _source(said: Description, columns: Columns) -> Source:
    spec = _spec(said, columns)
    if not said.hub:
        return _from_files(spec, said, columns)
    from mmlubench.datasets.sources import hub  # late, as everywhere

    # Nobody has told how many rows there are.
    return replace(hub.read(spec), complete=False)


def _from_files(spec: Spec, said: Description, columns: Columns) -> Source:
    path = _path(said, said.file)
    rows = tables.read(path, spec.columns)
    if columns.split:
        asked = [_of_split(rows, columns.split, said.split)]
        shots = [_of_split(rows, columns.split, said.shots_split)] if said.shots_split else []
    else:
        asked = [rows]
        shots = [tables.read(_path(said, said.shots_file), spec.columns)] if said.shots_file else []
    return Source({spec.scored: asked, spec.shots: shots}, str(path), complete=False)


def _path(said: Description, name: str) -> Path:
    path = said.path.parent / Path(name).expanduser()
    if not path.is_file():
        raise DataError(said.path, f"there is no file {path}; a path is taken from the folder of this YAML.")
    return path


def _of_split(rows: Rows, column: str, split: str) -> Rows:
    names = rows.columns[column]
    kept = [index for index, name in enumerate(names) if name == split]
    if not kept:
        found = ", ".join(str(name) for name in dict.fromkeys(names))
        raise DataError(
            rows.file, f"no row has {split!r} in its column {column!r}; found {found or 'nothing'}."
        )
    columns = {name: [values[index] for index in kept] for name, values in rows.columns.items()}
    return Rows(rows.file, columns, kept)


def _description(path: Path) -> Description:
    document = _document(path)
    known = {one.name: one for one in fields(Description) if one.metadata.get("key", True)}
    _check_keys(path, document, known, "")
    # A key with nothing behind it is YAML's way to leave it open.
    given = {key: value for key, value in document.items() if value is not None}
    for key, value in given.items():
        expected = {"columns": dict, "index_base": int}.get(key, str)
        if type(value) is not expected:
            kind = {dict: "keys and values", int: "a whole number", str: "a text"}[expected]
            raise DataError(path, f"{key} is {cells.short(value)}; give {kind}.")
    said = Description(path, **given)
    if problem := _problem(said):
        raise DataError(path, f"{problem}.")
    return said


def _document(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = load_yaml(path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise DataError(path, f"it is not YAML{line} ({getattr(error, 'problem', error)}).") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, f"it cannot be read ({checks.first_line(error)}).") from None
    if not isinstance(document, dict):
        raise DataError(path, "keys and values were expected, of which name, file and columns come first.")
    return document


def _check_keys(path: Path, given: Mapping[Any, Any], known: Mapping[str, Any], where: str) -> None:
    for key in given:
        if key not in known:
            close = cells.close_to(str(key), known)
            raise DataError(
                path, f"unknown key {f'{where}{key}'!r}; allowed here: {', '.join(known)}{close or '.'}"
            )


def _problem(said: Description) -> str:
    """Check what types cannot say: a sentence without its end, or nothing."""
    if not re.fullmatch(r"[A-Za-z]\w*", said.name, re.ASCII):
        return f"name is {said.name!r}, and letters, digits and underscores were expected"
    if bool(said.file) == bool(said.hub):
        return "it must have either file, for rows on this machine, or hub, for a data set there"
    if said.hub and not re.fullmatch(r"[0-9a-f]{40}", said.revision):
        return "hub needs revision, the commit in full (40 digits from 0 to f), as what a branch names may change"
    if said.hub and said.shots_file:
        return "shots_file goes with file; give shots_split for a data set on the hub"
    if said.answer not in (*WAYS, _AUTO):
        return f"answer is {said.answer!r}, and one of {', '.join((*WAYS, _AUTO))} was expected"
    if said.file and said.revision:
        return "revision goes with hub; leave it out for a file"
    if said.file and (said.split or said.shots_split) and not said.columns.get("split"):
        return "split chooses rows of a file by a column, so columns.split has to name it"
    return ""


def _columns(said: Description) -> Columns:
    _check_keys(said.path, said.columns, {one.name: one for one in fields(Columns)}, "columns.")
    given = {key: value for key, value in said.columns.items() if value is not None}
    for key in ("question", "choices", "answer"):
        if key not in given:
            raise DataError(said.path, f"columns.{key} is missing, which names the column of the {key}.")
    for key, value in given.items():
        names = value if key == "choices" and isinstance(value, list) else [value]
        if not names or not all(isinstance(name, str) for name in names):
            raise DataError(
                said.path, f"columns.{key} is {cells.short(value)}, and a column's name was expected."
            )
    if isinstance(given["choices"], list):
        given["choices"] = tuple(given["choices"])
        if not 2 <= len(given["choices"]) <= len(ALPHABET):
            number = len(given["choices"])
            raise DataError(
                said.path, f"columns.choices names {number} columns, and 2 to {len(ALPHABET)} were expected."
            )
    return Columns(**given)

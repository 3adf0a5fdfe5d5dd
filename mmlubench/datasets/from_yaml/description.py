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
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from mmlubench import yaml_file
from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.from_yaml.rows import WAYS, Columns, questions
from mmlubench.datasets.sources import tables
from mmlubench.errors import DataError

_AUTO = "auto"
_SCORED, _EXAMPLES = "test", "dev"  # what the splits of files are called; those of the hub have names

_NAME = yaml_file.key(
    "a name of letters, digits and underscores, such as capitals",
    lambda value: bool(re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII)),
)
_ANSWER = yaml_file.key(f"one of {', '.join((*WAYS, _AUTO))}", lambda value: value in (*WAYS, _AUTO))


@dataclass(frozen=True, kw_only=True)
class Description:
    """The keys of such a YAML file."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = yaml_file.EXACT

    path: Path
    """The YAML itself."""
    name: str = field(metadata=_NAME)
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
    columns: Columns
    answer: str = field(default=_AUTO, metadata=_ANSWER)
    """How `columns.answer` names the right choice: one of `WAYS`, or `auto`."""
    index_base: int = 0
    """The number of the first choice, where answers are numbers."""
    language: str = ""
    """The locale of all questions; a column may say it of each instead."""


def read(path: str | Path) -> Spec:
    """Return the data set that a YAML describes. Raises DataError for one that cannot be used."""
    path = Path(path)
    said = yaml_file.read(Description, path, DataError, path=path)
    if problem := _problem(said):
        raise DataError(path, f"{problem}.")
    return _spec(said)


def _spec(said: Description) -> Spec:
    columns = said.columns
    scored, examples = (said.split or _SCORED, said.shots_split) if said.hub else (_SCORED, _EXAMPLES)
    make = partial(questions, said.name, columns, said.answer, said.index_base, said.language)
    return Spec(
        name=said.name,
        repository=said.hub,
        config=said.config,
        revision=said.revision,
        columns=dict.fromkeys(columns.used(), checks.ANY),
        check=checks.filled,
        build=lambda split, files: make("" if split == scored else f"{split}-", files),
        counts={},
        scored=scored,
        example_split=examples,
        spare=(),
        description=said.description,
        source=partial(_source, said),
    )


def _source(said: Description) -> Source:
    spec = _spec(said)
    if not said.hub:
        return _from_files(spec, said)
    from mmlubench.datasets.sources import hub  # late, as everywhere

    # The number of rows is not known in advance.
    return replace(hub.read(spec), complete=False)


def _from_files(spec: Spec, said: Description) -> Source:
    path = _path(said, said.file)
    rows = tables.read(path, spec.columns)
    if column := said.columns.split:
        asked = [_of_split(rows, column, said.split)]
        examples = [_of_split(rows, column, said.shots_split)] if said.shots_split else []
    else:
        asked = [rows]
        examples = [tables.read(_path(said, said.shots_file), spec.columns)] if said.shots_file else []
    return Source({spec.scored: asked, spec.example_split: examples}, str(path), complete=False)


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


def _problem(said: Description) -> str:
    """Check which keys go together: a sentence without its end, or nothing."""
    if bool(said.file) == bool(said.hub):
        return "it must have either file, for rows on this machine, or hub, for a data set there"
    if said.hub and not re.fullmatch(r"[0-9a-f]{40}", said.revision):
        return "hub needs revision, the commit in full (40 digits from 0 to f), as what a branch names may change"
    if said.hub and said.shots_file:
        return "shots_file goes with file; give shots_split for a data set on the hub"
    if said.file and said.revision:
        return "revision goes with hub; leave it out for a file"
    if said.file and (said.split or said.shots_split) and not said.columns.split:
        return "split chooses rows of a file by a column, so columns.split has to name it"
    return ""

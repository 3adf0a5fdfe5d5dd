"""A benchmark of the user's own: a YAML that says where the rows are and what their columns mean.

    name: capitals
    file: capitals.csv             # csv, tsv, json, jsonl or parquet; from the folder of the YAML
    columns:
      question: Question
      choices: [A, B, C, D]        # or one column that holds a list
      answer: Right
    answer: letter                 # or index, text; auto where it can be told
    index_base: 1                  # if answers are numbers and the first choice is 1; without it 0
    shuffle: true                  # if the right choice always stands at the same place

`hub: owner/name` with `revision` stands in the place of `file` for a data set on the hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from mmlubench import yaml_file
from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.from_yaml import doubts, scripts
from mmlubench.datasets.from_yaml.answers import WAYS
from mmlubench.datasets.from_yaml.rows import Columns, questions
from mmlubench.datasets.sources import tables
from mmlubench.errors import DataError
from mmlubench.figures import several
from mmlubench.schema import Question

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
    index_base: int | None = None
    """The number of the first choice, where answers are numbers: 0 if it is not said."""
    shuffle: bool = False
    """Whether choices get an order drawn from the question's id, also those of worked examples.

    For data whose right choice always stands at the same place. No choice and no rationale may then name a letter.
    """
    language: str = ""
    """The locale of all questions; a column may say it of each instead. Else the script tells it if it can."""


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
    make = partial(
        questions, said.name, columns, said.answer, said.index_base, said.language, shuffle=said.shuffle
    )
    return Spec(
        name=said.name,
        repository=said.hub,
        config=said.config,
        revision=said.revision,
        columns=dict.fromkeys(columns.used(), checks.ANY),
        check=checks.filled,
        build=lambda split, files: make(prefix="" if split == scored else f"{split}-", files=files),
        counts={},
        scored=scored,
        example_split=examples,
        spare=(),
        description=said.description,
        source=partial(_source, said),
        remarks=partial(_remarks, said),
    )


def _remarks(said: Description, source: Source, questions: Sequence[Question]) -> Iterator[str]:
    """Yield what a user should know of the questions: doubts, and what was done that the data do not say."""
    if said.shuffle:
        left = sum(not question.order for question in questions)
        but = f", but for {several(left, 'question')} whose choices name letters" if left else ""
        yield f"choices shuffled by the id of their question{but}"
    first = questions[0]
    if first.language and not said.language and not said.columns.language:
        yield (
            f"no language is said, and {scripts.script(first.language)} script taken for `language: {first.language}`"
        )
    yield from doubts.one_letter(questions)
    yield from doubts.lettered_twice(questions)
    yield from doubts.repeated(questions)
    if said.index_base is None and said.answer in ("index", _AUTO):
        scored = source.splits[said.split or _SCORED if said.hub else _SCORED]
        answers = (answer for rows in scored for answer in rows.columns[said.columns.answer])
        yield from doubts.counted_from_one(answers, questions)


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

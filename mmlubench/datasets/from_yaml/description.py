r"""A benchmark of the user's own: a YAML that says where the rows are and what their columns mean.

    name: capitals
    file: capitals.csv             # csv, tsv, json, jsonl or parquet; from the folder of the YAML
    columns:
      question: Question
      choices: [A, B, C, D]        # or one column that holds a list
      answer: Right
    answer: letter                 # or index, text; auto where it can be told
    index_base: 1                  # if answers are numbers and the first choice is 1; without it 0
    shuffle: true                  # if the right choice always stands at the same place

`hub: owner/name` with `revision` stands in the place of `file` for a data set on the hub; then also:

    config: {DE: de_DE, FR: fr_FR}    # a configuration for each language, for `--language`; or one name
    config: [anatomy, astronomy]      # a configuration for each subject; with `configs: language`, for each language
    categories: {medicine: [anatomy]} # the category of subjects, where no column says it
    files: "data/{config}/{split}.csv"  # read these files themselves, also inside of an `archive.zip/…`
    rows: 198                         # how many questions there must be, in each language: a number, by language, or
                                      # by subject

And for all data:

    columns:
      context: passage           # is put before the question
      question: "{title}: {text}"  # put together out of columns; `{text:capitalized}` begins with a capital letter
      id: [link, number]         # columns that together are an id; translations of one question share it
      # without `choices`, they are cut out of the text of the question: `A) …`, `(A) …`, `A. …` or `A: …`
    replace: {' \[title\]': '.'}  # regular expressions in questions and choices, and what takes their place, in order
    answer: flag                 # TruthfulQA's {choices, labels}: the label 1 is right; `first`: the first choice is
    where: {answer_type: multipleChoice}  # only rows with that value, or any of a list of values
    leave_out: {id: [3299]}      # rows that are known to be broken

The files of the packaged benchmarks, `mmlubench/benchmarks/*.benchmark.yaml`, are examples; they also say `licence`,
`citation`, `language`, `access` and what is `unverified`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

from mmlubench import yaml_file
from mmlubench.datasets import checks
from mmlubench.datasets.base import About, Rows, Source, Spec
from mmlubench.datasets.from_yaml import doubts, origin, scripts, wording
from mmlubench.datasets.from_yaml.answers import FIRST, WAYS
from mmlubench.datasets.from_yaml.configs import LANGUAGE, SUBJECT, Config, Parts, parts_of
from mmlubench.datasets.from_yaml.kept import Values, first_of_each, kept
from mmlubench.datasets.from_yaml.rows import Columns, questions
from mmlubench.errors import DataError
from mmlubench.figures import several
from mmlubench.schema import Question

_AUTO = "auto"
_ANSWERS = (*WAYS, FIRST, _AUTO)
#: The most worked examples of a subject that are kept; published protocols show up to 25.
_MOST_SHOTS = 100

_NAME = yaml_file.key(
    "a name of letters, digits and underscores, such as capitals",
    lambda value: bool(re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII)),
)
_ANSWER = yaml_file.key(f"one of {', '.join(_ANSWERS)}", lambda value: value in _ANSWERS)
_CONFIG = yaml_file.key("a name, a list of names, or names by language", bool)
_CONFIGS = yaml_file.key(f"{LANGUAGE} or {SUBJECT}", lambda value: value in (LANGUAGE, SUBJECT))
_REPLACE = yaml_file.key("texts by regular expression, such as {' +': ' '}")
_ROWS = yaml_file.key("a whole number of at least 1, or such numbers by language or by subject")


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
    config: Config = field(default="default", metadata=_CONFIG)
    """One configuration, one for each subject (a list), or one for each language (by language)."""
    configs: str = field(default=SUBJECT, metadata=_CONFIGS)
    """What the configurations of a list are."""
    files: str = ""
    """The path of a file on the hub, with `{config}` and `{split}`; the library finds the files if it is left out."""
    revision: str = ""
    """The commit on the hub, in full."""
    split: str = ""
    """Which rows are asked: a split of the hub (`test` if left out), or what `columns.split` says of them."""
    shots_split: str = ""
    """Which rows are worked examples."""
    columns: Columns
    answer: str = field(default=_AUTO, metadata=_ANSWER)
    """How `columns.answer` names the right choice: one of `WAYS`, `first`, or `auto`."""
    index_base: int | None = None
    """The number of the first choice, where answers are numbers: 0 if it is not said."""
    shuffle: bool = False
    """Whether choices get an order drawn from the question's id, also those of worked examples.

    For data whose right choice always stands at the same place. No choice and no rationale may then name a letter.
    """
    replace: dict[str, str] = field(default_factory=dict, metadata=_REPLACE)
    """Regular expressions in questions and choices, and what takes their place, in this order."""
    where: dict[str, Values] = field(default_factory=dict)
    """Only rows with these values in these columns are asked or shown."""
    leave_out: dict[str, Values] = field(default_factory=dict)
    """Rows with one of these values are left out: those that are known to be broken."""
    rows: int | dict[str, int] = field(default=0, metadata=_ROWS)
    """The number of questions, checked on load: of each language, by language, or by subject."""
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The subjects of each category, where no column says the category."""
    language: str = ""
    """The locale of all questions; a column may say it of each instead. Else the script tells it if it can."""
    licence: str = ""
    citation: str = ""
    access: str = ""
    """How to get a data set that the hub gives only to those who ask."""
    unverified: tuple[str, ...] = ()
    """Keys whose values were not compared with the hub."""


def read(path: str | Path, *, packaged: bool = False) -> Spec:
    """Return the data set that a YAML describes. Raises DataError for one that cannot be used.

    One of the `packaged` benchmarks has an embedded sample, and is read from wherever `--data` says.
    """
    path = Path(path)
    said = yaml_file.read(Description, path, DataError, path=path)
    if problem := _problem(said):
        raise DataError(path, f"{problem}.")
    return _spec(said, packaged=packaged)


def _spec(said: Description, *, packaged: bool) -> Spec:
    parts = parts_of(said.config, said.configs)
    scored, examples = (said.split or origin.SCORED, said.shots_split) if said.hub else origin.SPLITS
    of_subjects = isinstance(said.rows, dict) and parts.are != LANGUAGE
    spec = Spec(
        name=said.name,
        repository=said.hub,
        config=parts.config,
        revision=said.revision,
        columns=dict.fromkeys([*said.columns.used(), *said.where, *said.leave_out], checks.ANY),
        check=checks.filled,
        build=partial(_build, said, parts, scored),
        counts=said.rows if of_subjects else {},  # type: ignore[arg-type]  # a dict then
        rows=0 if of_subjects else said.rows,
        scored=scored,
        example_split=examples,
        spare=(),
        sample=f"questions/{said.name}.jsonl" if packaged else "",
        parts=parts.parts,
        part_column=parts.are,
        configs=parts.configs,
        files=said.files,
        description=said.description,
        remarks=partial(_remarks, said),
        about=About(said.licence, said.citation, said.language or "en", said.access, said.unverified),
    )
    place = origin.Place(
        said.path,
        said.file,
        said.shots_file,
        said.split,
        said.shots_split,
        said.columns.split,
        bool(said.rows),
    )
    return spec if packaged else origin.with_source(spec, place)


def _build(said: Description, parts: Parts, scored: str, split: str, files: Sequence[Rows]) -> list[Question]:
    asked = [kept(rows, said.where, said.leave_out) for rows in files]
    return questions(
        said.name,
        said.columns,
        said.answer,
        said.index_base,
        said.language,
        "" if split == scored else f"{split}-",
        asked if split == scored else first_of_each(asked, said.columns.subject, _MOST_SHOTS),
        shuffle=said.shuffle,
        parts=parts.are,
        categories={subject: name for name, subjects in said.categories.items() for subject in subjects},
        replace=said.replace,
    )


def _remarks(said: Description, source: Source, questions: Sequence[Question]) -> Iterator[str]:
    """Yield what a user should know of the questions: doubts, and what was done that the data do not say."""
    if said.revision != source.revision and source.revision and source.complete:
        yield f"warning: this is {said.hub} at {source.revision[:8]}, and {said.name} is pinned to {said.revision[:8]}"
    if said.leave_out:
        named = (f"{column} {_listed(values)}" for column, values in said.leave_out.items())
        yield f"rows known to be broken left out, where they are there: {', '.join(named)}"
    if said.shuffle:
        left = sum(not question.order for question in questions)
        but = f", but for {several(left, 'question')} whose choices name letters" if left else ""
        yield f"choices shuffled by the id of their question{but}"
    first = questions[0]
    is_told = (
        said.language or said.columns.language or isinstance(said.config, dict) or said.configs == LANGUAGE
    )
    if first.language and not is_told:
        yield (
            f"no language is said, and {scripts.script(first.language)} script taken for `language: {first.language}`"
        )
    yield from doubts.one_letter(questions)
    yield from doubts.lettered_twice(questions)
    yield from doubts.repeated(questions)
    if said.index_base is None and said.answer in ("index", _AUTO):
        scored = source.splits[said.split or origin.SCORED if said.hub else origin.SCORED]
        answers = (
            answer
            for rows in scored
            for answer in kept(rows, said.where, said.leave_out).columns[said.columns.answer]
        )
        yield from doubts.counted_from_one(answers, questions)


def _listed(values: Values) -> str:
    return ", ".join(map(str, values)) if isinstance(values, tuple) else str(values)


def _problem(said: Description) -> str:
    """Check which keys go together: a sentence without its end, or nothing."""
    if not said.columns.answer:
        return "columns.answer is missing: give the name of the column of answers"
    if bool(said.file) == bool(said.hub):
        return "it must have either file, for rows on this machine, or hub, for a data set there"
    if said.hub and not re.fullmatch(r"[0-9a-f]{40}", said.revision):
        return "hub needs revision, the commit in full (40 digits from 0 to f), as what a branch names may change"
    if said.hub and said.shots_file:
        return "shots_file goes with file; give shots_split for a data set on the hub"
    if said.file and said.revision:
        return "revision goes with hub; leave it out for a file"
    if said.file and (said.config != "default" or said.files):
        return "config and files go with hub; a file has its subjects and languages in columns"
    if said.file and (said.split or said.shots_split) and not said.columns.split:
        return "split chooses rows of a file by a column, so columns.split has to name it"
    if said.columns.choices == "" and said.shuffle:
        return "shuffle needs columns.choices, as the text of a question may speak of the letters in it"
    if problem := wording.problem(said.columns.question, said.replace):
        return problem
    counts = said.rows.values() if isinstance(said.rows, dict) else [said.rows or 1]
    if min(counts, default=0) < 1:
        return "rows must be a whole number of at least 1, or such numbers by language or by subject"
    return ""

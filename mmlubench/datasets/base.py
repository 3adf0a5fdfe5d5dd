"""The types of a data set: `Rows` and `Source` as read, the `Spec` that describes them, the finished `DataSet`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmlubench.schema import Question


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one file, column by column, unchanged."""

    file: str
    """The origin of the rows, for error messages: a path, or what a user can look up on the hub."""
    columns: Mapping[str, Sequence[Any]]
    numbers: Sequence[int] = ()
    """The number in the file of each row here, counted from 0; empty if rows are numbered as in the file."""
    part: str = ""
    """The part (one of `Spec.parts`) that the rows belong to; empty for a data set without parts."""
    ranks: Sequence[int] = ()
    """The position of each row here among all rows of its subject in the part; empty if no rows are left out."""

    def number(self, index: int) -> int:
        """Return the number that a row has in the file, counted from 0."""
        return self.numbers[index] if self.numbers else index

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True, slots=True)
class Source:
    """The data that one source gave: the rows of each split's files, and their origin."""

    splits: Mapping[str, Sequence[Rows]]
    name: str
    """The origin as the manifest names it, for example `hub cais/mmlu@c30699e8`."""
    revision: str = ""
    """The revision of the data, in full; empty where it is not known."""
    complete: bool = True
    """Whether the data should be the complete data set, so that the number of rows is checked."""
    counts: Mapping[str, Mapping[str, int]] | None = None
    """The number of rows of each subject in each part, of the scored split, where only a sample of them was read."""


@dataclass(frozen=True, slots=True)
class About:
    """What is told of a data set: by whom it may be used, how it is cited and got, what nobody could check."""

    licence: str = ""
    """The licence as the card of the data set names it, such as `cc-by-4.0`; `unknown` if it names none."""
    citation: str = ""
    """Authors, year and where it was published."""
    language: str = "en"
    """The language of a data set that is in one only."""
    access: str = ""
    """How to get a data set that the hub does not give to everybody; empty for one that it does."""
    unverified: tuple[str, ...] = ()
    """Keys of its description that were not compared with the hub."""


@dataclass(frozen=True)
class Spec:
    """The description of a data set: adding one takes one `Spec` in one file, and one line in `names.py`."""

    name: str
    repository: str
    """The repository on the hub, `owner/name`."""
    config: str
    """The configuration on the hub; empty for a data set in parts, each of which is a configuration."""
    revision: str
    """The commit that is loaded from the hub, in full: a branch such as `main` may move."""
    columns: Mapping[str, str]
    """The columns of the files: name to one of the kinds in `arrow.py`."""
    check: Callable[[Rows], None]
    """Raises DataError for the first bad row of a file."""
    build: Callable[[str, Sequence[Rows]], list[Question]]
    """Makes the questions of a split from `(split, rows of its files)`, subject by subject.

    Of a data set in parts it gets the files of one part at a time.
    """
    counts: Mapping[str, int]
    """The rows of each subject in the complete scored split; in each language, where there are several."""
    rows: int | Mapping[str, int] = 0
    """The rows of the complete scored split where those of subjects are not known: of each language, or by language.

    0 where that is not known either.
    """
    scored: str = "test"
    """The split that is asked."""
    example_split: str = "dev"
    """The split that worked examples come from; empty where there is none."""
    shots_per_subject: int = 5
    examples_of: str = ""
    """The data set whose worked examples serve, by subject, for one that has none of its own."""
    spare: tuple[str, ...] = ("validation",)
    """Other splits, neither scored nor used for examples, that a snapshot includes."""
    sample: str = ""
    """The file of the embedded sample under `fixtures/`; empty for none."""
    hendrycks: bool = False
    """Whether the data set may also come in the CSV layout of the original MMLU."""
    parts: tuple[str, ...] = ()
    """The parts of a data set that is divided (by language, for example): a configuration and a folder for each."""
    part_column: str = ""
    """What the parts are, such as `language`; also the column that names the part in a file with several parts."""
    sampled_by: str = ""
    """The column of a text that is the subject of a row, if `build` heeds `Rows.ranks`: then a sample is read alone."""
    configs: Mapping[str, str] = field(default_factory=dict)
    """The configuration on the hub of each part, where its name is not that of the part."""
    files: str = ""
    """The path of a file in the repository, with `{config}` and `{split}`, for one that is read itself.

    `archive.zip/inner/path` is a file inside an archive. Empty: the library `datasets` finds the files.
    """
    csv: str = ""
    """The name of a part's CSV file, if the repository has such files in a folder named after the split.

    `{}` stands for the part, with hyphens.
    """
    description: str = ""
    remarks: Callable[[Source, Sequence[Question]], Iterable[str]] = lambda source, questions: ()
    """Says what a user should know of the scored questions: half a sentence each, which `DataSet.notice` joins."""
    about: About = About()
    source: Callable[..., Source] | None = None
    """Reads the rows from a place of its own, so that `--data` is not heeded; it is called with the parts asked for
    where the data set has `parts`, else without arguments."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The locales of a translated data set; empty for a data set in one language."""
        return self.parts if self.part_column == "language" else ()

    @property
    def size(self) -> int:
        """The number of questions of the complete data set, in all languages; 0 if it is not known."""
        if isinstance(self.rows, int):
            return (sum(self.counts.values()) or self.rows) * max(1, len(self.languages))
        return sum(self.rows.values())

    def csv_file(self, part: str) -> str:
        """Return the name of a part's CSV file."""
        return self.csv.format(part.replace("_", "-"))


@dataclass(frozen=True)
class DataSet:
    """Checked questions, ready to be asked, with their origin and hash."""

    name: str
    questions: Sequence[Question]
    """The scored split, subject by subject in alphabetical order, file order within a subject."""
    examples: Mapping[str, tuple[Question, ...]] = field(repr=False)
    """Worked examples by subject, in file order; empty if the source has none."""
    source: str
    revision: str
    """The revision in full; empty where a local file does not state one."""
    sha256: str
    """Hash of the questions and the data set's own worked examples: the same content has the same hash."""
    notice: str = ""
    """One line for the user if the data are not the complete data set; else empty."""
    left_unread: int = 0
    """The number of other questions, not read because `load` was asked for a sample; the hash is without them."""

"""What a data set is made of: `Rows` as found, a `Spec` of what they must be, the finished `DataSet`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmlubench.schema import Question


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one file, column by column, as they came."""

    file: str
    """Where they came from, in words a user can look up."""
    columns: Mapping[str, Sequence[Any]]
    numbers: Sequence[int] = ()
    """The row in the file of each row here, counted from 0; empty where the two are the same."""
    part: str = ""
    """Which of `Spec.parts` they are; empty where a data set has none."""

    def number(self, index: int) -> int:
        """Return the row in the file, counted from 0."""
        return self.numbers[index] if self.numbers else index

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True, slots=True)
class Source:
    """What one source gave: the files of each split, and where they are from."""

    splits: Mapping[str, Sequence[Rows]]
    name: str
    """For the manifest, for example `hub cais/mmlu@c30699e8`."""
    revision: str = ""
    """The revision of the data, in full; empty where it is not known."""
    complete: bool = True
    """Whether the data claim to be the complete data set, so that their counts are checked."""


@dataclass(frozen=True)
class Spec:
    """What a data set says of itself: adding one is one `Spec` in one file, and one line in `names.py`."""

    name: str
    repository: str
    """Its home on the hub, `owner/name`."""
    config: str
    """The configuration on the hub; empty for a data set in parts, each of which is one."""
    revision: str
    """The commit that is loaded from the hub, in full: a name such as `main` may move."""
    columns: Mapping[str, str]
    """The columns of its files: name to one of the kinds in `arrow.py`."""
    check: Callable[[Rows], None]
    """Raises DataError for the first bad row of a file."""
    build: Callable[[str, Sequence[Rows]], list[Question]]
    """Makes the questions of a split, `(split, its files)`, subject by subject."""
    counts: Mapping[str, int]
    """Rows of each subject in the complete scored split, of one language where there are several."""
    scored: str = "test"
    """The split that is asked."""
    example_split: str = "dev"
    """The split that worked examples come from; empty where there is none."""
    shots_per_subject: int = 5
    examples_of: str = ""
    """The data set whose worked examples serve, by subject, for one that has none of its own."""
    spare: tuple[str, ...] = ("validation",)
    """Splits that are neither, but belong in a snapshot."""
    sample: str = ""
    """Its embedded sample under `fixtures/`, or nothing."""
    hendrycks: bool = False
    """Whether it may also come in the CSV layout of the original MMLU."""
    parts: tuple[str, ...] = ()
    """What it is divided into, if it is: a configuration on the hub and a folder of files for each."""
    part_column: str = ""
    """What the parts are, and the column that tells them apart in a file that holds several."""
    csv: str = ""
    """The name of a part's CSV file where its repository has such files, in a folder named after the split.

    `{}` stands for the part, with hyphens.
    """
    description: str = ""
    source: Callable[[], Source] | None = None
    """Reads the rows of a data set that knows where they are, so that `--data` says nothing of it."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The locales it is translated into; empty for a data set of one language."""
        return self.parts if self.part_column == "language" else ()

    def csv_file(self, part: str) -> str:
        """Return the name of a part's CSV file."""
        return self.csv.format(part.replace("_", "-"))


@dataclass(frozen=True)
class DataSet:
    """Questions, ready to be asked, and a record of what they are."""

    name: str
    questions: tuple[Question, ...]
    """The scored split, subject by subject in alphabetical order, file order within a subject."""
    examples: Mapping[str, tuple[Question, ...]] = field(repr=False)
    """Worked examples by subject, in file order; empty if the source has none."""
    source: str
    revision: str
    """In full; empty where a local file does not tell."""
    sha256: str
    """Hash of questions and own worked examples: equal for the same content, wherever it came from."""
    notice: str = ""
    """One line for the user if the data are not the complete data set, else empty."""

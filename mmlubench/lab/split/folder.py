"""A split folder as the lab uses it: the questions of each side, by the ids that they have in the whole data set.

split = SplitFolder.open("splits/mmmlu_de_fr")
split.questions("train")  # list[Question]; also "validation" and "test"
write_trained_ids(outputs, split.card.dataset, learned, watched)  # from mmlubench.datasets.splits.trained
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmlubench.datasets.splits.card import SIDES, SplitCard, read_card
from mmlubench.datasets.splits.sides import checked_side, read_side
from mmlubench.errors import DataError
from mmlubench.schema import Question


@dataclass(frozen=True, slots=True)
class SplitFolder:
    """A folder that `mmlubench lab split` wrote."""

    path: Path
    card: SplitCard

    @classmethod
    def open(cls, path: str | Path) -> SplitFolder:
        """Open a folder. Raises DataError, which is a UserError, if it is no split or lacks a file of a side."""
        folder = Path(path).expanduser()
        split = cls(folder, read_card(folder))
        for name in (Path(place, f"{side}.parquet") for place in split.card.folders for side in SIDES):
            if not (folder / name).is_file():
                problem = "this file of the split is missing; write it again by `mmlubench lab split`."
                raise DataError(folder / name, problem)
        return split

    def questions(self, side: str) -> list[Question]:
        """Return the questions of a side: language by language, subject by subject, in the order of the data set.

        Raises UserError for an unknown side, and DataError for a file that is not the one that was written.
        """
        return read_side(self.path, self.card, checked_side(side))

    def ids_sha256(self, side: str) -> str:
        """Return the SHA-256, in hex, of the ids of a side, sorted, a line each. Raises UserError."""
        return self.card.ids_sha256[checked_side(side)]

"""A result beside scores that were published: an interval of ours against a number, and no test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, ClassVar

from mmlubench.stats.compare.common import common
from mmlubench.stats.compare.pair import clustering, result_to_dict, score_of
from mmlubench.stats.compare.result import Result
from mmlubench.stats.score import Score
from mmlubench.yaml_file import KNOWN_KEYS


@dataclass(frozen=True)
class Published:
    """One row of `fixtures/published.yaml`, which explains the keys."""

    __pydantic_config__: ClassVar[Any] = KNOWN_KEYS

    benchmark: str = ""
    model: str = ""
    ids: tuple[str, ...] = ()
    score: float = 0.0
    shots: int | None = None
    format: str = "unknown"
    averaging: str = "unknown"
    recipe: str = ""
    source: str = ""
    date: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class BesidePublished:
    """One result, and the published scores of its benchmark: those of its model, or all if it has none."""

    result: Result
    score: Score
    """Of all its answered questions."""
    macro: float
    """The mean over subjects."""
    rows: Sequence[Published]
    is_its_model: bool
    """Whether the rows are of the model itself."""
    notes: Sequence[str] = ()
    """What a reader must know first, each a sentence."""

    def differs(self, row: Published) -> str:
        """Return what differs between the settings of the result and of a row; empty if nothing is known to."""
        found = []
        if row.recipe and row.recipe != self.result.recipe:
            found.append(f"its recipe is {row.recipe} here, ours is {self.result.recipe}")
        elif row.format == "unknown":
            found.append("how it was measured is not known")
        elif not row.recipe:
            found.append(f"no recipe here is its {row.format}")
        if row.shots is not None and row.shots != self.result.shots:
            ours = "unknown" if self.result.shots is None else self.result.shots
            found.append(f"shots {row.shots}, ours {ours}")
        if self.result.data.get("limit") or len({case.subject for case in self.result.cases.values()}) == 1:
            found.append("ours asked only a part")
        return "; ".join(found)

    def ours(self, row: Published) -> float | None:
        """Return our figure with the averaging of a row."""
        return self.macro if row.averaging == "macro" else self.score.accuracy

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        rows = [
            {
                **{name: getattr(row, name) for name in _SHOWN},
                "score": round(row.score / 100, 6),
                "ours": self.ours(row),
                "setting_differs": self.differs(row) or None,
            }
            for row in self.rows
        ]
        told = result_to_dict(self.result, self.score)
        return {
            "benchmark": self.result.benchmark,
            **told,
            "n": self.score.answered,
            "accuracy_macro": self.macro,
            "notes": list(self.notes),
            "of_this_model": self.is_its_model,
            "published": rows,
        }


_SHOWN = ("model", "shots", "format", "averaging", "recipe", "source", "date", "note")


def beside_published(result: Result, published: Sequence[Published]) -> BesidePublished:
    """Put a result beside the published scores of its benchmark. Raises CannotCompare if it answered nothing."""
    shared = common([result])
    cases = [result.cases[key] for key in shared.ids]
    subjects: dict[str, list[float]] = {}
    for case in cases:
        subjects.setdefault(case.subject, []).append(case.points)
    means = [fsum(points) / len(points) for points in subjects.values()]
    of_benchmark = [row for row in published if row.benchmark == result.benchmark]
    names = {_plain(result.model), _plain(result.model_id)} - {""}
    own = [row for row in of_benchmark if names & set(row.ids)]
    score = score_of(cases, clustering(shared))
    return BesidePublished(
        result, score, fsum(means) / len(means), own or of_benchmark, bool(own), shared.notes
    )


def _plain(name: str) -> str:
    """Return the name of a model as the file has it: small letters, without owner, and `meta-` before llama."""
    return name.lower().rpartition("/")[2].removeprefix("meta-")

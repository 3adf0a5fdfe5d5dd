"""A sample of a data set in parts, read without the rest: from each parquet file the subjects, then the rows drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from mmlubench.datasets.base import Rows, Spec
from mmlubench.datasets.packed import Group, Runs
from mmlubench.datasets.sources import arrow

#: Chooses questions, given what they are: it returns their positions.
Choose = Callable[[Runs], Iterable[int]]
#: The positions in the file of the rows of each subject, by part.
_Places = Mapping[str, Mapping[str, Sequence[int]]]


def read(spec: Spec, files: Mapping[str, Path], choose: Choose) -> tuple[list[Rows], _Places]:
    """Return the rows that `choose` takes, and where the rows of each subject are; `files` has one of each part.

    The rows that are not chosen are not checked, except that their subjects are known. Raises DataError.
    """
    places = {part: _places(spec, path) for part, path in files.items()}
    # In the order of `Spec.build`: part by part, subjects in alphabetical order.
    strata = [(part, subject, same[subject]) for part, same in places.items() for subject in sorted(same)]
    taken: dict[str, list[tuple[int, int]]] = {}
    stratum, begin = iter(strata), 0
    part, _, rows = next(stratum)
    for position in sorted(choose([(Group(spec.name, p, s, ""), len(same)) for p, s, same in strata])):
        while position - begin >= len(rows):
            begin += len(rows)
            part, _, rows = next(stratum)
        taken.setdefault(part, []).append((rows[position - begin], position - begin))
    return [_rows(spec, part, files[part], sorted(pairs)) for part, pairs in taken.items()], places


def _places(spec: Spec, path: Path) -> dict[str, list[int]]:
    """Return the positions of the rows of each subject in a file. Raises DataError."""
    expected = {spec.sampled_by: spec.columns[spec.sampled_by]}
    rows = arrow.rows(arrow.read(path, [*expected]), expected, str(path))
    found: dict[str, list[int]] = {}
    begin = 0
    for subject, same in groupby(rows.columns[spec.sampled_by]):
        end = begin + sum(1 for _ in same)
        found.setdefault(subject, []).extend(range(begin, end))
        begin = end
    if not found or not found.keys() <= spec.counts.keys():
        spec.check(arrow.rows(arrow.read(path), spec.columns, str(path)))  # raises the error
    return found


def _rows(spec: Spec, part: str, path: Path, pairs: Sequence[tuple[int, int]]) -> Rows:
    places = [place for place, _ in pairs]
    rows = arrow.rows(arrow.read(path), spec.columns, str(path), part, places)
    arrow.release()
    return replace(rows, numbers=places, ranks=[rank for _, rank in pairs])

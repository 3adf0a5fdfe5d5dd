"""Data sets in parts, such as languages: which parts are asked for, and which are present."""

from __future__ import annotations

from collections.abc import Collection

from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows, Spec
from mmlubench.errors import DataError, EmptySelection, UserError, close_to

#: An error that names more languages than these is not read to its end.
_MANY = 45


def wanted(spec: Spec, languages: Collection[str]) -> tuple[str, ...]:
    """Return the parts to read, in the order of the data set: those of these languages, all if none is given.

    `de_de`, `DE-DE` and, if only one locale is German, `de` mean `DE_DE`; so does the name of its configuration. Raises
    EmptySelection for a data set in one language, UserError for a language that it does not have.
    """
    if not languages:
        return spec.parts
    if not spec.languages:
        raise EmptySelection(
            "its questions are in one language only: "
            f"ask for {' or '.join(languages)} in a benchmark of several, such as mmmlu, or leave --language out."
        )
    named = {_locale(spec, language) for language in languages}
    return tuple(part for part in spec.parts if part in named)


def _locale(spec: Spec, language: str) -> str:
    name = _plain(language)
    found = [part for part in spec.languages if name == part.upper()]
    found = found or [part for part in spec.languages if name == _plain(spec.configs.get(part, ""))]
    found = found or [part for part in spec.languages if name == part.upper().partition("_")[0]]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"Language {language!r} is ambiguous; {spec.name} is in {', '.join(found)}.")
    listed = ", ".join(spec.languages)
    if len(spec.languages) > _MANY:
        listed = f"{len(spec.languages)} languages, which `mmlubench data list --json` lists"
    known = dict.fromkeys([*spec.languages, *spec.configs.values()])
    close = close_to(name, known) or close_to(language, known)
    raise UserError(f"There is no language {language!r}; {spec.name} is in {listed}{close or '.'}")


def _plain(language: str) -> str:
    return language.strip().upper().replace("-", "_")


def check_there(
    spec: Spec, where: object, found: Collection[str], asked: Collection[str], *, partial: bool
) -> None:
    """Raise DataError if a part that was asked for is missing; with `partial`, only if there is no part at all."""
    missing = [part for part in asked if part not in found]
    if missing and not (partial and found):
        listed = ", ".join(missing[: checks.SHOWN])
        more = f" and {len(missing) - checks.SHOWN} more" if len(missing) > checks.SHOWN else ""
        ways = "get the complete data"
        if spec.languages:
            # --allow-partial-data does not help where languages were given: those must be present.
            others = "or give --allow-partial-data" if len(asked) == len(spec.parts) else "or name others"
            ways = f"{ways}, {others}"
        raise DataError(where, f"it lacks {listed}{more} of {spec.name}; {ways}.")


def divide(rows: Rows, spec: Spec, asked: Collection[str]) -> list[Rows]:
    """Divide the rows of a file by part, and return the parts asked for, in that order.

    Raises DataError for a row of an unknown part.
    """
    indexes: dict[str, list[int]] = {}
    for index, part in enumerate(rows.columns[spec.part_column]):
        indexes.setdefault(part, []).append(index)
    for part, rows_of_it in indexes.items():
        if part not in spec.parts:
            problem = f"{spec.part_column} is {part!r}, and one of {len(spec.parts)} was expected"
            close = close_to(str(part), spec.parts)
            raise DataError(rows.file, f"{problem}{close or '.'}", row=rows.number(rows_of_it[0]))
    return [_only(rows, spec, part, indexes[part]) for part in asked if part in indexes]


def _only(rows: Rows, spec: Spec, part: str, indexes: list[int]) -> Rows:
    others = (name for name in rows.columns if name != spec.part_column)
    columns = {name: [rows.columns[name][index] for index in indexes] for name in others}
    return Rows(rows.file, columns, [rows.number(index) for index in indexes], part)

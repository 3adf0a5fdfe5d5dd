"""An exploration on a terminal: of long tables the first rows, and no long texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmlubench.figures import DOT, several
from mmlubench.lab.explore.exploration import Exploration
from mmlubench.lab.explore.sections import Section, Table
from mmlubench.reports.compare.parts import Grid, Part, Sentence, Tone
from mmlubench.reports.compare.terminal import terminal

_PAGE_HAS_ALL = "--html FILE and --json have all"


def lines(found: Exploration, width: int, *, color: bool, ascii: bool = False) -> list[str]:
    """Return the exploration as lines no wider than `width` columns."""
    return terminal(_parts(found), width, color=color, ascii=ascii)


def _parts(found: Exploration) -> Iterator[Part]:
    yield Sentence(title(found), Tone.TITLE)
    yield from (Sentence(line) for line in about(found))
    yield from (Sentence(line, Tone.CAUTION) for line in doubts(found))
    for section in found.sections():
        yield from _section(section)


def title(found: Exploration) -> str:
    """Return the title of an exploration."""
    n = several(found.answers.n, "question") if found.answers else "rows that no run would take"
    return f"{found.data_set} {DOT} {n}"


def about(found: Exploration) -> list[str]:
    """Return where the questions are from."""
    told = [f"{found.source}, SHA-256 {found.sha256[:16]}"] if found.source else []
    return [
        *told,
        f"mmlubench {found.mmlubench}" + "".join(f", tokenizer {name}" for name in found.tokenizers),
    ]


def doubts(found: Exploration) -> list[str]:
    """Return what a reader should know before any figure."""
    told = [found.problem, *(part.strip() for part in found.notice.split(";")), *found.missing]
    return [f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in told if text]


def _section(section: Section) -> Iterator[Part]:
    yield Sentence("")
    yield Sentence(section.title, Tone.TITLE)
    yield from (Sentence(line) for line in section.lines)
    yield from (
        Sentence(line, Tone.MOCK if line.startswith("MOCK") else Tone.CAUTION) for line in section.cautions
    )
    for table in section.tables:
        shown = _narrow(table)
        if len(shown.head) < 2:
            continue
        yield Sentence("")
        yield Sentence(f"{table.caption}:")
        yield Grid(shown.head, shown.rows, shown.less)
        left = len(table.rows) - len(shown.rows)
        if left:
            yield Sentence(f"and {several(left, 'row')} more: {_PAGE_HAS_ALL}.")


def _narrow(table: Table) -> Table:
    """Return a table without what only a page shows."""
    kept = [at for at in range(len(table.head)) if at not in set(table.on_page)]
    rows = table.rows[: table.few] if table.few else table.rows
    return replace(
        table,
        head=[table.head[at] for at in kept],
        rows=[[row[at] for at in kept] for row in rows],
        less=_renumbered(table.less, kept),
    )


def _renumbered(groups: Sequence[Sequence[int]], kept: Sequence[int]) -> list[list[int]]:
    return [[kept.index(at) for at in group if at in kept] for group in groups]

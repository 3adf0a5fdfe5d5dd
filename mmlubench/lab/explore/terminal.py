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
    head = [Sentence(title(found), Tone.TITLE), *map(Sentence, about(found))]
    blocks: list[list[Part]] = [[*head, *(Sentence(line, Tone.CAUTION) for line in found.warnings)]]
    for section in found.sections():
        blocks += _blocks(section)
    shown: list[str] = []
    for block in blocks:
        block_lines = terminal(block, width, color=color, ascii=ascii)
        shown += ["", *block_lines] if block_lines[-1] else ["", *block_lines[:-1]]
    return shown[1:]


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


def _blocks(section: Section) -> Iterator[list[Part]]:
    """Yield what stands together, without an empty line in it: the heading with its sentences, and each table."""
    told = [
        Sentence(line, Tone.MOCK if line.startswith("MOCK") else Tone.CAUTION) for line in section.cautions
    ]
    yield [Sentence(section.title, Tone.TITLE), *map(Sentence, section.lines), *told]
    for table in section.tables:
        shown = _narrow(table)
        if len(shown.head) < 2:
            continue
        left = len(table.rows) - len(shown.rows)
        more = f" ({len(shown.rows):,} of {len(table.rows):,} rows; {_PAGE_HAS_ALL})" if left else ""
        yield [Sentence(f"{table.caption}{more}:"), Grid(shown.head, shown.rows, shown.less, shown.names)]


def _narrow(table: Table) -> Table:
    """Return a table without what only a page shows."""
    kept = [at for at in range(len(table.head)) if at not in set(table.on_page)]
    rows = table.rows[: table.few] if table.few else table.rows
    return replace(
        table,
        head=[table.head[at] for at in kept],
        rows=[[row[at] for at in kept] for row in rows],
        less=_renumbered(table.less, kept),
        names=_renumbered([table.names], kept)[0],
    )


def _renumbered(groups: Sequence[Sequence[int]], kept: Sequence[int]) -> list[list[int]]:
    return [[kept.index(at) for at in group if at in kept] for group in groups]

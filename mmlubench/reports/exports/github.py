"""Markdown for the summary of a GitHub Actions job, and for a comment: one screen, and the details folded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import IO

from mmlubench import figures
from mmlubench.printable import on_one_line
from mmlubench.reports.exports.export import Export, Made
from mmlubench.reports.exports.logged import LoggedRun
from mmlubench.reports.exports.scored import MOCK_SENTENCE, Scored, our_version, scored
from mmlubench.schema import Outcome

#: The most bytes that GitHub takes for one step (its documentation says 1 MiB), with some room.
MOST_BYTES = 1024 * 1024 - 16 * 1024
#: The most results and remarks that are not folded.
_ROWS, _DOUBTS = 12, 6
#: The most causes of errors, and the longest text of one.
_CAUSES, _LONGEST = 5, 200


def _files(run: LoggedRun) -> Iterable[Made]:
    yield Made("summary.md", partial(_write, run))


def _write(run: LoggedRun, file: IO[bytes]) -> None:
    file.write(markdown(run).encode("utf-8", "replace"))


def markdown(run: LoggedRun, most: int = MOST_BYTES) -> str:
    """Return the summary of a run in at most that many bytes; details that do not fit are left out, and it says so.

    Empty if not even the headline fits.
    """
    results = scored(run)
    text = "\n".join(_head(run, results)) + "\n"
    left_out = "\n*More details are left out here: they are in the run folder.*\n"
    room = most - _size(text) - _size(left_out)
    if room < 0:
        return ""
    for lines in (_rest(results), _doubts(results, _DOUBTS), _errors(run), *map(_details, results)):
        details = "".join(f"{part}\n" for part in lines)
        room -= _size(details)
        if room < 0:
            return text + left_out
        text += details
    return text


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _head(run: LoggedRun, results: Sequence[Scored]) -> Iterator[str]:
    label = str(run.manifest.settings.get("desc") or "")
    yield f"<!-- mmlubench {our_version()} {_plain(run.run_id)} -->"
    yield f"## Benchmark{': ' + _text(label) if label else ''}\n"
    if any(one.summary.mock for one in results):
        yield f"> **{_text(MOCK_SENTENCE)}**\n"
    yield from _table(results[:_ROWS])
    yield ""
    yield from _remarks(results)[:_DOUBTS]
    yield f"\nRun `{_plain(run.run_id)}`, {_text(run.state)}.\n"


def _rest(results: Sequence[Scored]) -> Iterator[str]:
    more = results[_ROWS:]
    if more:
        yield f"<details><summary>{figures.several(len(more), 'more result')}</summary>\n"
        yield from _table(more)
        yield "\n</details>\n"


def _doubts(results: Sequence[Scored], told: int) -> Iterator[str]:
    more = _remarks(results)[told:]
    if more:
        yield f"<details><summary>{figures.several(len(more), 'more remark')}</summary>\n"
        yield from more
        yield "\n</details>\n"


def _remarks(results: Sequence[Scored]) -> list[str]:
    found = ((one, doubt) for one in results for doubt in one.doubts if doubt != MOCK_SENTENCE)
    return [f"- {_text(one.label)}: {_text(doubt)}" for one, doubt in found]


def _table(results: Sequence[Scored]) -> Iterator[str]:
    yield "| benchmark | model | recipe | accuracy | 95 % CI | n | correct | wrong | no letter | errors | cost |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    yield from (_row(_cells(one)) for one in results)


def _cells(one: Scored) -> list[str]:
    summary, counts = one.summary, one.summary.total.outcomes
    shown = one.accuracy is not None
    silent = sum(counts[outcome] for outcome in (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED))
    cost = summary.usage.cost_usd
    return [
        one.benchmark,
        one.label,
        one.recipe,
        f"**{figures.share(one.accuracy)}**" if shown else "none",
        figures.interval(summary.ci95) if shown else figures.DASH,
        f"{summary.answered:,}",
        f"{counts[Outcome.CORRECT]:,}",
        f"{counts[Outcome.WRONG]:,}",
        f"{silent:,}",
        f"{counts[Outcome.ERROR]:,}",
        figures.DASH if cost is None else figures.dollars(cost),
    ]


def _details(one: Scored) -> Iterator[str]:
    summary = one.summary
    yield f"<details><summary>{_html(one.benchmark)}, {_html(one.label)}: by category and subject</summary>\n"
    yield "| | accuracy | 95 % CI | n |"
    yield "| --- | ---: | ---: | ---: |"
    for name, score in (*summary.categories.items(), *summary.subjects.items()):
        kind = "**" if name in summary.categories else ""
        ends = figures.interval(score.ci95) if score.answered else figures.DASH
        yield _row(
            [f"{kind}{_text(name)}{kind}", figures.share(score.accuracy), ends, f"{score.answered:,}"],
            plain=1,
        )
    yield "\n</details>\n"


def _errors(run: LoggedRun) -> Iterator[str]:
    causes = Counter(on_one_line(entry.error)[:_LONGEST] for entry in run.entries() if entry.error)
    if causes:
        yield f"<details><summary>{figures.several(causes.total(), 'error')} by cause</summary>\n"
        yield from (
            f"- {count:,} {figures.TIMES} {_text(cause)}" for cause, count in causes.most_common(_CAUSES)
        )
        yield "\n</details>"


def _row(cells: Sequence[str], plain: int = 0) -> str:
    """Return a row of a table; the first `plain` cells, and bold figures, are Markdown already."""
    shown = (
        cell if at < plain or re.fullmatch(r"\*\*[\d.]+\*\*", cell) else _text(cell)
        for at, cell in enumerate(cells)
    )
    return f"| {' | '.join(shown)} |"


def _text(text: str) -> str:
    """Return a text that is no Markdown, no HTML, and mentions nobody."""
    text = re.sub(r"([\\`*_{}\[\]()|~#!])", r"\\\1", on_one_line(text))
    return _html(text).replace("@", "@\u200b").replace("://", ":\u200b//")


def _html(text: str) -> str:
    return on_one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", on_one_line(text)).replace("--", "-")


GITHUB = Export(files=_files)

"""Two results side by side: accuracies, difference, tests, what was lost and gained, power, categories, subjects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmlubench import figures
from mmlubench.reports.compare.parts import Grid, Part, Sentence, Tone
from mmlubench.reports.compare.words import (
    equal_to,
    how_clustered,
    percent,
    probability,
    questions,
    signed,
    span,
)
from mmlubench.stats.compare.pair import ALPHA, Row, TwoResults
from mmlubench.stats.compare.result import Result

#: The smallest difference that everybody asks about: one point.
_POINT = 0.01
#: The most rows of subjects that are shown.
_MOST = 20


def two_parts(pair: TwoResults) -> Iterator[Part]:
    """Yield the whole comparison of two results."""
    yield from head(pair.first.benchmark, [pair.first, pair.second], pair.common.notes)
    yield _accuracies(pair)
    for text in (difference(pair), changes(pair)):
        yield Sentence(text, Tone.RESULT if text.startswith("difference") else Tone.PLAIN)
    for text in (_noise(pair), _power(pair), _margin(pair)):
        if text:
            yield Sentence(text)
    if len(pair.categories) > 1:
        yield _rows("category", pair.categories)
    if len(pair.subjects) > 1 and [row.name for row in pair.subjects] != [
        row.name for row in pair.categories
    ]:
        yield from _subjects(pair)


def head(benchmark: str, results: Sequence[Result], notes: Sequence[str]) -> Iterator[Part]:
    """Yield the title, who is a mock, and what a reader must know first."""
    names = [one.name for one in results]
    mocks = [one.name for one in results if one.mock]
    shown = " and ".join(names) if len(names) < 3 else f"{len(names)} results"
    yield Sentence(f"{benchmark} {figures.DOT} {shown}", Tone.TITLE)
    if mocks:
        whose = "all" if len(mocks) == len(names) else ", ".join(mocks)
        yield Sentence(
            f"MOCK ({whose}): the answers are canned and say nothing about a real model.", Tone.MOCK
        )
    for note in notes:
        yield Sentence(f"note: {note}", Tone.CAUTION)


def _accuracies(pair: TwoResults) -> Grid:
    rows = [
        [result.name, f"{pair.total.n:,}", figures.share(score.accuracy), figures.interval(score.ci95)]
        for result, score in zip((pair.first, pair.second), pair.scores, strict=True)
    ]
    return Grid(["on the common questions", "n", "accuracy", "95 % interval"], rows)


def difference(pair: TwoResults) -> str:
    """Return the difference with its interval and its test."""
    total, test = pair.total, pair.total.test
    told = f"difference (second {figures.MINUS} first): {signed(total.difference)}"
    told += f" (95 % CI {span(total.interval())}; {how_clustered(pair.clustered_by)})"
    by_test = f"McNemar mid-p {equal_to(test.mid_p)} (exact {probability(test.exact)})"
    if pair.is_single:
        return f"{told}; {by_test}."
    return f"{told}; p {equal_to(pair.p)} by Student's t, which heeds scores and clusters."


def changes(pair: TwoResults) -> str:
    """Return what was gained and lost, and how much changed at all."""
    total, dot = pair.total, f" {figures.DOT} "
    words = ("gained", "lost") if pair.is_binary else ("questions with a better score", "with a worse one")
    counts = [f"{word} {count:,}" for word, count in zip(words, (total.gained, total.lost), strict=True)]
    wrong = f"wrong in both with another answer {total.changed_but_wrong:,}"
    flips = f"flip rate (right in one of them only) {percent(pair.flip_rate)}."
    return dot.join((*counts, wrong, flips))


def _noise(pair: TwoResults) -> str:
    floors = [
        f"{result.name} {percent(floor)}"
        for result, floor in zip((pair.first, pair.second), pair.noise_floors, strict=True)
        if floor is not None
    ]
    if not floors:
        return ""
    return f"noise floor (flip rate between two answers of one model to one question): {', '.join(floors)}."


def _power(pair: TwoResults) -> str:
    if _is_still(pair):
        return "power: no outcome differs, so that nothing is known of how many questions a difference takes."
    needed = pair.questions_for(_POINT)
    able = f"{questions(pair.total.n)} can show a difference of {figures.share(pair.smallest_difference)} or more"
    return f"power (80 %, 5 % level): {able}; to see one of {_POINT:g} takes {needed:,}."


def _is_still(pair: TwoResults) -> bool:
    return not (pair.total.gained or pair.total.lost)


def _margin(pair: TwoResults) -> str:
    total, margin = pair.total, pair.margin
    worse_p, equal_p = total.not_worse_p(margin), total.equivalence_p(margin)
    shown = "yes" if worse_p < ALPHA else "not shown"
    told = (
        f"not worse by more than {margin:g}: {shown} (one-sided 95 % bound {signed(total.lower_bound())}, "
        f"p {equal_to(worse_p)}); equal within {margin:g}: {'yes' if equal_p < ALPHA else 'not shown'} "
        f"(TOST: 90 % CI {span(total.interval(0.9))}, p {equal_to(equal_p)})"
    )
    if _is_still(pair):
        return f"{told}."
    needed = pair.questions_for_margin
    return f"{told}; to show it of equal models takes {needed:,} questions."


def _rows(kind: str, rows: Sequence[Row]) -> Grid:
    head = [kind, "n", "first", "second", "difference", "95 % interval", "gained", "lost", "p", "Holm"]
    cells = [
        [
            row.name,
            f"{row.comparison.n:,}",
            figures.share(row.comparison.before),
            figures.share(row.comparison.after),
            signed(row.comparison.difference),
            span(row.comparison.interval()),
            f"{row.comparison.gained:,}",
            f"{row.comparison.lost:,}",
            probability(row.p),
            probability(row.holm),
        ]
        for row in rows
    ]
    return Grid(head, cells, less=((6, 7), (2, 3), (8,)))


def _subjects(pair: TwoResults) -> Iterator[Part]:
    rows = pair.subjects
    below = sum(row.p < ALPHA for row in rows)
    notable = sorted((row for row in rows if row.listed < ALPHA), key=lambda row: row.p)
    claimed = [row for row in rows if row.holm < ALPHA]
    told = (
        f"of {len(rows)} subjects, {below} {'differs' if below == 1 else 'differ'} at the 5 % level, "
        f"and {pair.by_chance:.1f} would by chance"
    )
    if not notable:
        yield Sentence(f"{told}; none stands out (Benjamini-Hochberg, 5 % false discoveries).")
        return
    worth = "is" if len(notable) == 1 else "are"
    holds = f"{len(claimed)} may be claimed (Holm)" if claimed else "none may be claimed (Holm)"
    yield Sentence(f"{told}; {len(notable)} {worth} worth a look (Benjamini-Hochberg), and {holds}:")
    yield _rows("subject", notable[:_MOST])
    if len(notable) > _MOST:
        yield Sentence(f"{len(notable) - _MOST} more subjects are worth a look; --json has all of them.")

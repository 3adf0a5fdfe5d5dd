"""A result beside published scores: its interval against each number, and whether the settings are the same."""

from __future__ import annotations

from collections.abc import Iterator

from mmlubench import figures
from mmlubench.reports.compare.parts import Grid, Part, Sentence, Tone
from mmlubench.reports.compare.two import head
from mmlubench.reports.compare.words import signed
from mmlubench.stats.compare.published import BesidePublished, Published


def published_parts(found: BesidePublished) -> Iterator[Part]:
    """Yield the comparison with published scores."""
    result, score = found.result, found.score
    notes = (
        [f"{result.name} has no headline accuracy: {result.why_no_headline}."]
        if result.why_no_headline
        else []
    )
    yield from head(result.benchmark, [result], notes)
    yield Sentence(
        f"accuracy {figures.share(score.accuracy)} (95 % CI {figures.interval(score.ci95)}, n = {score.answered:,}; "
        f"macro {figures.share(found.macro)}), recipe {result.recipe}.",
        Tone.RESULT,
    )
    if not found.rows:
        yield Sentence(f"no published score of {result.benchmark} is known here.")
        return
    if not found.is_its_model:
        yield Sentence(
            f"no published score of this model is known here; these are others of {result.benchmark}."
        )
    yield Grid(
        ["published", "score", "shots", "averaging", "ours", "ours - it", "in our interval", "same setting"],
        [_row(found, row) for row in found.rows],
        less=(6, 2),
    )
    yield Sentence("no test is made: who was asked what is known of one side only. Where settings differ:")
    for row in found.rows:
        differs = "; ".join(filter(None, (found.differs(row), row.note)))
        if found.is_its_model and differs:
            yield Sentence(
                f"{row.model} {figures.share(row.score / 100)} ({row.source}, {row.date}): {differs}."
            )


def _row(found: BesidePublished, row: Published) -> list[str]:
    ours, number = found.ours(row), row.score / 100
    low, high = found.score.ci95
    # The interval is that of the share of all questions.
    inside = figures.DASH if row.averaging == "macro" else "yes" if low <= number <= high else "no"
    return [
        row.model,
        figures.share(number),
        figures.DASH if row.shots is None else str(row.shots),
        row.averaging,
        figures.share(ours),
        figures.DASH if ours is None else signed(ours - number),
        inside,
        "no" if found.differs(row) else "yes",
    ]

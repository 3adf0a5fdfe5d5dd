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
    yield from head(result.benchmark, [result], found.notes)
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
            f"no published score of this model is known here; these are others of {result.benchmark}, for orientation."
        )
        yield Grid(
            ["published", "score", "setting", "averaging"],
            [[row.model, figures.share(row.score / 100), _setting(row), row.averaging] for row in found.rows],
        )
        return
    yield Grid(
        ["published setting", "averaging", "score", "ours", "ours - it", "in our interval", "same setting"],
        [_row(found, row) for row in found.rows],
        less=((5,),),
    )
    yield Sentence("no test is made: of the published side only the score is known, and not the answers.")
    for row in found.rows:
        yield Sentence(_remark(found, row), Tone.CAUTION if found.differs(row) else Tone.PLAIN)


def _remark(found: BesidePublished, row: Published) -> str:
    differs = found.differs(row)
    same = f"another setting ({differs})" if differs else "the same setting, as far as is known"
    told = "; ".join(filter(None, (f"{figures.share(row.score / 100)} {row.averaging}: {same}", row.note)))
    return f"{told}. Source: {row.source}, {row.date}."


def _setting(row: Published) -> str:
    shots = "" if row.shots is None else f"{row.shots}-shot"
    return ", ".join(filter(None, (shots, row.format)))


def _row(found: BesidePublished, row: Published) -> list[str]:
    ours, number = found.ours(row), row.score / 100
    low, high = found.score.ci95
    # The interval is that of the share of all questions.
    inside = figures.DASH if row.averaging == "macro" else "yes" if low <= number <= high else "no"
    return [
        _setting(row),
        row.averaging,
        figures.share(number),
        figures.share(ours),
        figures.DASH if ours is None else signed(ours - number),
        inside,
        "no" if found.differs(row) else "yes",
    ]

"""Several models at the end of a run: one table of all of them by category, then the pairs in few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmlubench import figures
from mmlubench.errors import UserError
from mmlubench.reports.compare.many import legend, pair_lines
from mmlubench.reports.compare.parts import Grid, Part, Sentence, Tone
from mmlubench.reports.compare.terminal import fits, terminal
from mmlubench.reports.compare.two import changes, difference
from mmlubench.reports.report import FinishedRun, Screen
from mmlubench.stats.compare.pair import two_results
from mmlubench.stats.compare.result import named_apart, results_of
from mmlubench.stats.compare.several import several_results
from mmlubench.stats.contamination import trained_on
from mmlubench.stats.score import Score
from mmlubench.stats.summary import Summary

#: The most pairs that are shown.
_MOST = 6


def side_by_side(summaries: Sequence[Summary], screen: Screen) -> list[str]:
    """Return the accuracies of all models, by language if there are several, and by category."""
    grids = [
        _by_row(summaries, with_interval=True),
        _by_row(summaries, with_interval=False),
        _by_column(summaries, with_categories=True),
        _by_column(summaries, with_categories=False),
    ]
    grid = next((one for one in grids if fits(one, screen.width)), grids[-1])
    parts: list[Part] = [grid]
    if any(summary.mock for summary in summaries):
        mocks = [summary.model for summary in summaries if summary.mock]
        whose = "all" if len(mocks) == len(summaries) else ", ".join(mocks)
        parts.append(Sentence(f"MOCK ({whose}): the answers are canned.", Tone.MOCK))
    parts += [
        Sentence(f"{trained_on(one.contaminated, one.n, name)}.", Tone.CAUTION)
        for name, one in zip(_names(summaries), summaries, strict=True)
        if one.contaminated
    ]
    return terminal(parts, screen.width, color=screen.color, ascii=screen.ascii)


def pairs(run: FinishedRun, benchmark: str, screen: Screen) -> list[str]:
    """Return the comparison of the models of a benchmark in few lines."""
    parts = list(_pairs(run, benchmark))
    return terminal(parts, screen.width, color=screen.color, ascii=screen.ascii)


def _pairs(run: FinishedRun, benchmark: str) -> Iterator[Part]:
    entries = (entry for entry in run.entries() if entry.benchmark == benchmark)
    results = named_apart(results_of(run.manifest, run.summary, entries))
    try:
        if len(results) == 2:
            pair = two_results(*results)
            yield Sentence(
                f"first {pair.first.name}, second {pair.second.name}; {difference(pair)}", Tone.RESULT
            )
            yield Sentence(changes(pair))
            notes = pair.common.between
        else:
            found = several_results(results)
            yield pair_lines(found, _MOST)
            yield Sentence(legend(found, _MOST))
            notes = found.common.between
    except UserError as error:
        yield Sentence(f"not compared: {error}", Tone.CAUTION)
        return
    # What makes one model's answers doubtful is said above, with its figures.
    for note in notes:
        yield Sentence(f"note: {note}", Tone.CAUTION)
    yield Sentence("`mmlubench compare latest` shows categories, subjects, power and more.")


def _by_row(summaries: Sequence[Summary], *, with_interval: bool) -> Grid:
    """A row for each category, and a column for each model."""
    rows = [[name, *(_cell(score, with_interval) for score in scores)] for name, scores in _scores(summaries)]
    return Grid(["accuracy", *_names(summaries)], rows)


def _by_column(summaries: Sequence[Summary], *, with_categories: bool) -> Grid:
    """A row for each model, and a column for each category."""
    categories = [(name, scores) for name, scores in _scores(summaries)[1:] if with_categories]
    rows = [
        [
            name,
            f"{summary.answered:,}",
            figures.share(summary.accuracy),
            figures.DASH if summary.accuracy is None else figures.interval(summary.ci95),
            *(_cell(scores[at], False) for _, scores in categories),
        ]
        for at, (name, summary) in enumerate(zip(_names(summaries), summaries, strict=True))
    ]
    return Grid(["model", "n", "accuracy", "95 % interval", *(name for name, _ in categories)], rows)


def _scores(summaries: Sequence[Summary]) -> list[tuple[str, list[Score | None]]]:
    found: list[tuple[str, list[Score | None]]] = [("all", [summary.total for summary in summaries])]
    languages = [{name: one.total for name, one in summary.languages.items()} for summary in summaries]
    if max(map(len, languages)) > 1:
        found += _of_groups(languages)
    return found + _of_groups([summary.categories for summary in summaries])


def _of_groups(groups: Sequence[Mapping[str, Score]]) -> list[tuple[str, list[Score | None]]]:
    names = dict.fromkeys(name for group in groups for name in group)
    return [(name, [group.get(name) for group in groups]) for name in names]


def _cell(score: Score | None, with_interval: bool) -> str:
    if score is None or score.accuracy is None:
        return figures.DASH
    return figures.share(score.accuracy) + (f" ({figures.interval(score.ci95)})" if with_interval else "")


def _names(summaries: Sequence[Summary]) -> list[str]:
    models = [summary.model for summary in summaries]
    return [one.model if models.count(one.model) == 1 else f"{one.model} ({one.recipe})" for one in summaries]

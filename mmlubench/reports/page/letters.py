"""Letters: whether a model prefers a position, and whether its probabilities of letters can be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil

from mmlubench import figures
from mmlubench.reports.page.markup import EMPTY, Html, element, folded, join, table
from mmlubench.reports.page.plots import SHARES, axis, column, dot, plot, shares, tick
from mmlubench.reports.page.shown import Shown
from mmlubench.schema import ANSWERED, Entry, Outcome
from mmlubench.stats.calibration import CALIBRATION
from mmlubench.stats.score import Score
from mmlubench.stats.tally import Tally

_BINS = 10
#: From so many results on, each is folded.
_MANY = 3


def letters(shown: Sequence[Shown]) -> Html:
    """Return the bias of every result towards letters, and its calibration where it has probabilities."""
    parts = []
    for one in shown:
        inner = join((_positions(one.entries), _calibration(one)))
        if inner:
            title = f"{one.benchmark} {figures.DOT} {one.name}"
            parts.append(folded(title, inner, is_open=len(shown) < _MANY))
    return join(parts)


def _positions(entries: Sequence[Entry]) -> Html:
    answered = [entry for entry in entries if entry.outcome in ANSWERED]
    keys = Counter(entry.answer for entry in answered)
    said = Counter(entry.prediction for entry in answered if entry.prediction)
    if not answered:
        return EMPTY
    right: dict[str, Tally] = {}
    for entry in answered:
        right.setdefault(entry.answer, Tally()).add(entry.outcome, points=entry.points)
    total, rows = len(answered), []
    for letter in sorted(keys.keys() | said.keys()):
        share, key = said[letter] / total, keys[letter] / total
        # The accuracy where this letter is right: a model that prefers a letter is good at those questions only.
        score = right[letter].score() if letter in right else Tally().score()
        accuracy, ends = shares(score.accuracy, score.ci95)
        rows.append(
            [
                letter,
                plot(SHARES, column(SHARES, share), tick(SHARES, key)),
                f"{100 * share:.1f} %",
                f"{100 * key:.1f} %",
                plot(SHARES, dot(SHARES, score.accuracy, score.ci95)),
                accuracy,
                ends,
                f"{keys[letter]:,}",
            ]
        )
    head = [
        "letter", axis(SHARES), "answered", "right (mark)", axis(SHARES), "accuracy where it is right",
        "95 % interval", "n",
    ]  # fmt: skip
    caption = "How often each letter is answered and is right, and the accuracy where it is right"
    return table(head, rows, caption=caption, class_="figures plotted two-plots")


def _calibration(one: Shown) -> Html:
    value = one.summary.value(CALIBRATION)
    known = [
        (entry.probabilities[entry.prediction], entry.points)
        for entry in one.entries
        if entry.probabilities and entry.prediction is not None and entry.prediction in entry.probabilities
    ]
    if value is None or not known:
        return EMPTY
    rows = []
    for low, n, confidence, score in _bins(known):
        accuracy, ends = shares(score.accuracy, score.ci95)
        marks = (dot(SHARES, score.accuracy, score.ci95), tick(SHARES, confidence))
        rows.append(
            [
                f"{low:.1f}{figures.DASH}{low + 0.1:.1f}",
                plot(SHARES, *marks),
                figures.share(confidence),
                accuracy,
                ends,
                f"{n:,}",
            ]
        )
    words = f" {figures.DOT} ".join(CALIBRATION.show(value, {}))
    head = ["probability of the answer", axis(SHARES), "mean (mark)", "accuracy", "95 % interval", "n"]
    told = element("p", words[:1].upper() + words[1:] + ".")
    return join(
        (
            told,
            table(
                head,
                rows,
                caption="Calibration: is an answer as often right as it is probable?",
                class_="figures plotted",
            ),
        )
    )


def _bins(known: Iterable[tuple[float, float]]) -> Iterable[tuple[float, int, float, Score]]:
    """Yield the bins of the calibration error: lower end, number of cases, mean probability, accuracy."""
    found: dict[int, list[tuple[float, float]]] = {}
    for confidence, points in known:
        found.setdefault(max(ceil(confidence * _BINS), 1), []).append((confidence, points))
    for number, cases in sorted(found.items()):
        tally = Tally()
        for _, points in cases:
            tally.add(Outcome.CORRECT if points == 1 else Outcome.WRONG, points=points)
        mean = sum(confidence for confidence, _ in cases) / len(cases)
        yield (number - 1) / _BINS, len(cases), mean, tally.score()

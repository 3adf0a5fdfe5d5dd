"""The figures of one benchmark and model in words, as parts of lines: for the terminal and for the page."""

from __future__ import annotations

from itertools import chain

from mmlubench import figures
from mmlubench.errors import clause
from mmlubench.schema import Scoring
from mmlubench.stats.contamination import WORD
from mmlubench.stats.metrics import shown
from mmlubench.stats.summary import Summary


def headline(summary: Summary) -> list[str]:
    """Return the headline as parts of one line: the accuracy with interval, n and more, or why there is none."""
    title = f" {figures.DOT} ".join((summary.benchmark, summary.model, recipe(summary)))
    title = f"MOCK {title}" if summary.mock else title
    title = f"{WORD} {title}" if summary.contaminated else title
    if not summary.headline:
        return [f"{title}: no headline number: {clause(summary.why_no_headline or '')}."]
    subjects = sum(subject.answered > 0 for subject in summary.subjects.values())
    within = [f"n = {summary.answered:,}"]
    whole = figures.interval(summary.ci95_benchmark) if summary.ci95_benchmark else None
    if whole not in (None, figures.interval(summary.ci95)):  # of few of very many questions it is the same
        within.append(f"of all {summary.drawn_from:,}: {whole}")
    if subjects > 1:  # for one subject, macro equals the accuracy
        within.append(
            f"macro over {figures.several(subjects, 'subject')} {figures.share(summary.accuracy_macro)}"
        )
    return [
        f"{title}:",
        f"accuracy {figures.share(summary.accuracy)}",
        f"(95 % CI {figures.interval(summary.ci95)},",
        *(f"{part};" for part in within[:-1]),
        f"{within[-1]})",
    ]


def recipe(summary: Summary) -> str:
    """Return the name of the recipe with the way of scoring that `logprob` chose: each has another accuracy."""
    recipe, way = summary.recipe, summary.scoring
    if way == Scoring.TEXT or way in recipe:
        return recipe
    plain = f"scored by {Scoring.LOGPROB}"
    return recipe.replace(plain, f"scored by {way}") if plain in recipe else f"{recipe} ({way})"


def outcomes(summary: Summary) -> list[str]:
    """Return the number of cases with each outcome."""
    return [f"{outcome} {count:,}" for outcome, count in summary.total.outcomes.items()]


def tokens(summary: Summary) -> list[str]:
    """Return tokens and cost; nothing where neither is known."""
    usage = summary.usage
    if not usage.input_tokens + usage.output_tokens:
        return [] if usage.cost_usd is None else [_cost(summary)]
    read = f"{usage.input_tokens:,} tokens in" + _of_which(usage.cached_tokens, "cached")
    written = f"{usage.output_tokens:,} out" + _of_which(usage.reasoning_tokens, "reasoning")
    return [f"{read}, {written}", _cost(summary)]


def _of_which(count: int, what: str) -> str:
    return f" ({count:,} {what})" if count else ""


def _cost(summary: Summary) -> str:
    cost, known, answered = summary.usage.cost_usd, summary.cost_known_for, summary.answered
    if cost is None:
        return "no cost (mock)" if summary.mock else "cost unknown: no price for this model"
    if known < answered:
        return f"cost {figures.dollars(cost)} for {known:,} of {answered:,} answers, no price for the rest"
    return f"cost {figures.dollars(cost)}"


def pace(summary: Summary) -> list[str]:
    """Return time, requests and their rate, and what metrics say of time."""
    seconds, requests = summary.duration_s, summary.requests
    parts = [f"time {figures.duration(seconds)}"]
    sent = requests - summary.stored
    if requests:
        rate = sent / seconds if seconds > 0 else 0.0
        # The rate of one or two requests per minute would say nothing.
        pace = f", {rate:,.1f} a second" if rate >= 0.1 else ""
        parts.append(figures.several(sent, "request") + pace)
    if summary.stored:
        by_batch = f", {summary.batched:,} of them by batch" if summary.batched else ""
        parts.append(f"{summary.stored:,} answered by the store{by_batch}")
    if requests:
        parts += chain.from_iterable(shown(summary.metrics, with_time=True))
    return parts

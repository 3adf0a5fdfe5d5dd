"""`--estimate`: what the selected cases will take, reckoned from the very prompts that would be sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat

from mmlubench import prompts
from mmlubench.models import ModelSpec
from mmlubench.models.names.prices import price_note
from mmlubench.plugin.cases import Case
from mmlubench.plugin.process import Bench
from mmlubench.reports.estimate import Quote, estimate_lines
from mmlubench.reports.figures import several
from mmlubench.run.planned import rehearse
from mmlubench.schema import Scoring
from mmlubench.stats.estimate import Estimate, estimate


def quote_lines(bench: Bench) -> list[str]:
    """Requests, tokens, price and time of every model, as lines for the terminal."""
    cases: dict[str, list[Case]] = {}
    for case in bench.cases:
        if case.question is not None:
            cases.setdefault(case.label, []).append(case)
    quotes = _alone if bench.strategy.kind.is_single_prompt else _together
    lines = estimate_lines([quote for label, own in cases.items() for quote in quotes(bench, label, own)])
    unknown = sum(case.question is None for case in bench.cases)
    # What a test of the user's own will ask shows only when it runs.
    told = (
        f"not estimated: {several(unknown, 'case')} of tests that ask a model by themselves, as dialogues do"
    )
    return [*(lines if cases else ()), *([told] if unknown else ())]


def _alone(bench: Bench, label: str, cases: Iterable[Case]) -> list[Quote]:
    spec = bench.roster.specs[label]
    return [Quote(spec.label, _estimate(bench, spec, _texts(bench, cases)), price_note(spec))]


def _together(bench: Bench, label: str, cases: Iterable[Case]) -> list[Quote]:
    """Quote each model of the agents. The bound counts that they read at length what others said at length."""
    strategy, seats = bench.strategy, bench.roster.asked(label)
    questions = [case.question for case in cases if case.question is not None]
    usual = rehearse(strategy, seats, questions, strategy.recipe.reply_tokens)
    limits = [strategy.params(spec).max_tokens for spec in seats]
    longest = rehearse(strategy, seats, questions, max(n or 0 for n in limits)) if all(limits) else usual
    quotes = {}
    for spec in seats:
        known, bound = (_estimate(bench, spec, texts[spec.label]) for texts in (usual, longest))
        at_most = bound.cost_at_most if all(limits) else None
        quotes[spec.label] = Quote(spec.label, replace(known, cost_at_most=at_most), price_note(spec))
    return list(quotes.values())


def _estimate(bench: Bench, spec: ModelSpec, texts: Iterable[str]) -> Estimate:
    roster, strategy = bench.roster, bench.strategy
    reads = strategy.scoring is Scoring.TEXT  # else the reply is a single token
    return estimate(
        texts,
        reply_tokens=strategy.recipe.reply_tokens if reads else 1,
        max_tokens=strategy.params(spec).max_tokens if reads else 1,
        concurrency=roster.concurrency,
        cost=None if spec.price is None else spec.price.cost,
        latency_s=spec.latency_s if spec.is_mock else None,
        rpm=spec.rate_limits.rpm,
        tpm=spec.rate_limits.tpm,
    )


def _texts(bench: Bench, cases: Iterable[Case]) -> Iterator[str]:
    for case in cases:
        if case.question is not None:
            dev = bench.data.dev(case.question.benchmark).get(case.question.subject, ())
            messages = prompts.render(bench.strategy.recipe, case.question, dev)
            text = "\n".join(message.content for message in messages)
            letters = len(case.question.letters) if bench.strategy.scoring is Scoring.ECHO else 1
            yield from repeat(text, bench.strategy.calls * letters)

"""The estimate of a run (`--estimate`): tokens, price and time, computed from its planned requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice

from mmlubench.models import ModelSpec
from mmlubench.models.names.prices import price_note
from mmlubench.reports.estimate import Quote, estimate_lines
from mmlubench.run.planned import planned_requests
from mmlubench.run.run import Run
from mmlubench.schema import Question, Request, Scoring
from mmlubench.stats.estimate import Estimate, estimate
from mmlubench.tokens import BYTES_PER_TOKEN

#: The number of questions, evenly spaced, that are planned for several agents, whose requests are many and long: the
#: mean length of their prompts is within a few per cent of that of all questions.
_SAMPLE = 200
#: The planned reply of a single model: no later prompt holds it, so its length does not matter.
_ANSWER = "A"


def quote_lines(run: Run, asked: Mapping[str, Sequence[Question]]) -> list[str]:
    """Return requests, tokens, price and time of every model as lines for the terminal; none without questions.

    `asked` are the questions by the label of the model, in the order of the run; without those of a user's own solver,
    whose requests cannot be estimated.
    """
    quotes = [quote for label, questions in asked.items() for quote in _quotes(run, label, questions)]
    return estimate_lines(quotes) if quotes else []


def _quotes(run: Run, label: str, questions: Sequence[Question]) -> list[Quote]:
    # A solver of one request has no reply that could make a later prompt longer.
    is_one = run.strategy.kind.calls(run.settings) == 1
    return _quote_one(run, label, questions) if is_one else _quote_agents(run, label, questions)


def _quote_one(run: Run, label: str, questions: Sequence[Question]) -> list[Quote]:
    spec = run.roster.specs[label]
    texts = (_text(request) for _, request in planned_requests(run, label, questions, _ANSWER))
    return [Quote(spec.label, _estimate(run, spec, texts), price_note(spec), run.settings.batch)]


def _quote_agents(run: Run, label: str, questions: Sequence[Question]) -> list[Quote]:
    """Quote each model of the agents. The upper bound assumes longest replies, which make later prompts longer, too."""
    strategy, seats = run.strategy, {spec.label: spec for spec in run.roster.asked(label)}
    limits = [strategy.params(spec).max_tokens or 0 for spec in seats.values()]
    usual = _sampled(run, label, questions, strategy.recipe.reply_tokens)
    longest = _sampled(run, label, questions, max(limits)) if all(limits) else None
    quotes = []
    for who, spec in seats.items():
        bound = _estimate(run, spec, longest[who]).cost_at_most if longest else None
        known = replace(_estimate(run, spec, usual[who]), cost_at_most=bound)
        quotes.append(Quote(who, known, price_note(spec), run.settings.batch))
    return quotes


def _sampled(run: Run, label: str, questions: Sequence[Question], reply_tokens: int) -> dict[str, list[str]]:
    """Return the text of every request by the label of its model, if every reply has `reply_tokens` tokens."""
    sample = questions[:: max(1, len(questions) // _SAMPLE)]
    reply = "word" * (reply_tokens * BYTES_PER_TOKEN // 4)
    texts: dict[str, list[str]] = {}
    for who, request in planned_requests(run, label, sample, reply):
        texts.setdefault(who, []).append(_text(request))
    # Repeated up to all questions, as each of them takes the same number of requests.
    return {
        who: list(islice(cycle(sampled), len(sampled) * len(questions) // len(sample)))
        for who, sampled in texts.items()
    }


def _text(request: Request) -> str:
    chat = "\n".join(message.content for message in request.messages)
    return chat or request.prompt + request.continuation


def _estimate(run: Run, spec: ModelSpec, texts: Iterable[str]) -> Estimate:
    strategy = run.strategy
    reads = strategy.scoring is Scoring.TEXT  # otherwise the reply is a single token
    return estimate(
        texts,
        reply_tokens=strategy.recipe.reply_tokens if reads else 1,
        max_tokens=strategy.params(spec).max_tokens if reads else 1,
        concurrency=run.roster.concurrency,
        cost=None if spec.price is None else spec.price.cost,
        latency_s=spec.latency_s if spec.is_mock else None,
        rpm=spec.rate_limits.rpm,
        tpm=spec.rate_limits.tpm,
    )

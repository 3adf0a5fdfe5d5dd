"""The stack of layers around a provider (journal, limits, retries, budget, store), assembled in this place only."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmlubench.engine.journal import Journaled, Numbered
from mmlubench.engine.limits.budget import Budget, Budgeted
from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.engine.prompt_cache import CacheWarmed
from mmlubench.engine.store.layer import Stored
from mmlubench.engine.store.sqlite import Store
from mmlubench.models.base import Model
from mmlubench.models.spec import ModelSpec


@dataclass(frozen=True)
class Limits:
    """The limits of one process: its share of the limits of the whole run."""

    concurrency: int
    workers: int = 1
    """The number of processes that share the requests and tokens per minute."""
    budget: Budget = field(default_factory=Budget)
    patience_s: float | None = None
    """The seconds that a server may leave every request unanswered before it is given up; None for the defaults."""
    away_s: float | None = None
    """The same for one that has answered and is away, or that is waited for from the start; None for `patience_s`."""


@dataclass(frozen=True)
class Stack:
    """A provider with all layers around it."""

    model: Model
    """The outermost layer, which tests and solvers ask."""
    limiter: Limiter
    """Tells the progress line how many requests wait, and for what."""


def assemble(
    provider: Model, spec: ModelSpec, limits: Limits, store: Store | None = None, *, since: float = 0.0
) -> Stack:
    """Put the layers around a provider, the innermost one first: the journal, which sees every attempt.

    Replies that the store has from before `since` (Unix seconds) are requested again.
    """
    rate = spec.rate_limits
    limiter = Limiter(
        limits.concurrency,
        rpm=rate.rpm and rate.rpm / limits.workers,
        tpm=rate.tpm and rate.tpm / limits.workers,
    )
    model: Model = Journaled(provider, spec.label)
    model = Limited(model, limiter)
    model = Retried(model, _policy(limits), limiter)
    model = Budgeted(model, limits.budget, spec)
    if spec.prompt_cache is not None:
        model = CacheWarmed(model, spec.prompt_cache)
    if store is not None and not spec.is_mock:
        model = Stored(model, store, label=spec.label, identity=spec.identity(), since=since)
    return Stack(Numbered(model, spec.label), limiter)


def _policy(limits: Limits) -> RetryPolicy:
    usual = RetryPolicy()
    patience_s, away_s = limits.patience_s, limits.away_s
    first_sign_s = next(s for s in (patience_s, away_s, usual.first_sign_s) if s is not None)
    return RetryPolicy(
        patience_s=usual.patience_s if patience_s is None else patience_s,
        first_sign_s=first_sign_s,
        away_s=away_s,
    )

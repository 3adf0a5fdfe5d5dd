"""The stack of layers around a provider (journal, limits, retries, budget, store), assembled in this place only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from mmlubench.engine.journal import Journaled, Numbered
from mmlubench.engine.limits.budget import Budget, Budgeted
from mmlubench.engine.limits.limiter import Limited, Limiter
from mmlubench.engine.limits.retry import Retried, RetryPolicy
from mmlubench.engine.prompt_cache import CacheWarmed
from mmlubench.engine.same_weights import Outages, SameWeights
from mmlubench.engine.store.layer import Stored
from mmlubench.engine.store.origins import Origins
from mmlubench.engine.store.sqlite import Store
from mmlubench.engine.store.weights import NO_WEIGHTS, Weights
from mmlubench.engine.store.withheld import Withheld, Withhold
from mmlubench.models.base import Model, Told
from mmlubench.models.spec import ModelSpec


@dataclass(frozen=True)
class LookAgain:
    """How the server of a model is looked at again; the fields are the arguments of `SameWeights`."""

    told: Told
    look: Callable[[], Awaitable[Told]]
    outages: Outages
    is_unseen: bool = False


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
    provider: Model,
    spec: ModelSpec,
    limits: Limits,
    store: Store | None = None,
    *,
    since: float = 0.0,
    weights: Weights = NO_WEIGHTS,
    accept_mixed: bool = True,
    look_again: LookAgain | None = None,
    withhold: Withhold | None = None,
) -> Stack:
    """Put the layers around a provider, the innermost one first: the journal, which sees every attempt.

    Replies that the store has from before `since` (Unix seconds) are requested again; `weights` are those that the
    model has now. Without `accept_mixed` the replies of a server that does not tell for sure which weights it has must
    be like the stored ones. With `look_again` a server that was away has to have the same weights when it is back.
    `withhold` takes the requests that the store cannot answer, before they are sent.
    """
    rate = spec.rate_limits
    limiter = Limiter(
        limits.concurrency,
        rpm=rate.rpm and rate.rpm / limits.workers,
        tpm=rate.tpm and rate.tpm / limits.workers,
    )
    model: Model = Journaled(provider, spec.label)
    if look_again is not None:
        again = look_again
        model = SameWeights(
            model, spec.label, again.told, again.look, again.outages, is_unseen=again.is_unseen
        )
    model = Limited(model, limiter)
    model = Retried(model, _policy(limits), limiter)
    model = Budgeted(model, limits.budget, spec)
    if spec.prompt_cache is not None:
        model = CacheWarmed(model, spec.prompt_cache)
    if store is not None and not spec.is_mock:
        # The fingerprints of vendors change by themselves, and those of known weights with the server's version.
        refuses = spec.self_hosted and not weights.is_sure and not accept_mixed
        make = Stored if withhold is None else partial(Withheld, withhold=withhold)
        model = make(
            model,
            store,
            label=spec.label,
            identity=weights.of(spec.identity()),
            since=since,
            origins=Origins(spec.label, refuses=refuses),
            takes_mixed=spec.self_hosted and accept_mixed,
        )
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

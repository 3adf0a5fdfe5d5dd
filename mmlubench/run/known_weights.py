"""The weights of a run's models: what was told of them at its start, and as which ones the store knows them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress

from mmlubench.engine.same_weights import Outages
from mmlubench.engine.stack import LookAgain
from mmlubench.engine.store.sqlite import Store
from mmlubench.engine.store.weights import NO_WEIGHTS, Weights, contradict, difference
from mmlubench.errors import StoreError, UserError
from mmlubench.models.base import Told
from mmlubench.models.serving.server import Server
from mmlubench.models.spec import ModelSpec


class KnownWeights:
    """The weights of the models of one process, by label."""

    def __init__(self, told: Mapping[str, Told]) -> None:
        self.told: dict[str, Told] = dict(told)
        """What was told of the weights of each model; one of which nothing was told is missing."""
        self._found: dict[str, Weights] = {}
        self._silent: dict[str, None] = {}
        """The labels of models of which nothing was told now, although their servers answered."""
        self._changes: dict[str, str] = {}
        """What is told otherwise at the end of the run than at its start, by label."""
        self._outages: defaultdict[str, Outages] = defaultdict(Outages)
        """By the address of the server, as all its models are away at once."""

    def find(self, store: Store, specs: Iterable[ModelSpec]) -> None:
        """Find the weights of models in the store, once for each model. Raises UserError if it cannot be used."""
        for spec in specs:
            label = spec.label
            if label not in self._found and (spec.self_hosted or label in self.told):
                try:
                    self._found[label] = store.recognise(spec.identity(), self.told.get(label, {}))
                except StoreError as error:
                    raise UserError(str(error)) from None

    def of(self, label: str) -> Weights:
        """Return the weights of a model."""
        return self._found.get(label, NO_WEIGHTS)

    @property
    def news(self) -> list[str]:
        """A sentence without a full stop for each model whose weights have changed."""
        changed = [
            f"{label}: it has other weights than when the store was used last ({difference(now, before)}): the replies "
            "of those stay in the store, and are not taken for this run"
            for label, weights in self._found.items()
            if (now := weights.told) is not None and (before := weights.before) is not None
        ]
        silent = [
            f"{label}: its server told of its weights before, and tells nothing now: stored replies are taken for "
            "those of the same weights (--refresh asks anew)"
            for label in self._silent
            if self.of(label).last
        ]
        return [*changed, *silent]

    def look_last(self, specs: Iterable[ModelSpec]) -> None:
        """Look once more at the servers of models that were asked: they may have been started anew between answers.

        A server that is away by now, or tells nothing, is passed over.
        """
        asked = {spec.label: spec for spec in specs if spec.self_hosted and self.told.get(spec.label)}
        if not asked:
            return
        # late, as for `look_again`
        from mmlubench.run.weights import told_of

        with suppress(UserError):
            for label, now in told_of(asked.values(), None, os.environ).items():
                if contradict(self.told[label], now):
                    self._changes[label] = difference(now, self.told[label])

    def changes(self, specs: Iterable[ModelSpec]) -> list[str]:
        """Return a warning for each of the models whose server had other weights at the end of the run."""
        return [
            f"the server of {spec.label} has other weights at the end of the run than at its start "
            f"({self._changes[spec.label]}): replies may be those of two models, and are stored as those of the first "
            "one; start the server with the weights that you mean, and run again with --refresh"
            for spec in specs
            if spec.label in self._changes
        ]

    def note_answered(self, servers: Mapping[str, Server]) -> None:
        """Take note of the servers, by label, that were ready at the start of the run, whatever they told."""
        ready = [label for label, server in servers.items() if server.is_ready]
        self._silent |= dict.fromkeys(label for label in ready if label not in self.told)

    def look_again(self, spec: ModelSpec, store: Store | None) -> LookAgain | None:
        """Return how the server of a model is looked at again; None if it told nothing, or there is nothing to ask."""
        label, told = spec.label, self.told.get(spec.label)
        if (
            not spec.self_hosted
            or spec.is_mock
            or (told is None and (store is None or label in self._silent))
        ):
            return None
        # late: they need the transport, which a run with mocks does not
        from mmlubench.models.serving.look import has_look
        from mmlubench.run.weights import told_now

        if not has_look(spec):
            return None

        async def look() -> Told:
            now = await told_now(spec, os.environ)
            if label not in self.told and store is not None:
                self._learn(spec, store, now)
            return now

        last = self.of(label).last if told is None else told
        return LookAgain(last, look, self._outages[spec.base_url or ""], is_unseen=told is None)

    def _learn(self, spec: ModelSpec, store: Store, now: Told) -> None:
        """Take what a server tells that was away at the start, unless it has other weights. Raises StoreError."""
        if not now:
            self._silent[spec.label] = None
        elif not contradict(self.of(spec.label).last, now):
            self.told[spec.label] = now
            store.recognise(spec.identity(), now)

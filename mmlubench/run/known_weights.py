"""The weights of a run's models: what was told of them at its start, and as which ones the store knows them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from mmlubench.engine.stack import LookAgain
from mmlubench.engine.store.sqlite import Store
from mmlubench.engine.store.weights import NO_WEIGHTS, Weights, difference
from mmlubench.errors import StoreError, UserError
from mmlubench.models.base import Told
from mmlubench.models.spec import ModelSpec


class KnownWeights:
    """The weights of the models of one process, by label."""

    def __init__(self, told: Mapping[str, Told]) -> None:
        self.told: dict[str, Told] = dict(told)
        """What was told of the weights of each model; one of which nothing was told is missing."""
        self._found: dict[str, Weights] = {}

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
        return [
            f"{label}: it has other weights than when the store was used last ({difference(now, before)}): the replies "
            "of those stay in the store, and are not taken for this run"
            for label, weights in self._found.items()
            if (now := weights.told) is not None and (before := weights.before) is not None
        ]

    def look_again(self, spec: ModelSpec) -> LookAgain | None:
        """Return what was told of a model and a function that asks its server again; None if nothing was told."""
        told = self.told.get(spec.label)
        if told is None or not spec.self_hosted:
            return None

        async def look() -> Told:
            # late: it needs the transport, which a run with mocks does not
            from mmlubench.run.weights import told_now

            return await told_now(spec, os.environ)

        return told, look

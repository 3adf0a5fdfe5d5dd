"""What --batch, and batches under way, change for one model of a run; others import nothing of the batches."""

from __future__ import annotations

import os

from mmlubench.engine.store.withheld import Withhold
from mmlubench.models.spec import ModelSpec
from mmlubench.settings import Settings


def priced(spec: ModelSpec, settings: Settings) -> ModelSpec:
    """Return the spec with the price of batches, where a run is answered by them."""
    if not (settings.batch or settings.batch_requests):
        return spec
    # late: a run without batches must not pay for it
    from mmlubench.run.batching import at_batch_rates

    return at_batch_rates(spec, settings)


def withhold(spec: ModelSpec, settings: Settings, number: int) -> Withhold | None:
    """Return what takes the requests that the store cannot answer; None for a run that sends all of them.

    `number` is that of this process among the workers.
    """
    by_batch = settings.batch or settings.batch_requests
    if spec.is_mock or settings.no_store or not (by_batch or os.path.isdir(f"{settings.run_dir}/batches")):  # noqa: PTH112
        return None
    # late, as above
    from mmlubench.run.batching import withhold_of

    return withhold_of(spec, settings, number)

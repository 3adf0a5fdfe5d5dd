"""One model's way through its provider's batch API: what is needed to send its requests and to read its replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmlubench.batch.services.base import Service
from mmlubench.batch.services.catalog import service_of
from mmlubench.errors import ModelError
from mmlubench.models import open_model
from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.names.keys import find_key
from mmlubench.models.spec import ModelSpec


@dataclass(frozen=True)
class Lane:
    """A model, with prices at batch rates, and the batch API of its provider; None where replies come in a file."""

    spec: ModelSpec
    model: HttpModel
    service: Service | None

    @classmethod
    def open(cls, spec: ModelSpec, env: Any, *, offline: bool = False) -> Lane:
        """Open the lane of a model; nothing is connected yet. Raises ModelError for a model that has none."""
        model = open_model(spec, pool=1, env=env)
        if not isinstance(model, HttpModel):
            raise ModelError(
                f"--batch: {spec.label} is not asked over HTTP, so that no batch can carry its requests."
            )
        if offline:
            return cls(spec, model, None)
        key = find_key(spec.api_key_env, env) if spec.api_key_env else None
        return cls(spec, model, service_of(spec, key))

    async def aclose(self) -> None:
        """Close the connections."""
        if self.service is not None:
            await self.service.http.aclose()
        await self.model.aclose()

"""Models: from a name on the command line to a `Model` that answers requests."""

from __future__ import annotations

from collections.abc import Mapping

from mmlubench.errors import ModelError, UserError
from mmlubench.models.base import Model
from mmlubench.models.constraint import constrained
from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.transport import Timeouts
from mmlubench.models.names.keys import find_key
from mmlubench.models.names.listing import Row, list_models
from mmlubench.models.names.presets import CLIENTS
from mmlubench.models.names.resolve import as_mock, has_entry, resolve
from mmlubench.models.scoring import check_raw, choose_scoring
from mmlubench.models.spec import ModelSpec
from mmlubench.registry import imported

__all__ = [
    "Model",
    "ModelSpec",
    "Row",
    "as_mock",
    "check_raw",
    "choose_scoring",
    "constrained",
    "has_entry",
    "list_models",
    "open_model",
    "resolve",
]


def open_model(
    spec: ModelSpec, *, pool: int, env: Mapping[str, str], timeout_s: float | None = None
) -> Model:
    """Open the model that `spec` describes, with room for `pool` requests in flight; nothing is connected yet.

    `timeout_s` is how long one request may take in all; None for the provider's own 600 seconds. A client of another
    package that is no `HttpModel` has time-outs of its own.
    Raises ModelError for an unknown client, one that cannot be opened, and a mock file that is missing or broken.
    """
    key = find_key(spec.api_key_env, env) if spec.api_key_env and not spec.is_mock else None
    opens = CLIENTS.find(spec.client).opens
    own = {}
    try:
        provider = imported(opens) if isinstance(opens, str) else opens
        if timeout_s is not None and isinstance(provider, type) and issubclass(provider, HttpModel):
            own["timeouts"] = Timeouts.within(timeout_s)
        model: Model = provider(spec, key=key, pool=pool, **own)
    except UserError:
        raise
    except Exception as error:  # whatever another package's client does
        raise ModelError(
            f"{spec.label}: {spec.client} cannot be opened ({type(error).__name__}: {error})."
        ) from error
    if not callable(getattr(model, "generate", None)):
        raise ModelError(
            f"{spec.label}: the provider {spec.client} gave {model!r:.60}; it must give an object with "
            "`async def generate(request)`, a mmlubench.Model."
        )
    return model

"""The `Model` protocol: the only interface between the harness and a language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from mmlubench.schema import Completion, Request

#: What is told of a model's weights: facts by the part they concern (`model`, `adapter`), such as `root` or `sha256`.
Told: TypeAlias = Mapping[str, Mapping[str, Any]]


class Model(Protocol):
    """Anything that answers requests: providers, the mock, and every layer around them (retries, limits, logs)."""

    async def generate(self, request: Request) -> Completion:
        """Answer one request. Raises `ProviderError`, and nothing else, if there is no usable reply."""
        ...

    async def aclose(self) -> None:
        """Close connections and files."""
        ...

"""Which client has which batch API, by the flag `batches` of its preset."""

from __future__ import annotations

from collections.abc import Mapping

from mmlubench.batch.http import BatchHttp
from mmlubench.batch.services.base import Service
from mmlubench.batch.services.inline import AnthropicBatches, OpenRouterBatches
from mmlubench.batch.services.openai_files import MistralJobs, OpenAIFiles
from mmlubench.batch.services.together import TogetherBatches
from mmlubench.errors import ModelError
from mmlubench.models.names.presets import CLIENTS
from mmlubench.models.spec import ModelSpec

SERVICES: dict[str, type[Service]] = {
    "openai": OpenAIFiles,
    "mistral": MistralJobs,
    "anthropic": AnthropicBatches,
    "openrouter": OpenRouterBatches,
    "together": TogetherBatches,
}

#: Why a vendor that has a batch API is not served.
_WHY_NOT = {
    "gemini": "whose batch API takes the files of requests, and gives those of results, only by another protocol than "
    "the OpenAI-shaped one that is spoken here",
}


def has_service(spec: ModelSpec) -> bool:
    """Whether the provider of a model has a batch API that is known here."""
    return CLIENTS.find(spec.client).batches in SERVICES


def check_service(spec: ModelSpec) -> None:
    """Raise ModelError for a model whose provider has no batch API that is known here."""
    if not has_service(spec):
        known = ", ".join(name for name in CLIENTS.names() if CLIENTS.find(name).batches)
        why = _WHY_NOT.get(spec.client, "of which no batch API is known")
        raise ModelError(
            f"--batch: {spec.label} is asked through {spec.client}, {why} ({known} have one): "
            "leave --batch out, or write a file for vLLM's run_batch with `mmlubench batch submit --batch-file`."
        )


def service_of(spec: ModelSpec, key: str | None) -> Service:
    """Open the batch API of a model; nothing is connected yet. Raises ModelError if there is none."""
    check_service(spec)
    kind = CLIENTS.find(spec.client).batches
    base_url = (spec.base_url or "").rstrip("/")
    if kind == "anthropic":
        base_url = (base_url or "https://api.anthropic.com").removesuffix("/v1")
    return SERVICES[kind](BatchHttp(spec, key, base_url, by_bearer=kind != "anthropic"))


def secrets_into(body: Mapping[str, object], secret: Mapping[str, object]) -> dict[str, object]:
    """Return a body with the user's own fields that hold a key, which stand in no file."""
    return {**body, **secret}

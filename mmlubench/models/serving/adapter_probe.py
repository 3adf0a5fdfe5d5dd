"""Whether an adapter is really active at a server: its log-probabilities have to differ from those of its base.

An adapter that is loaded and never applied, or that changes nothing, answers exactly as its base does, and its score
would pass for the effect of fine-tuning. The base is asked twice, since batches change the last digits of its figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from mmlubench.errors import ModelError, ProviderError
from mmlubench.models.http.direct import plain_transport
from mmlubench.models.http.logprobs import first_token
from mmlubench.models.http.transport import Timeouts, Transport
from mmlubench.models.serving.adapters import check_fit
from mmlubench.models.serving.fault import fault
from mmlubench.models.serving.loras import chosen, names_of
from mmlubench.models.serving.server import Server
from mmlubench.models.spec import ModelSpec

#: Prompts whose next token is open, so that any change of the weights shows.
_PROMPTS = (
    "Question: Which of these is the largest?\nA. a hill\nB. a lake\nC. a continent\nD. a town\nAnswer:",
    "The answer to this question is",
    "1 2 3",
)
_TOP = 5
#: A difference has to exceed this, and the noise of the base so many times, to be one.
_LEAST, _TIMES = 1e-4, 3.0
#: The seconds that all of it may take.
_PROBE = Timeouts(connect_s=3.0, total_s=120.0)


async def check_adapter(spec: ModelSpec, server: Server, key: str | None) -> str:
    """Raise ModelError for an adapter of the server that does not fit the model's weights, or changes nothing.

    Return a sentence if it cannot be told whether it changes anything; mostly empty. One whose `fault` is told by the
    list of models alone is passed over.
    """
    assert spec.adapter is not None
    found, base = server.listed(spec.adapter), server.listed(spec.model_id)
    is_file = spec.adapter in names_of(server)
    if (found is None and not is_file) or fault(spec, replace(server, is_healthy=None)):
        return ""
    what = f"{spec.label}: the adapter {spec.adapter}"
    if found is not None:
        check_fit(spec.adapter_path or found.root, base.root if base is not None else "", what)
    differs = await difference(spec, server, key)
    if differs is None:
        return (
            f"{what} is listed, but whether it changes anything was not checked: the server tells no log-probabilities "
            "of raw prompts (/completions)"
        )
    if not is_active(differs):
        raise ModelError(
            f"{what} answers as {spec.model_id} does (log-probabilities differ by {differs[0]:.2g}, and those of the "
            f"base by {differs[1]:.2g} between two requests): it changes nothing, or the server does not apply it."
        )
    return ""


async def difference(spec: ModelSpec, server: Server, key: str | None) -> tuple[float, float] | None:
    """Return by how much log-probabilities differ between base and adapter, and between base and base, at most.

    None where the server tells no log-probabilities of raw prompts. No run's sampling parameters are used: the prompts
    are raw, of one token, at temperature 0.
    """
    assert spec.base_url is not None
    base = {"model": spec.model_id, **chosen(server, None)}
    adapted_body = {
        "model": spec.model_id if server.loras else spec.asked_model,
        **chosen(server, spec.adapter),
    }
    transport = plain_transport(spec.base_url, key=key, pool=len(_PROMPTS), timeouts=_PROBE, tls=spec.tls)
    try:
        first, again, adapted = [
            await asyncio.gather(*(_likeliest(transport, {**who, "prompt": prompt}) for prompt in _PROMPTS))
            for who in (base, base, adapted_body)
        ]
    except ProviderError:
        return None
    finally:
        await transport.aclose()
    changes, noise = _differences(first, adapted), _differences(first, again)
    return (max(changes), max(noise)) if changes and noise else None


def is_active(found: tuple[float, float]) -> bool:
    """Whether the adapter changes more than the base changes by itself."""
    changed, noise = found
    return changed > max(_LEAST, _TIMES * noise)


async def _likeliest(transport: Transport, who: Mapping[str, Any]) -> dict[str, float]:
    body = {**who, "max_tokens": 1, "logprobs": _TOP, "temperature": 0.0}
    reply = await transport.post("/completions", body)
    try:
        return dict(first_token(orjson.loads(reply.content)["choices"][0]))
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        return {}


def _differences(one: list[dict[str, float]], other: list[dict[str, float]]) -> list[float]:
    """The differences of tokens that both have; a token that one lacks may just have fallen out of its list."""
    return [
        abs(value - theirs[token])
        for ours, theirs in zip(one, other, strict=True)
        for token, value in ours.items()
        if token in theirs
    ]

"""LiteLLM's proxy before its own mocks and before a fake server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.fake_server import FakeServer
from tests.real.litellm import litellm_python, start_litellm

__all__ = ["litellm_python", "start_litellm"]

#: Answers and errors that LiteLLM makes up by itself, by the name of the model.
MOCKS = {
    "says-b": "ANSWER: B",
    "limited": "litellm.RateLimitError",
    "broken": "litellm.InternalServerError",
    "too-long": "litellm.ContextWindowExceededError",
}


@pytest.fixture(scope="session")
def backend() -> Iterator[FakeServer]:
    """A fake server behind the gateway: it can be told what to do, stopped, and started again."""
    with FakeServer() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(start_litellm: Callable[..., str], backend: FakeServer) -> str:
    """The gateway before its own mocks and before our fault server, which it takes for vLLM or for Anthropic."""
    mocks = {
        name: {"model": "openai/anything", "api_key": "none", "mock_response": text}
        for name, text in MOCKS.items()
    }
    common = {"api_key": "none", "max_retries": 0}
    behind = {
        "vllm": {"model": "hosted_vllm/faulty", "api_base": backend.url, **common},
        "openai": {"model": "openai/faulty", "api_base": backend.url, **common},
        "messages": {"model": "anthropic/faulty", "api_base": backend.url.removesuffix("/v1"), **common},
    }
    return start_litellm({**mocks, **behind})

"""Opening a model: the right class, the right key, and nothing heavy before it is needed."""

import importlib.metadata
import subprocess
import sys
from typing import Any

import pytest

from mmlubench.errors import ModelError
from mmlubench.models import PROVIDERS, open_model
from mmlubench.models.http.anthropic import Anthropic
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.transport import AioTransport, SdkTransport
from mmlubench.models.names.presets import PRESETS


def test_every_client_of_the_table_has_a_provider():
    assert set(PROVIDERS) == set(PRESETS)


@pytest.mark.parametrize(
    ("client", "transport", "model", "carrier"),
    [
        ("openai", "sdk", OpenAICompatible, SdkTransport),
        ("openrouter", "sdk", OpenAICompatible, SdkTransport),
        ("openai", "aiohttp", OpenAICompatible, AioTransport),
        ("vllm", "aiohttp", OpenAICompatible, AioTransport),
        ("anthropic", "sdk", Anthropic, SdkTransport),
    ],
)
def test_a_client_gets_its_class_and_its_transport(client, transport, model, carrier, make_spec):
    opened: Any = open_model(make_spec(client=client, transport=transport), pool=8, env={})
    assert type(opened) is model
    assert type(opened._transport) is carrier


def test_a_mock_opens_without_looking_for_a_key(make_spec, monkeypatch):
    # A fallback still names the variable that was missing.
    monkeypatch.setattr("mmlubench.models.find_key", lambda *_: pytest.fail("asked for a key"))
    open_model(make_spec(client="mock", rule="hash", api_key_env="SOME_KEY"), pool=1, env={})


def test_a_strangers_provider_comes_in_by_entry_point(make_spec, monkeypatch):
    class Point:
        name = "stranger"

        @staticmethod
        def load():
            return lambda spec, *, key, pool: (spec.label, key, pool)

    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group, name: [Point] if name == "stranger" else []
    )
    spec = make_spec(client="stranger", api_key_env="K")
    assert open_model(spec, pool=3, env={"K": "secret"}) == ("tested", "secret", 3)


def test_a_client_that_nobody_provides_lists_those_that_are(make_spec):
    with pytest.raises(
        ModelError, match=r"no provider is called 'nobody'; there are mock, anthropic, openai,"
    ):
        open_model(make_spec(client="nobody"), pool=1, env={})


def test_importing_the_models_imports_nothing_heavy():
    # pytest loads this in every run; an SDK alone takes 0.7 s.
    heavy = ["openai", "anthropic", "aiohttp", "httpx2", "pydantic", "yaml", "dotenv", "keyring", "datasets"]
    code = f"import mmlubench.models, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

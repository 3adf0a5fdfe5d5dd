"""Opening a model: the right class, the right key, and nothing heavy before it is needed."""

import subprocess
import sys
from typing import Any

import pytest

from mmlubench import registry
from mmlubench.errors import ModelError
from mmlubench.models import open_model
from mmlubench.models.http.anthropic import Anthropic
from mmlubench.models.http.direct import DirectTransport
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.transport import SdkTransport
from mmlubench.models.names.presets import CLIENTS, PRESETS, Preset
from mmlubench.models.names.resolve import resolve


@pytest.mark.parametrize(
    "client", sorted(PRESETS.keys() - {"transformers"})
)  # which loads its weights at once
def test_every_client_of_the_table_can_be_opened(client, make_spec):
    assert open_model(make_spec(client=client, rule="hash"), pool=1, env={})


def test_another_server_of_openais_protocol_is_one_row(monkeypatch):
    # Someone adds a server as CONTRIBUTING says; it must take nothing else.
    monkeypatch.setitem(PRESETS, "newserver", Preset("http://localhost:11434/v1"))
    spec = resolve("newserver/llama3", env={})
    assert (spec.client, spec.model_id, spec.base_url) == ("newserver", "llama3", "http://localhost:11434/v1")
    opened = open_model(spec, pool=1, env={}, timeout_s=5)
    assert type(opened) is OpenAICompatible
    assert type(opened._transport) is DirectTransport


@pytest.mark.parametrize(
    ("client", "transport", "model", "carrier"),
    [
        ("openai", "sdk", OpenAICompatible, SdkTransport),
        ("openrouter", "sdk", OpenAICompatible, SdkTransport),
        ("openai", "aiohttp", OpenAICompatible, DirectTransport),
        ("vllm", "aiohttp", OpenAICompatible, DirectTransport),
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


@pytest.fixture
def opened_by(make_spec, monkeypatch):
    """Open a model of a registered client, given what opens it."""

    def open_by(opens):
        monkeypatch.setitem(registry._registered["provider"], "stranger", opens)
        monkeypatch.setattr(CLIENTS, "_found", {})
        spec = make_spec(client="stranger", api_key_env="K")
        return open_model(spec, pool=3, env={"K": "secret"}, timeout_s=5)

    return open_by


def test_a_registered_client_is_given_spec_key_and_pool(opened_by):
    given = []

    class Stranger:
        def __init__(self, spec, *, key, pool):
            given.append((spec.label, key, pool))

        async def generate(self, request): ...

    assert isinstance(opened_by(Stranger), Stranger)
    assert given == [("tested", "secret", 3)]


@pytest.mark.parametrize(
    ("opens", "said"),
    [
        (lambda spec, *, key, pool: 1 / 0, r"tested: stranger cannot be opened \(ZeroDivisionError: "),
        (
            lambda spec, *, key, pool: None,
            r"tested: the provider stranger gave None; it must give an object with",
        ),
        (lambda spec: None, r"tested: stranger cannot be opened \(TypeError: "),
        (
            Preset(opens="nobodys_package:Model"),
            r"tested: stranger cannot be opened \(ModuleNotFoundError: No module named 'nobodys_package'\)\.$",
        ),
        (
            Preset(opens="mmlubench.models.mock:Nobody"),
            r"tested: stranger cannot be opened \(AttributeError: ",
        ),
        (Preset(opens="mmlubench"), r"tested: stranger cannot be opened \("),
    ],
)
def test_a_registered_client_that_cannot_be_opened_is_one_sentence(opens, said, opened_by):
    with pytest.raises(ModelError, match=said):
        opened_by(opens)


def test_a_client_that_nobody_provides_lists_those_that_are(make_spec):
    with pytest.raises(
        ModelError, match=r"There is no client 'nobody'; known: mock, openai, responses, openrouter,"
    ):
        open_model(make_spec(client="nobody"), pool=1, env={})


def test_importing_the_models_imports_nothing_heavy():
    # pytest loads this in every run; an SDK alone takes 0.7 s.
    heavy = [
        "openai",
        "anthropic",
        "aiohttp",
        "httptools",
        "httpx2",
        "pydantic",
        "yaml",
        "dotenv",
        "keyring",
        "datasets",
    ]
    code = f"import mmlubench.models, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

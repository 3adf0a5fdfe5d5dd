"""From --model to a spec: entries, names in full, missing keys, mocks that can never pass for the real model."""

import sys

import pytest

from mmlubench.errors import ModelError
from mmlubench.models import list_models, resolve
from mmlubench.models.names.listing import Row

ENTRIES = """
models:
  real:
    model_name: anthropic/claude-sonnet-5-5
    fallback: replies/stand-in.jsonl
    price: {input_per_mtok: 3, output_per_mtok: 15}
  strict: {model_name: openai/gpt-5.5, description: no fallback}
  gapped: {model_name: openai/gpt-5.5, fallback: replies/few.json, rule: hash}
  ours: {model_name: openai/org/thing, base_url: "http://localhost:9000/v1/"}
  guarded: {model_name: openai/org/thing, base_url: "http://localhost:9000/v1", api_key_env: OUR_KEY}
  tuned: {model_name: vllm/base, adapter: lora-a, parameters: {top_p: 0.9}, extra_body: {top_k: null}}
  pretender: {model_name: mock/A, responses: replies/all.json}
  team/model: {model_name: vllm/base}
  nobodys: {model_name: nobody/model}
  nameless: {model_name: vllm}
  pigeon: {model_name: anthropic/claude, transport: aiohttp}
"""
ALL_KEYS = {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "OPENROUTER_API_KEY": "k", "OUR_KEY": "k"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "keyring", None)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "models.yaml").write_text(ENTRIES)


def spec(name, env=ALL_KEYS, **more):
    return resolve(name, env=env, **more)


# --- entries


def test_an_entry_is_laid_over_what_is_known_of_its_client():
    real = spec("real")
    assert (real.label, real.client, real.model_id) == ("real", "anthropic", "claude-sonnet-5-5")
    assert (real.base_url, real.transport) == ("https://api.anthropic.com", "sdk")
    assert not real.is_mock
    assert not real.self_hosted
    assert real.notice == ""


def test_a_server_of_ones_own_needs_no_key_and_loses_its_trailing_slash():
    ours = spec("ours", env={})
    assert (ours.base_url, ours.api_key_env) == ("http://localhost:9000/v1", None)
    assert (ours.transport, ours.self_hosted) == ("aiohttp", True)


def test_a_server_of_ones_own_may_want_a_key():
    assert spec("guarded").api_key_env == "OUR_KEY"
    with pytest.raises(ModelError, match="OUR_KEY is not set"):
        spec("guarded", env={})


def test_vllm_is_always_told_what_its_generation_config_would_change():
    tuned = spec("tuned")
    assert tuned.parameters == {"temperature": 0.0, "top_p": 0.9}
    assert tuned.extra_body == {"top_k": None, "min_p": 0.0, "repetition_penalty": 1.0}


def test_openrouter_may_neither_drop_parameters_nor_switch_providers():
    assert spec("openrouter/a/b").extra_body["provider"] == {
        "require_parameters": True,
        "allow_fallbacks": False,
    }


def test_a_name_with_a_slash_may_be_an_entry():
    assert spec("team/model").label == "team-model"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "nobodys",
            r"entry nobodys: model_name 'nobody/model' begins with no known client; .* one of mock, openai,",
        ),
        ("nameless", r"entry nameless: model_name 'vllm' names no model; write vllm/MODEL-ID\."),
        (
            "pigeon",
            r"entry pigeon: transport aiohttp is for OpenAI-compatible servers; anthropic uses its SDK\.",
        ),
    ],
)
def test_an_entry_that_cannot_work_is_one_sentence(name, sentence):
    with pytest.raises(ModelError, match=sentence):
        spec(name)


# --- names in full


@pytest.mark.parametrize(
    ("name", "client", "model_id", "base_url", "label"),
    [
        ("anthropic/claude-x", "anthropic", "claude-x", "https://api.anthropic.com", "anthropic-claude-x"),
        ("openrouter/a/b", "openrouter", "a/b", "https://openrouter.ai/api/v1", "openrouter-a-b"),
        ("vllm/Q/7B@http://h:1/v1", "vllm", "Q/7B", "http://h:1/v1", "vllm-Q-7B"),
        ("vllm/Q@https://h/v1/", "vllm", "Q", "https://h/v1", "vllm-Q"),
        ("lmstudio/q", "lmstudio", "q", "http://localhost:1234/v1", "lmstudio-q"),
        ("llamacpp/q@http://h:2/v1", "llamacpp", "q", "http://h:2/v1", "llamacpp-q"),
        ("openai/claude@20250101", "openai", "claude@20250101", "https://api.openai.com/v1", None),
        ("mock/hash", "mock", "hash", None, "mock-hash"),
    ],
)
def test_a_model_can_be_named_in_full_without_an_entry(name, client, model_id, base_url, label):
    found = spec(name)
    assert (found.client, found.model_id, found.base_url) == (client, model_id, base_url)
    assert label is None or found.label == label


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "vllm/q@localhost:8000",
            r"follows @ must begin with http:// or https://, as in q@http://localhost:8000\.",
        ),
        ("vllm/q@ftp://h/v1", r"must begin with http:// or https://, as in q@http://h/v1\."),
        ("vllm/@http://h/v1", r"the model's name is missing before the @\."),
        ("vllm/q@http://h:x/v1", r"which is no valid address"),
        (
            "vllm/q@http://me:secret@h/v1",
            r"^--model vllm/q@…: base_url must not hold a user name or password",
        ),
    ],
)
def test_a_bad_address_is_one_sentence(name, sentence):
    with pytest.raises(ModelError, match=sentence) as caught:
        spec(name)
    assert "secret" not in str(caught.value)


def test_an_unknown_name_says_what_was_meant_where_it_looked_and_what_else_goes():
    with pytest.raises(ModelError) as caught:
        spec("raal")
    said = str(caught.value)
    assert said.startswith("--model raal: no such entry; did you mean real?")
    assert "models.yaml (not there), config/models.yaml," in said
    assert "vllm/NAME@http://host:8000/v1" in said


def test_an_unknown_name_that_is_like_no_other_lists_all():
    with pytest.raises(ModelError, match=r"no such entry; there are real, strict, .*, mock, claude"):
        spec("zzzzzz")


def test_an_unknown_client_lists_the_clients():
    with pytest.raises(ModelError, match=r"'opneai' is no client either; the clients are mock, openai,"):
        spec("opneai/gpt")
    with pytest.raises(ModelError, match=r"the clients are mock, .*\. Did you mean 'openai'\? Looked in"):
        spec("opneai/gpt")


@pytest.mark.parametrize("name", ["vllm", "vllm/"])
def test_a_client_without_a_model_is_told_to_name_one(name):
    # Not "did you mean llamacpp": the name was right, only too short.
    with pytest.raises(
        ModelError, match=r"no such entry; vllm is a client: name a model of it, vllm/MODEL-ID\."
    ):
        spec(name)


# --- keys and mocks


def test_a_missing_key_says_which_and_how_to_set_it():
    with pytest.raises(ModelError) as caught:
        spec("strict", env={})
    assert str(caught.value) == (
        "--model strict: OPENAI_API_KEY is not set; export OPENAI_API_KEY=…, or write OPENAI_API_KEY=… "
        "into ./.env, or run `mmlubench keys set OPENAI_API_KEY`."
    )


def test_a_fallback_says_mock_in_every_name_and_costs_nothing():
    stand_in = spec("real", env={})
    assert stand_in.is_mock
    assert (stand_in.label, stand_in.model_id) == ("real-MOCK", "claude-sonnet-5-5-MOCK")
    assert stand_in.notice == "ANTHROPIC_API_KEY is not set: MOCK replies from config/replies/stand-in.jsonl"
    assert stand_in.responses == "config/replies/stand-in.jsonl"  # starts at the folder of its file
    assert stand_in.price is None


def test_a_fallback_keeps_the_rule_of_its_entry_for_what_its_file_lacks():
    # Otherwise every question that is not in the file would end as an error.
    assert (spec("gapped", env={}).rule, spec("real", env={}).rule) == ("hash", None)


def test_no_fallback_makes_a_missing_key_an_error():
    with pytest.raises(ModelError, match="ANTHROPIC_API_KEY is not set"):
        spec("real", env={}, no_fallback=True)


def test_a_mock_whose_entry_has_an_honest_sounding_name_is_marked():
    assert spec("pretender").label == "pretender-MOCK"
    assert spec("mock").label == "mock"
    assert spec("pretender").responses == "config/replies/all.json"


# --- adapters


def test_an_adapter_shows_in_the_label_so_that_results_do_not_mix():
    assert spec("ours", adapter="my/lora").label == "ours-my-lora"
    assert spec("ours", adapter="my/lora").asked_model == "my/lora"


def test_the_command_lines_adapter_goes_before_the_entrys():
    assert spec("tuned").adapter == "lora-a"
    assert spec("tuned", adapter="lora-b").adapter == "lora-b"


@pytest.mark.parametrize("name", ["real", "strict", "openrouter/a/b", "lmstudio/q"])
def test_an_adapter_is_refused_where_the_bare_model_would_answer_in_its_name(name):
    with pytest.raises(ModelError, match=r"--adapter lora: \w+ cannot be asked for an adapter by name"):
        spec(name, adapter="lora")


# --- the list


def test_the_list_shows_key_and_price_of_every_model(tmp_path):
    file = tmp_path / "few.yaml"
    file.write_text(
        "a: {model_name: openai/gpt-5.5, provider: OpenAI, description: first,"
        " price: {input_per_mtok: 1.5, output_per_mtok: 12}}\nb: {model_name: anthropic/claude-x}\n"
        "mock: {model_name: mock/B, description: shadows the packaged one}\n"
    )
    rows = list_models(models_file=str(file), env={"OPENAI_API_KEY": "k"})
    assert rows[:3] == [
        Row("a", "openai/gpt-5.5", "OpenAI", "set", "1.5 / 12", "first"),
        Row("b", "anthropic/claude-x", "anthropic", "missing: ANTHROPIC_API_KEY", "-", ""),
        Row("mock", "mock/B", "mock", "not needed", "-", "shadows the packaged one"),
    ]
    assert [row.name for row in rows].count("mock") == 1


def test_a_broken_entry_is_said_when_models_are_listed():
    with pytest.raises(ModelError, match="entry nobodys"):
        list_models(env={})


def test_every_packaged_entry_can_be_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path / "config" / "..")
    (tmp_path / "config" / "models.yaml").unlink()
    rows = list_models(env={})
    assert {"mock", "claude", "claude-haiku", "gpt", "gpt-mini", "llama-8b", "qwen-vllm"} <= {
        r.name for r in rows
    }
    for row in rows:
        assert spec(row.name).label == row.name
    # Nobody gets a mock by surprise.
    assert all(spec(row.name).fallback is None for row in rows)

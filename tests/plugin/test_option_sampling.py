"""--temperature, --max-tokens and --concurrency: what is asked of the model, and how much at once."""

from __future__ import annotations

import pytest

from tests.fake_server import FakeServer, Reply


def parameters(folder, *arguments):
    folder.run("--limit", "1", *arguments)
    (request,) = folder.lines("requests")
    return request["parameters_asked"]


def test_temperature_is_0_and_the_token_limit_the_recipes_unless_said_otherwise(folder):
    assert parameters(folder, "--model", "mock/A") == {"temperature": 0.0, "max_tokens": 1024}
    assert parameters(folder, "--model", "mock/A", "--temperature", "0.7", "--max-tokens", "5") == {
        "temperature": 0.7,
        "max_tokens": 5,
    }


def test_a_models_own_defaults_stand_between_the_recipe_and_the_command_line(folder):
    own = {"model_name": "mock/A", "parameters": {"temperature": 0.3, "top_p": 0.9, "max_tokens": 9}}
    folder.models(**{"mock-a": own})
    assert parameters(folder, "--model", "mock-a") == {"temperature": 0.3, "top_p": 0.9, "max_tokens": 9}
    assert parameters(folder, "--model", "mock-a", "--temperature", "0", "--max-tokens", "7") == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 7,
    }


@pytest.mark.parametrize(("stop", "sent"), [(["Question:", "\n\n"], ["Question:", "\n\n"]), ([], None)])
def test_a_models_own_stop_texts_are_sent_and_an_empty_list_sends_none(stop, sent, folder):
    with FakeServer() as server:
        own = {"model_name": "vllm/faulty-1", "base_url": server.url, "parameters": {"stop": stop}}
        folder.models(mine=own)
        folder.run_apart("--model", "mine", "--data", "sample", "--limit", "2")
    assert not folder.entry()["outcomes"]["error"]
    assert all(request["parameters_sent"].get("stop") == sent for request in folder.lines("requests"))


@pytest.mark.parametrize(
    ("told", "most", "said"),
    [
        (
            {},
            1024,
            "*at most 1,024 tokens (vllm-qwen3-8b: reasoning, without room to think as its context window*",
        ),
        (
            {"max_model_len": 40960},
            16384,
            "*at most 16,384 tokens (vllm-qwen3-8b: reasoning); --max-tokens *",
        ),
    ],
)
def test_a_reasoning_model_has_the_room_that_its_server_tells_of(told, most, said, folder):
    with FakeServer() as server:
        models = {"object": "list", "data": [{"id": "qwen3-8b", "object": "model", **told}]}
        server.tells["/models"] = Reply(body=models)
        model = f"vllm/qwen3-8b@{server.url}"
        result = folder.run_apart("--model", model, "--data", "sample", "--limit", "2")
    result.stdout.fnmatch_lines([said])
    assert {request["parameters_sent"]["max_tokens"] for request in folder.lines("requests")} == {most}


def choosy(request):
    """A reasoning model behind a gateway."""
    if request.method == "POST" and "temperature" in request.body:
        said = "Unsupported value: 'temperature' does not support 0.0 with this model."
        return Reply(400, {"error": {"message": said, "param": "temperature", "code": "unsupported_value"}})
    return Reply()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "workers"])
def test_a_temperature_that_a_server_refuses_is_left_out_and_told(workers, folder):
    with FakeServer(always=choosy) as server:
        model = f"vllm/faulty-1@{server.url}"
        for _ in ("asked", "recalled from the store"):
            folder.run_apart("--model", model, "--data", "sample", "--limit", "8", *workers)
            assert not folder.entry()["outcomes"]["error"]
            assert all(
                "temperature" not in request["parameters_sent"] for request in folder.lines("requests")
            )
            (said,) = (w for w in folder.entry()["warnings"] if "not sent" in w)
            assert said.startswith(
                "asked for but not sent: temperature (8 requests); the model does not take it"
            )


@pytest.mark.parametrize("temperature", ["-0.1", "nan", "inf"])
def test_a_temperature_that_is_none_is_refused(temperature, folder):
    said = folder.refused("--temperature", temperature)
    assert said.startswith(f"--temperature {temperature}: it must be at least 0")


def test_a_temperature_that_is_no_number_is_refused(folder):
    said = folder.refused("--temperature", "hot")
    assert said == "--temperature hot: it must be a number; leave it out for the default."


@pytest.mark.parametrize("option", ["--max-tokens", "--concurrency"])
def test_nothing_at_all_is_refused(option, folder):
    assert folder.refused(option, "0") == f"{option} 0: it must be at least 1; leave it out for the default."


def test_so_many_requests_are_in_flight_and_no_more(folder, start_server):
    server = start_server("--latency-ms", "40")
    folder.run_apart("--model", server.model, "--data", "sample", "--concurrency", "5", "--limit", "40")
    stats = server.stats()
    assert (stats["total"], stats["max_in_flight"]) == (40, 5)


def test_one_at_a_time_takes_the_same_path(folder, start_server):
    server = start_server("--latency-ms", "5")
    folder.run_apart("--model", server.model, "--data", "sample", "--concurrency", "1", "--limit", "6")
    assert (server.stats()["total"], server.stats()["max_in_flight"]) == (6, 1)
    assert len(folder.lines("results")) == 6

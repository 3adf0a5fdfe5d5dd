"""--adapter at a llama.cpp server: base and adapter in one run, and an adapter that changes nothing is found out."""

from __future__ import annotations

import pytest

from tests.fake_server import FakeServer, Reply


def answer(changes):
    """A llama.cpp whose adapter changes the log-probabilities by so much."""

    def reply(request):
        body = request.body
        active = any(one["scale"] for one in body.get("lora", ()))
        value = -1.0 - (changes if active else 0.0)
        token = {"token": "B", "logprob": value, "top_logprobs": [{"token": "B", "logprob": value}]}
        message = {"role": "assistant", "content": "ANSWER: " + ("A" if active else "B")}
        choice = {
            "index": 0,
            "message": message,
            "text": " B",
            "finish_reason": "stop",
            "logprobs": {"content": [token]},
        }
        return Reply(
            body={"model": "m", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
        )

    return reply


@pytest.fixture
def run(folder):
    def do(changes, *options):
        folder.own_benchmark(count=3)
        with FakeServer(always=answer(changes)) as server:
            server.tells["/models"] = Reply(body={"data": [{"id": "m", "owned_by": "llamacpp"}]})
            server.tells["/lora-adapters"] = Reply(body=[{"id": 0, "path": "/l/letters.gguf", "scale": 1.0}])
            model = f"llamacpp/m@{server.url}"
            result = folder.run("-k", "capitals", "--model", model, "--adapter", "letters", *options)
        return result, [one.body for one in server.requests if one.path.endswith("/chat/completions")]

    return do


def test_base_and_adapter_are_asked_in_one_run(run, folder):
    result, bodies = run(0.5, "--with-base")
    accuracies = {entry["model"]: entry["accuracy"] for entry in folder.json("summary")["results"]}
    assert sorted(accuracies.values()) == [0.0, 1.0]
    assert accuracies[next(name for name in accuracies if name.endswith("letters"))] == 1.0
    assert sorted(body["lora"][0]["scale"] for body in bodies) == [0.0] * 3 + [1.0] * 3
    assert {body["model"] for body in bodies} == {"m"}
    result.stdout.fnmatch_lines(["*2 results, compared*"])


def test_an_adapter_that_changes_nothing_is_refused_before_any_question(run):
    result, bodies = run(0.0)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "it changes nothing, or the server does not apply it" in result.stderr.str()
    assert bodies == []


def test_without_the_look_the_number_of_the_adapter_is_not_known(run):
    result, bodies = run(0.5, "--no-preflight")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "leave --no-preflight out" in result.stderr.str()
    assert bodies == []

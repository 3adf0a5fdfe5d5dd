"""A server under one address and name that has other weights now: the store must not answer for those that are gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fake_server import FakeServer, Received, Reply

COUNT = 6
PLAIN = ()
WORKERS = ("-n", "2")
BOTH = pytest.mark.parametrize(
    "workers", [PLAIN, pytest.param(WORKERS, marks=pytest.mark.long)], ids=["plain", "n2"]
)


class Serving(FakeServer):
    """A server whose weights are known by the letter that they always answer, and by what it tells of them."""

    def __init__(self) -> None:
        super().__init__(always=self.reply)
        self.letter, self.model, self.fingerprint = "A", "m", ""

    @property
    def asked(self) -> int:
        """How many questions were asked; whether an adapter changes anything is tried with raw prompts."""
        return sum(request.path.endswith("/chat/completions") for request in self.requests)

    def reply(self, _request: Received) -> Reply:
        message = {"role": "assistant", "content": f"ANSWER: {self.letter}"}
        body: dict[str, Any] = {
            "id": "1",
            "model": self.model,
            "usage": {"prompt_tokens": 9, "completion_tokens": 4},
        }
        body["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        if self.fingerprint:
            body["system_fingerprint"] = self.fingerprint
        return Reply(body=body)

    def vllm(self, root: str, adapter: str = "") -> None:
        """Be a vLLM with weights from here, and with an adapter from there."""
        models: list[dict[str, Any]] = [self._vllm("m", root, None)]
        if adapter:
            models.append(self._vllm("tuned", adapter, "m"))
        self.tells = {"/models": Reply(body={"data": models}), "/version": Reply(body={"version": "0.32.0"})}

    def _vllm(self, name: str, root: str, parent: str | None) -> dict[str, Any]:
        # Like the real one, which says here when it was asked.
        self.listed = getattr(self, "listed", 0) + 1
        return {
            "id": name,
            "owned_by": "vllm",
            "root": root,
            "parent": parent,
            "created": 1_700_000_000 + self.listed,
        }


@pytest.fixture
def server() -> Iterator[Serving]:
    with Serving() as serving:
        yield serving


@pytest.fixture
def ask(folder: Any, server: Serving) -> Any:
    """Ask all questions; returns the accuracy (None without a headline), how many were asked, and the output."""
    folder.own_benchmark(count=COUNT)

    def run(*options: str, model: str = "vllm/m") -> tuple[float | None, int, str]:
        before = server.asked
        result = folder.run("test_capitals.py", "--model", f"{model}@{server.url}", *options)
        entry = folder.entry()
        said = result.stdout.str() + result.stderr.str()
        return (entry["accuracy"] if entry["headline"] else None), server.asked - before, said

    return run


@BOTH
def test_other_weights_under_the_same_name_are_asked_and_the_first_ones_are_found_again(
    ask: Any, server: Serving, workers: tuple[str, ...]
) -> None:
    server.vllm("/models/first")
    assert ask(*workers)[:2] == (1.0, COUNT)
    server.vllm("/models/second")
    server.letter = "B"
    accuracy, asked, said = ask(*workers)
    assert (accuracy, asked) == (0.0, COUNT)
    assert "other weights than when the store was used last (model: root /models/second in place of" in said
    assert ask(*workers)[:2] == (0.0, 0)
    server.vllm("/models/first")
    assert ask(*workers)[:2] == (1.0, 0)


def test_a_server_that_is_started_again_has_its_replies_still(ask: Any, server: Serving) -> None:
    server.vllm("/models/first")
    ask()
    server.vllm("/models/first")  # `created` is another one
    accuracy, asked, said = ask()
    assert (accuracy, asked) == (1.0, 0)
    assert "other weights" not in said


def test_replies_that_were_stored_before_servers_were_looked_at_are_used(ask: Any, server: Serving) -> None:
    ask()  # the server tells nothing
    server.vllm("/models/first")
    assert ask()[:2] == (1.0, 0)


def test_another_adapter_under_the_same_name_is_asked(ask: Any, server: Serving, folder: Any) -> None:
    server.vllm("/models/m", "/adapters/one")
    assert ask("--adapter", "tuned")[:2] == (1.0, COUNT)
    server.vllm("/models/m", "/adapters/two")
    server.letter = "B"
    assert ask("--adapter", "tuned")[:2] == (0.0, COUNT)
    assert folder.json("manifest")["weights"]["vllm-m-tuned"]["adapter"] == {"root": "/adapters/two"}


def test_an_adapter_that_was_trained_further_in_its_folder_is_asked(
    ask: Any, server: Serving, folder: Any
) -> None:
    place = folder.write("adapter/adapter_config.json", json.dumps({"r": 4}))
    weights = place.with_name("adapter_model.safetensors")
    weights.write_bytes(b"\2\0\0\0\0\0\0\0{}first")
    server.vllm("/models/m", str(place.parent))
    assert ask("--adapter", "tuned")[:2] == (1.0, COUNT)
    first = folder.json("manifest")["weights"]["vllm-m-tuned"]["adapter"]["sha256"]
    weights.write_bytes(b"\2\0\0\0\0\0\0\0{}second")
    assert ask("--adapter", "tuned")[1] == COUNT
    told = folder.json("manifest")["weights"]["vllm-m-tuned"]
    assert told["adapter"]["sha256"] != first
    (latest,) = (folder.path / "reports").glob("capitals_vllm-m-tuned_latest.json")
    assert json.loads(latest.read_text())["weights"] == told


def test_another_model_in_a_desktop_program_is_asked(ask: Any, server: Serving) -> None:
    for letter, loaded, accuracy in [("A", "llama", 1.0), ("B", "qwen", 0.0)]:
        server.letter, server.model = letter, loaded
        models = [
            {"id": name, "type": "llm", "state": "loaded" if name == loaded else "not-loaded"}
            for name in ("llama", "qwen")
        ]
        listed = [{"id": model["id"], "owned_by": "organization_owner"} for model in models]
        server.tells = {
            "/v1/models": Reply(body={"data": listed}),
            "/api/v0/models": Reply(body={"data": models}),
        }
        assert ask(model="lmstudio/local-model")[:2] == (accuracy, COUNT)


def test_another_file_in_llama_cpp_is_asked(ask: Any, server: Serving) -> None:
    for letter, file, accuracy in [("A", "a.gguf", 1.0), ("B", "b.gguf", 0.0)]:
        server.letter = letter
        server.tells = {
            "/v1/models": Reply(
                body={"data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_params": 9}}]}
            ),
            "/props": Reply(body={"default_generation_settings": {}, "model_path": f"/m/{file}"}),
        }
        assert ask(model="lmstudio/m")[:2] == (accuracy, COUNT)


@pytest.mark.parametrize("is_other", [True, False], ids=["other", "same"])
def test_a_server_that_comes_back_in_the_middle_of_a_run_must_have_the_same_weights(
    ask: Any, server: Serving, is_other: bool
) -> None:
    def restart(_request: Received) -> Reply:
        if is_other:
            server.vllm("/models/second")
            server.letter = "B"
        return Reply(raw=b"", resets=True)

    server.vllm("/models/first")
    server.play("ok", server.reply, restart, always=server.reply)
    accuracy, _, said = ask("--concurrency", "1")
    if not is_other:
        assert accuracy is not None
        return
    assert accuracy is None
    assert "was away and has other weights now (model: root /models/second in place of /models/first)" in said
    server.vllm("/models/first")
    server.letter = "A"
    server.play(always=server.reply)
    assert ask()[1] == COUNT - 2  # no reply of the other weights was stored


@BOTH
def test_other_weights_at_the_end_of_a_run_are_told_although_no_answer_failed(
    ask: Any, server: Serving, folder: Any, workers: tuple[str, ...]
) -> None:
    def swapped(request: Received) -> Reply:
        server.vllm("/models/second")
        return server.reply(request)

    server.vllm("/models/first")
    server.play(server.reply, server.reply, swapped, always=server.reply)
    said = " ".join(ask(*workers)[2].split())
    change = "(model: root /models/second in place of /models/first)"
    assert f"has other weights at the end of the run than at its start {change}" in said
    assert [warning for warning in folder.entry()["warnings"] if "--refresh" in warning]
    server.vllm("/models/first")
    looks = len(server.looks)
    assert "at the end of the run" not in ask()[2]
    # Nothing was asked, so that there was the look at the start alone.
    assert sum(look.path == "/v1/models" for look in server.looks[looks:]) == 1


def test_a_server_that_is_gone_at_the_end_of_a_run_is_no_obstacle(ask: Any, server: Serving) -> None:
    def last(request: Received) -> Reply:
        server.tells = {}
        return server.reply(request)

    server.vllm("/models/first")
    server.play(*[server.reply] * (COUNT - 1), last, always=server.reply)
    assert ask()[:2] == (1.0, COUNT)


def test_an_outage_concerns_all_models_of_the_server(ask: Any, server: Serving, folder: Any) -> None:
    def restart(_request: Received) -> Reply:
        server.vllm("/models/m", "/adapters/two")
        server.letter = "B"
        return Reply(raw=b"", resets=True)

    server.vllm("/models/m", "/adapters/one")
    server.play(server.reply, restart, always=server.reply)
    names = ("--model", f"vllm/m@{server.url}", "--adapter", "tuned", "--with-base")
    result = folder.run("test_capitals.py", *names, "--concurrency", "1", "--no-preflight")
    said = " ".join((result.stdout.str() + result.stderr.str()).split())
    assert "vllm-m-tuned: its server was away and has other weights now" in said
    of_adapter = [entry for entry in folder.json("summary")["results"] if entry["model"] == "vllm-m-tuned"]
    assert not any(entry["headline"] for entry in of_adapter)


@pytest.mark.parametrize("is_other", [True, False], ids=["other", "same"])
def test_a_server_that_is_away_at_the_start_is_looked_at_when_it_answers(
    ask: Any, server: Serving, is_other: bool
) -> None:
    loading = Reply(503, {"error": {"message": "Loading model"}})

    def ready(request: Received) -> Reply:
        server.vllm("/models/second" if is_other else "/models/first")
        server.play(always=server.reply)
        return server.reply(request)

    server.vllm("/models/first")
    ask("--limit", "3")
    server.tells = {"/models": loading, "/version": loading, "/health": loading}
    server.letter = "B" if is_other else "A"
    server.play(always=ready)
    accuracy, _, said = ask("--concurrency", "1")
    text = " ".join(said.split())
    if not is_other:
        assert accuracy == 1.0
        return
    assert accuracy is None
    assert "has other weights now (model: root /models/second in place of /models/first)" in text
    assert ask()[:2] == (0.0, COUNT)  # the reply of the other weights was not taken for one of the first


def test_a_server_that_loads_its_model_is_taken_for_what_it_was(
    ask: Any, server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    loading = Reply(503, {"error": {"message": "Loading model"}})
    server.vllm("/models/first")  # so that its neutral sampling is part of the requests
    assert ask(model="openai/m")[:2] == (1.0, COUNT)
    for _ in range(2):
        server.tells = {"/models": loading, "/version": loading, "/health": loading}
        assert ask(model="openai/m")[:2] == (1.0, 0)


def test_weights_that_were_first_seen_in_the_middle_of_a_run_are_remembered(
    ask: Any, server: Serving
) -> None:
    loading = Reply(503, {"error": {"message": "Loading model"}})

    def ready(request: Received) -> Reply:
        server.vllm("/models/first")
        return server.reply(request)

    server.tells = {"/models": loading, "/version": loading, "/health": loading}
    server.play(ready, always=server.reply)
    assert ask("--no-preflight", "--concurrency", "1")[:2] == (1.0, COUNT)
    server.vllm("/models/second")
    server.letter = "B"
    assert ask()[:2] == (0.0, COUNT)


def test_a_server_that_tells_its_weights_no_longer_is_named(ask: Any, server: Serving) -> None:
    server.vllm("/models/first")
    ask()
    server.tells = {"/models": Reply(body={"data": [{"id": "m"}]})}
    for _ in range(2):
        accuracy, asked, said = ask()
        assert (accuracy, asked) == (1.0, 0)
        text = " ".join(said.split())
        assert text.count("told of its weights before, and tells nothing now") == 1
        assert "--refresh asks anew" in text


def test_without_a_preflight_the_store_looks_all_the_same(ask: Any, server: Serving) -> None:
    server.vllm("/models/first")
    ask("--no-preflight")
    server.vllm("/models/second")
    assert ask("--no-preflight")[1] == COUNT


def test_a_server_that_is_down_has_the_weights_that_were_seen_last(ask: Any, server: Serving) -> None:
    server.vllm("/models/first")
    ask()
    server.vllm("/models/second")
    server.letter = "B"
    ask()
    server.stop()
    accuracy, _, said = ask()
    server.start()
    assert accuracy == 0.0
    assert "need no server" in said


@BOTH
def test_replies_of_two_fingerprints_are_not_mixed(
    ask: Any, server: Serving, workers: tuple[str, ...]
) -> None:
    server.fingerprint = "b1"
    ask("--limit", "3")
    server.fingerprint, server.letter = "b2", "B"
    accuracy, asked, said = ask(*workers)
    assert accuracy is None
    assert 0 < asked <= 3
    assert "would make one accuracy of two models, as they name system_fingerprint" in said
    text = " ".join(said.split())
    assert "fix the cause and run the same command again with --refresh" in text
    assert "which asks only" not in text
    assert "resume" not in text
    # What came then is not in the store: with the first server all goes on.
    server.fingerprint, server.letter = "b1", "A"
    assert ask()[:2] == (1.0, 3)


def test_they_are_mixed_for_who_accepts_it_and_it_is_said(ask: Any, server: Serving, folder: Any) -> None:
    server.fingerprint = "b1"
    ask("--limit", "3")
    server.fingerprint, server.letter = "b2", "B"
    accuracy, asked, said = ask("--accept-mixed")
    assert (accuracy, asked) == (0.5, 3)
    assert "different values of system_fingerprint, b1 (3 cases) and b2 (3 cases)" in " ".join(said.split())
    assert folder.json("manifest")["settings"]["accept_mixed"] is True
    accuracy, asked, said = ask()  # the store has both now, and nothing is asked
    assert (accuracy, asked) == (0.5, 0)
    assert "different values of system_fingerprint" in " ".join(said.split())
    assert ask("--refresh")[:2] == (0.0, COUNT)


def test_replies_that_were_not_mixed_are_kept_for_who_accepts_it(ask: Any, server: Serving) -> None:
    server.fingerprint = "b1"
    ask("--limit", "3")
    server.fingerprint, server.letter = "b2", "B"
    paid = ask("--concurrency", "1")[1]
    assert paid > 0
    assert ask("--accept-mixed")[:2] == (0.5, COUNT - 3 - paid)
    assert ask()[:2] == (0.5, 0)


def test_a_server_that_names_another_model_than_the_store_is_not_mixed_with_it(
    ask: Any, server: Serving
) -> None:
    ask("--limit", "3")
    server.model = "n"
    accuracy, _, said = ask()
    assert accuracy is None
    assert "they name model 'n' and 'm'" in said or "they name model 'm' and 'n'" in said


def test_known_weights_may_have_another_fingerprint_which_is_said(ask: Any, server: Serving) -> None:
    server.vllm("org/first")
    server.fingerprint = "vllm-1"
    ask("--limit", "3")
    server.fingerprint = "vllm-2"
    accuracy, asked, said = ask()
    assert (accuracy, asked) == (1.0, 3)
    assert "different values of system_fingerprint" in said


def test_a_path_of_another_computer_says_too_little_to_mix_fingerprints(ask: Any, server: Serving) -> None:
    server.vllm("/model")
    server.fingerprint = "vllm-1"
    ask("--limit", "3")
    server.fingerprint = "vllm-2"
    accuracy, _, said = ask()
    assert accuracy is None
    assert "would make one accuracy of two models" in said

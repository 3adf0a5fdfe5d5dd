"""--scoring logprob and --constrained: letters by their probability, or nothing but letters; or a clear no, in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import log
from typing import Any

import pytest

from tests.fake_server import FakeServer, Received, Reply

FEW = ("--model", "mock/hash", "--limit", "12", "--seed", "3")
CLAUDE = ("--model", "anthropic/claude-sonnet-4-5")
BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
WAYS = pytest.mark.parametrize(
    ("options", "calls"),
    [
        (("--scoring", "logprob"), 1),
        (("--scoring", "logprob:completions"), 1),
        (("--scoring", "logprob:chat"), 1),
        (("--scoring", "logprob:echo"), 4),  # one for every letter
        (("--recipe", "hendrycks", "--shots", "1"), 1),  # the recipe says how it is scored
        (("--recipe", "lm_eval", "--shots", "1"), 1),
    ],
    ids=lambda value: "-".join(value).strip("-") if isinstance(value, tuple) else str(value),
)


@WAYS
def test_letters_have_probabilities_and_the_likeliest_is_the_answer(folder, options, calls):
    result = folder.run(*FEW, *options)
    lines = folder.lines("results")
    assert len(lines) == 12
    for line in lines:
        known = line["probabilities"]
        assert list(known) == ["A", "B", "C", "D"]
        assert sum(known.values()) == pytest.approx(1)
        assert known[line["prediction"]] == max(known.values())
        assert (line["rule"], line["requests"]) == ("logprob", calls)
    assert len(folder.lines("requests")) == len(folder.lines("responses")) == 12 * calls
    assert len([line for line in result.outlines if "calibration: ECE" in line]) == 1


@pytest.mark.parametrize("scoring", ["logprob", "logprob:chat", "logprob:echo"])
def test_calibration_is_that_of_the_results(folder, scoring):
    folder.run(*FEW, "--scoring", scoring)
    entry, lines = folder.entry(), folder.lines("results")
    found = entry["calibration"]
    # Plain logprob takes the way that suits the recipe, and says which one it took.
    assert (entry["scoring"], found["n"]) == ("logprob:chat" if scoring == "logprob" else scoring, 12)
    right = [line["probabilities"][line["answer"]] for line in lines]
    assert found["p_right"] == pytest.approx(sum(right) / 12, abs=1e-6)
    missed = [
        sum((p - (letter == line["answer"])) ** 2 for letter, p in line["probabilities"].items())
        for line in lines
    ]
    assert found["brier"] == pytest.approx(sum(missed) / 12, abs=1e-6)
    assert 0 <= found["ece"] <= 1


def test_replies_that_are_read_have_no_calibration(folder):
    result = folder.run(*FEW)
    assert folder.entry()["calibration"] is None
    assert "calibration: ECE" not in result.stdout.str()
    # Another field that is always null would be in all 14,042 lines.
    assert not any(line.get("probabilities") for line in folder.lines("results"))


@pytest.mark.parametrize(
    "options",
    [("--scoring", "logprob"), ("--scoring", "logprob:echo"), ("--recipe", "hendrycks", "--shots", "1")],
)
def test_with_workers_all_of_it_is_the_same(folder, options):
    folder.run(*FEW, *options)
    alone = folder.entry(), told(folder)
    folder.run_apart(*FEW, *options, "-n", "2")
    assert told(folder) == alone[1]
    for name in ("accuracy", "outcomes", "calibration", "scoring", "requests"):
        assert folder.entry()[name] == alone[0][name], name


def told(folder) -> list[dict[str, Any]]:
    """The results without how long each took."""
    return [{**line, "latency_s": 0} for line in folder.lines("results")]


def test_what_is_sent_is_one_token_of_a_prompt_that_ends_before_the_letter(folder):
    folder.run(*FEW, "--recipe", "hendrycks", "--shots", "1")
    for line in folder.lines("requests"):
        assert line["parameters_asked"]["max_tokens"] == 1
        assert line["prompt"].startswith("The following are multiple choice questions (with answers) about  ")
        assert line["prompt"].endswith("\nAnswer:")


def test_a_recipe_scored_by_probability_can_be_read_all_the_same(folder):
    folder.run(*FEW, "--recipe", "hendrycks", "--shots", "1", "--scoring", "text")
    assert folder.entry()["calibration"] is None
    assert folder.entry()["recipe"] == "hendrycks, 1 shot, scored by text"


# -- what cannot be, is said before anything is asked ----------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    "options",
    [("--scoring", "logprob"), ("--scoring", "logprob:chat"), ("--recipe", "lm_eval", "--shots", "1")],
)
def test_a_provider_without_log_probabilities_is_refused(folder, monkeypatch, workers, options):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-nobody-asks-with-this")
    said = refused(folder, *CLAUDE, "--no-preflight", "--data", "sample", *options, *workers)
    assert said.startswith("--scoring logprob")
    assert "(anthropic) gives no log-probabilities; use --scoring text to read its replies" in said


def refused(folder, *arguments: str) -> str:
    """The one sentence of a run that ends with status 4 and has no run folder; the store may have been opened."""
    result = folder.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    # With workers pytest has begun its own output when they tell.
    (said,) = (line for line in (*result.errlines, *result.outlines) if line.startswith("ERROR: "))
    assert not list((folder.path / "reports").glob("*/"))
    assert "Traceback" not in result.stdout.str()
    return said.removeprefix("ERROR: ")


@pytest.mark.parametrize(
    "options", [("--scoring", "logprob"), ("--scoring", "logprob:chat"), ("--recipe", "hendrycks")]
)
def test_a_reply_cannot_be_held_to_letters_where_none_is_read(folder, options):
    said = folder.refused("--model", "mock/B", "--constrained", *options)
    assert said.startswith("--constrained limits replies to letters, and --scoring logprob")
    assert said.endswith("reads no reply: leave one of them out.")


@BOTH
def test_a_provider_that_cannot_hold_a_reply_to_letters_is_refused(folder, monkeypatch, workers):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-nobody-asks-with-this")
    said = folder.refused(*CLAUDE, "--data", "sample", "--constrained", *workers)
    assert said.startswith("--constrained: anthropic-claude-sonnet-4-5 is asked through the client anthropic")
    assert "leave --constrained out" in said


def test_an_unknown_way_is_refused_with_those_there_are(folder):
    result = folder.run("--model", "mock/B", "--scoring", "guess")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "logprob:echo" in result.stderr.str()


# -- a server that promises nothing is tried ---------------------------------------------------------------------------


def without_logprobs(request: Received) -> Reply:
    """What an OpenAI-compatible server says that answers everything, and tells null for log-probabilities."""
    said = {"text": " A"} if "prompt" in request.body else {"message": {"role": "assistant", "content": "A"}}
    choice = {"index": 0, "finish_reason": "length", "logprobs": None, **said}
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
    return Reply(body={"model": "tiny", "choices": [choice], "usage": usage})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(always=without_logprobs) as serving:
        yield serving


@pytest.mark.parametrize(
    ("scoring", "paths"),
    [
        ("logprob", ["/v1/chat/completions", "/v1/completions"]),
        ("logprob:completions", ["/v1/completions"]),
        ("logprob:chat", ["/v1/chat/completions"]),
        ("logprob:echo", ["/v1/completions"]),
    ],
)
def test_a_server_that_tells_none_is_found_out_before_the_run(folder, server, scoring, paths):
    # Found out after it, it would be 14,042 requests for a score of nothing.
    said = refused(folder, "--model", f"vllm/tiny@{server.url}", "--data", "sample", "--scoring", scoring)
    assert f"--scoring {scoring}: " in said
    assert "gave no log-probabilities when it was tried" in said
    assert said.endswith("use --scoring text to read its replies instead.")
    assert [request.path for request in server.requests] == paths  # each way once
    assert {request.body["max_tokens"] for request in server.requests} == {1}


def test_the_same_server_is_no_trouble_where_replies_are_read(folder, server):
    folder.run("--model", f"vllm/tiny@{server.url}", "--data", "sample", "--limit", "4", "--no-store")
    assert folder.entry()["answered"] == 4
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scoring", "logprob"), "mmlu · mock-hash · zero_shot, scored by logprob:chat: accuracy"),
        (("--scoring", "logprob:echo"), "mmlu · mock-hash · zero_shot, scored by logprob:echo: accuracy"),
        (
            ("--recipe", "hendrycks", "--shots", "1"),
            "mmlu · mock-hash · hendrycks, 1 shot (logprob:completions): accuracy",
        ),
        ((), "mmlu · mock-hash · zero_shot: accuracy"),
    ],
)
def test_the_way_that_was_chosen_stands_beside_the_accuracy(folder, options, said):
    result = folder.run(*FEW, *options)
    assert said in " ".join(" ".join(result.outlines).split())


# -- letters that hold hardly any of the probability -------------------------------------------------------------------


def about_to_write(request: Received) -> Reply:
    """A server whose model begins a sentence: the likeliest letter is the article, as after a prompt for chats."""
    likeliest = {" The": log(0.6), " A": log(0.01), " It": log(0.2)}
    said = {"tokens": [" The"], "token_logprobs": [log(0.6)], "top_logprobs": [likeliest]}
    choice = {"index": 0, "finish_reason": "length", "text": " The", "logprobs": said}
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
    return Reply(body={"model": "tiny", "choices": [choice], "usage": usage})


@BOTH
def test_letters_that_hold_hardly_anything_make_no_score(folder, workers):
    # 50 of 50 answers were the article " A", and 0.240 passed for an accuracy.
    with FakeServer(always=about_to_write) as server:
        asked = (*("--model", f"vllm/tiny@{server.url}", "--data", "sample", "--limit", "8"), "--no-store")
        options = (*asked, "--scoring", "logprob:completions", *workers)
        result = folder.run_apart(*options, "--min-accuracy", "0")
        entry = folder.entry()
        assert folder.run_apart(*options, "--min-accuracy", "0", "--min-letter-mass", "0").ret == 0
    why = (
        "the letters hold 1.0 % of the probability on average, --min-letter-mass wants 10 %: the model was not about "
        "to give a letter, so take --scoring logprob:chat, as the recipe zero_shot is for chats, or --recipe "
        "hendrycks, whose prompt ends before the letter, or --scoring text, which reads the replies"
    )
    assert (entry["headline"], entry["why_no_headline"]) == (False, why)
    assert entry["letter_mass"] == {"n": 8, "mean": pytest.approx(0.01), "incomplete": 8}
    assert entry["scoring"] == "logprob:completions"
    assert entry["calibration"]["ece"] is None
    screen = " ".join(" ".join(result.outlines).split())
    assert f"no headline number: {why}" in screen
    assert "letter mass 0.010 · letters missing from the server's list of tokens in 8 of 8 cases" in screen
    assert f"gate failed: mmlu vllm-tiny has no headline accuracy: {why}" in screen
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_the_classic_file_has_no_score_for_them(folder):
    with FakeServer(always=about_to_write) as server:
        folder.run(
            *("--model", f"vllm/tiny@{server.url}", "--data", "sample", "--limit", "4"),
            *("--no-store", "--scoring", "logprob:completions"),
        )
    (file,) = (folder.path / "reports").glob("*_latest.json")
    classic = json.loads(file.read_text())
    assert classic["overall_score"] is None
    assert classic["why_no_headline"].startswith("the letters hold 1.0 % of the probability on average")


@pytest.mark.parametrize(
    ("recipe", "path"), [("zero_shot", "/v1/chat/completions"), ("hendrycks", "/v1/completions")]
)
def test_logprob_alone_is_tried_in_the_way_that_suits_the_recipe(folder, server, recipe, path):
    options = ("--recipe", recipe, "--shots", "0", "--scoring", "logprob")
    refused(folder, "--model", f"vllm/tiny@{server.url}", "--data", "sample", *options)
    assert server.requests[0].path == path


def without_adapter(request: Received) -> Reply:
    """What vLLM says of an adapter that is not loaded."""
    error = {"message": "The model `letters` does not exist.", "type": "NotFoundError", "code": 404}
    return Reply(status=404, body={"error": error})


def test_an_adapter_that_is_not_loaded_is_told_as_that(folder):
    with FakeServer(always=without_adapter) as server:
        options = ("--adapter", "letters", "--scoring", "logprob", "--data", "sample")
        said = refused(folder, "--model", f"vllm/tiny@{server.url}", *options)
    assert said.startswith("--scoring logprob: the trial request failed: ")
    assert "The model `letters` does not exist: asked for model 'letters'" in said
    assert "log-probabilities" not in said

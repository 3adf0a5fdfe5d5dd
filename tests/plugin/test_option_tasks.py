"""--tasks: the names that inspect_evals has for its tasks, and entries of models.yaml as people have them."""

import json

import pytest


@pytest.mark.parametrize("task", ["inspect_evals/mmlu_5_shot", "mmlu_5_shot"])
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "workers"])
def test_a_task_names_questions_recipe_and_extraction(task, workers, folder):
    folder.own_benchmark()
    run = folder.run_apart if workers else folder.run
    # Each subject of the sample has one worked example at least.
    ask = ("--model", "mock/B", "--data", "sample", "--shots", "1", "--limit", "4", "--min-accuracy", "0")
    assert run("--tasks", task, *ask, *workers).ret == 0
    settings = folder.json("manifest")["settings"]
    assert (settings["recipe"], settings["extraction"]) == ("inspect_five_shot", "inspect")
    assert {line["benchmark"] for line in folder.lines("results")} == {"mmlu"}


def test_a_recipe_has_its_other_names_too(folder):
    folder.run(
        "-k", "mmlu", "--recipe", "mmlu_0_shot", "--model", "mock/B", "--data", "sample", "--limit", "4"
    )
    assert folder.json("manifest")["recipe"]["name"] == "inspect_zero_shot"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tasks", "mmlu_6_shot"), "--tasks mmlu_6_shot: there is no such task; did you mean"),
        (
            ("--tasks", "mmlu_0_shot", "--tasks", "mmlu_5_shot"),
            "a run has one recipe; name one task in each run.",
        ),
        (
            ("--tasks", "mmlu_0_shot", "--recipe", "cot"),
            "--tasks mmlu_0_shot has the recipe inspect_zero_shot: leave",
        ),
    ],
)
def test_a_task_that_cannot_be_is_one_sentence(arguments, said, folder):
    assert said in folder.refused(*arguments, "--model", "mock/B", "--data", "sample")


def reply(text):
    return {
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102},
    }


ENTRY = """
models:
  llama-lambda:
    model_name: openai/meta-llama/Llama-3.1-8B-Instruct
    provider: lambda
    base_url: {url}
    api_key_env: VLLM_API_KEY
"""


def test_what_people_have_runs_unchanged(folder, serve, monkeypatch):
    server = serve({"POST /v1/chat/completions": (200, reply("ANSWER: B"))})
    folder.write("config/models.yaml", ENTRY.format(url=server.url))
    monkeypatch.setenv("VLLM_API_KEY", "k-of-the-server")
    tasks = ("--tasks", "inspect_evals/mmlu_5_shot")
    ask = ("--data", "sample", "--shots", "1", "--limit", "4", "--min-accuracy", "0")
    result = folder.run(*tasks, "--model", "llama-lambda", *ask)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["*replies of at most 16 tokens (llama-lambda: instruct); --max-tokens changes it"]
    )
    bodies = [json.loads(body) for path, body in server.seen if "completions" in path]
    assert len(bodies) == 4
    assert {(body["model"], body["max_tokens"]) for body in bodies} == {
        ("meta-llama/Llama-3.1-8B-Instruct", 16)
    }


def test_the_length_of_replies_is_told_by_class_and_model(folder, serve):
    server = serve({"POST /v1/chat/completions": (200, reply("ANSWER: B"))})
    folder.models(
        plain={"model_name": "vllm/a", "base_url": server.url},
        thinker={
            "model_name": "vllm/b",
            "base_url": server.url,
            "model_type": "reasoning",
            "context_window": 131072,
        },
    )
    ask = ("-k", "mmlu", "--model", "plain", "--model", "thinker", "--data", "sample", "--limit", "4")
    result = folder.run(*ask)
    result.stdout.fnmatch_lines(
        ["*at most 1,024 tokens (plain: instruct), at most 16,384 tokens (thinker: reasoning); --max-tokens*"]
    )
    assert {json.loads(body)["max_tokens"] for _, body in server.seen if body} == {1024, 16384}
    assert "replies of" not in folder.run(*ask, "--max-tokens", "99").stdout.str()


def test_an_entry_with_an_unknown_key_is_one_sentence(folder):
    folder.write("config/models.yaml", ENTRY.format(url="http://h:1/v1") + "    temprature: 0\n")
    said = folder.refused("-k", "mmlu", "--model", "llama-lambda", "--data", "sample")
    assert (
        "config/models.yaml, entry llama-lambda: unknown key 'temprature'; allowed here: model_name," in said
    )

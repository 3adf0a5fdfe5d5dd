"""--model, --models-file, --adapter and the keys: who is asked, and who must not be taken for somebody else."""

from __future__ import annotations

import pytest


def test_without_a_model_the_mock_answers_and_everything_says_so(folder):
    result = folder.run("-k", "anatomy")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["MOCK mmlu * mock * zero_shot: accuracy*", "run folder: reports/*-MOCK"])
    assert {line["model"] for line in folder.lines("results")} == {"mock"}


def test_two_models_are_both_asked_everything_and_told_apart(folder):
    result = folder.run("--model", "mock/A", "--model", "mock/B", "-k", "anatomy or virology", "-q")
    result.stdout.fnmatch_lines(["=* mmlu mock-A =*", "=* mmlu mock-B =*"])
    asked = [(line["model"], line["id"]) for line in folder.lines("results")]
    assert asked == [
        (model, f"mmlu/{subject}/000{row}")
        for model in ("mock-A", "mock-B")
        for subject in ("anatomy", "virology")
        for row in (0, 1)
    ]
    assert [entry["model"] for entry in folder.json("summary")["results"]] == ["mock-A", "mock-B"]
    for label in ("mock-A", "mock-B"):
        assert (folder.path / "reports" / f"mmlu_{label}_latest.json").is_file()


def test_an_unknown_model_names_those_there_are_and_where_they_were_looked_for(folder):
    said = folder.refused("--model", "cluade")
    assert said.startswith("--model cluade: no such entry; did you mean claude")
    assert "models.yaml" in said
    assert "vllm/NAME@http" in said


def test_an_empty_model_is_no_model(folder):
    # What a Makefile makes of a variable that nobody set.
    said = "--model is empty: give a value, or leave it out for the default."
    assert folder.refused("--model", "") == said
    assert folder.refused("--model", "mock", "--model", "") == said


def test_a_models_file_of_ones_own_goes_before_the_packaged_one(folder):
    folder.write("elsewhere/mine.yaml", "models: {mine: {model_name: mock/B, rule: B}}")
    result = folder.run("--models-file", "elsewhere/mine.yaml", "--model", "mine", "--limit", "2")
    result.stdout.fnmatch_lines(["mmlubench: MOCK replies for mine-MOCK*"])
    assert [line["completion"] for line in folder.lines("responses")] == ["ANSWER: B"] * 2


def test_a_models_file_that_is_not_there_is_told(folder):
    assert folder.refused("--models-file", "no.yaml") == "--models-file no.yaml: there is no such file."


def test_a_broken_entry_names_file_entry_and_key(folder):
    folder.models(mine={"model_name": "mock/B", "tempratur": 1})
    said = folder.refused("--model", "mine")
    assert said.startswith("models.yaml, entry mine: unknown key 'tempratur'; allowed here: ")


def test_a_missing_key_names_the_variable_and_how_to_set_it(folder):
    said = folder.refused("--model", "claude")
    assert said.startswith("--model claude: ANTHROPIC_API_KEY is not set; export ANTHROPIC_API_KEY=")
    assert "./.env" in said


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_key_is_found_in_the_environment_and_in_dotenv(place, folder, collected, monkeypatch):
    folder.models(
        mine={"model_name": "openai/x", "base_url": "http://127.0.0.1:9/v1", "api_key_env": "MY_KEY"}
    )
    assert "MY_KEY is not set" in folder.refused("--model", "mine", "--data", "sample")
    if place == ".env":
        folder.write(".env", "MY_KEY=sk-not-a-real-one\n")
    else:
        monkeypatch.setenv("MY_KEY", "sk-not-a-real-one")
    assert collected("--model", "mine", "--data", "sample", "-k", "virology") == [
        "test_mmlu[mine-virology-0000]",
        "test_mmlu[mine-virology-0001]",
    ]


def test_a_key_reaches_no_file_and_no_screen(folder, start_server):
    server = start_server("--latency-ms", "0")
    address = f"http://127.0.0.1:{server.port}/v1"
    folder.models(mine={"model_name": "openai/fake", "base_url": address, "api_key_env": "MY_KEY"})
    folder.write(".env", "MY_KEY=sk-secret-0123456789\n")
    result = folder.run_apart("--model", "mine", "--data", "sample", "--limit", "3", "-vv")
    assert len(folder.lines("responses")) == 3
    written = [path.read_bytes() for path in (folder.path / "reports").rglob("*") if path.is_file()]
    shown = (result.stdout.str() + result.stderr.str()).encode()
    assert not [content for content in (*written, shown) if b"0123456789" in content]


FALLBACK = {"model_name": "openai/x", "api_key_env": "MY_KEY", "fallback": "canned.json"}


def test_where_the_key_is_missing_a_fallback_answers_as_MOCK_wherever_it_is_named(folder):
    folder.models(mine=FALLBACK)
    folder.write("canned.json", '{"mmlu/virology/0000": "A", "mmlu/virology/0001": "B"}')
    result = folder.run("--model", "mine", "-k", "virology")
    result.stdout.fnmatch_lines(
        [
            "mmlubench: MOCK replies for mine-MOCK: MY_KEY is not set: MOCK replies from *canned.json",
            "=* mmlu mine-MOCK =*",
            "MOCK mmlu * mine-MOCK * zero_shot: accuracy*",
        ]
    )
    assert folder.run_folder().name.endswith("-MOCK")
    beside = sorted(path.name for path in (folder.path / "reports").glob("*.json"))
    assert len(beside) == 2
    assert all(name.startswith("mmlu_mine-MOCK_") for name in beside)
    assert folder.json("summary")["mock"] is True
    assert (folder.entry()["mock"], folder.entry()["model"]) == (True, "mine-MOCK")
    assert {line["model"] for line in folder.lines("results")} == {"mine-MOCK"}
    assert {line["served_model"] for line in folder.lines("responses")} == {"x-MOCK"}


def test_no_fallback_makes_the_missing_key_an_error(folder):
    folder.models(mine=FALLBACK)
    folder.write("canned.json", "{}")
    assert folder.refused("--model", "mine", "--no-fallback").startswith("--model mine: MY_KEY is not set;")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (FALLBACK, "canned.json: the mock's replies cannot be read"),
        (
            {"model_name": "mock/x", "rule": "guess"},
            "'guess' is no rule of the mock; give hash, echo or a letter",
        ),
    ],
)
def test_a_mock_that_cannot_answer_is_told_before_anything_is_asked(entry, said, folder):
    folder.models(mine=entry)
    assert said in folder.refused("--model", "mine")


def test_an_adapter_is_part_of_the_models_name_and_of_the_classic_file(folder):
    result = folder.run("--model", "mock", "--adapter", "my-lora", "--limit", "2")
    result.stdout.fnmatch_lines(["=* mmlu mock-my-lora =*"])
    written = folder.path / "reports" / "mmlu_mock-my-lora_latest.json"
    assert '"adapter_name": "my-lora"' in written.read_text()
    assert {line["model"] for line in folder.lines("requests")} == {"mock-my-lora"}


def test_an_adapter_that_the_server_cannot_be_asked_for_is_refused(folder, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-a-real-one")
    said = folder.refused("--model", "claude", "--adapter", "my-lora")
    assert said.startswith("--adapter my-lora: anthropic cannot be asked for an adapter by name;")

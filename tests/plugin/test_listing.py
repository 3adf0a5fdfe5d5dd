"""--list-models: what can be named, and whether its key is there, without asking or collecting anything."""

from __future__ import annotations

import pytest

from mmlubench.models.names.presets import CLIENTS


def rows(result):
    """The first word of every line is a name, but for those that continue a cell."""
    return [line.split()[0] for line in result.outlines if line and not line.startswith(" ")]


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_every_model_is_listed_with_its_key_and_nothing_runs(wide, folder, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-one-0123")
    price = {"input_per_mtok": 0.5, "output_per_mtok": 1.5}
    folder.models(mine={"model_name": "vllm/some/model", "price": price, "description": "My own"})
    result = folder.run("--list-models")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "name *model *key *$ per M tokens in / out *description*",
            "mine *vllm/some/model *not needed *0.5 / 1.5 *My own*",
            "mock *mock/sample *not needed *- *Offline*",
            "claude *anthropic/claude-* *missing: ANTHROPIC_API_KEY *",
            "gpt *openai/gpt-* *set *",
            "Without an entry: provider/model-id or vllm/NAME@http://host:8000/v1",
        ]
    )
    # They are many, and take two lines.
    assert f"Providers: {', '.join(CLIENTS.names())}" in " ".join(result.stdout.str().split())
    assert "0123" not in result.stdout.str()
    assert "test session starts" not in result.stdout.str()
    assert not (folder.path / "reports").exists()


def test_a_model_of_ones_own_hides_the_packaged_one_of_its_name(wide, folder):
    folder.models(mock={"model_name": "mock/B", "description": "mine"})
    assert rows(folder.run("--list-models")).count("mock") == 1


def test_another_models_file_can_be_listed(wide, folder):
    folder.write("other.yaml", "models: {other: {model_name: mock/A}}")
    assert "other" in rows(folder.run("--list-models", "--models-file", "other.yaml"))


def test_a_file_that_is_not_there_is_told_in_one_sentence(folder):
    said = folder.refused("--list-models", "--models-file", "no.yaml")
    assert said == "--models-file no.yaml: there is no such file."


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_a_narrow_terminal_breaks_no_name(columns, folder, monkeypatch):
    # They are there to be copied; what does not fit beside them is left out.
    monkeypatch.setenv("COLUMNS", columns)
    result = folder.run("--list-models")
    for name in ("claude-haiku", "anthropic/claude-haiku-5-5", "ANTHROPIC_API_KEY"):
        assert name in result.stdout.str()
    if columns == "80":
        assert max(len(line.rstrip()) for line in result.outlines) <= 80

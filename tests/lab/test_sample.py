"""`mmlubench lab sample`: the texts that a model would get."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmlubench import datasets, prompts
from mmlubench.cli import main
from mmlubench.datasets.select import draw


def sample(*arguments: str) -> str:
    ended = CliRunner().invoke(main, ["lab", "sample", *arguments])
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_the_prompts_are_those_of_a_run_with_the_same_limit():
    data = datasets.load("mmlu", "sample", allow_partial=True)
    recipe = prompts.load_recipe("zero_shot")
    shown = sample("mmlu", "--data", "sample", "--n", "2", "--seed", "5")
    asked = draw(data.questions, 2, 5)
    assert re.findall(r"^── (mmlu/\S+)", shown, re.MULTILINE) == [question.id for question in asked]
    for question in asked:
        (message,) = prompts.render(recipe, question)
        assert f"[user]\n{message.content}\n── key: {question.answer} " in shown


def test_a_packaged_set_shows_what_was_made_of_its_columns():
    shown = sample("hellaswag", "--data", "sample", "--n", "4", "--recipe", "five_shot", "--shots", "1")
    assert (
        "Home and Garden: How to water a cactus. Feel the soil. Put a finger into the soil before each"
        in shown
    )
    assert "Making tea: She fills the kettle with water and switches it on. After a while, the water" in shown
    assert not re.search(r"\[(header|title|step|substeps)\]", shown)


def test_every_turn_has_its_role_and_a_raw_recipe_has_none():
    chat = sample("mmlu", "--data", "sample", "--recipe", "llama3", "--shots", "1", "--n", "1")
    assert re.findall(r"^\[(\w+)\]$", chat, re.MULTILINE) == ["user", "assistant", "user", "assistant"]
    raw = sample("mmlu", "--data", "sample", "--recipe", "hendrycks", "--shots", "1", "--n", "1")
    assert re.findall(r"^\[(.*)\]$", raw, re.MULTILINE) == ["raw text, to be continued"]
    assert "The following are multiple choice questions (with answers) about  " in raw
    assert re.search(r"Answer:\n── key: [A-D] ", raw)


def test_language_and_subject_choose():
    shown = sample("mmmlu", "--data", "sample", "--language", "de", "--subject", "anatomy", "--n", "9")
    assert set(re.findall(r"^── mmmlu/(\w+)/(\w+)", shown, re.MULTILINE)) == {("DE_DE", "anatomy")}


@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_yaml_of_several_languages_is_sampled_in_one(tmp_path: Path, language: str):
    rows = [
        {"id": str(n), "q": f"{name} {n}?", "c": ["a", "b"], "a": "A", "l": name}
        for name in ("de", "fr")
        for n in range(3)
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    file = tmp_path / "own.yaml"
    file.write_text(
        "name: own\nfile: rows.json\ncolumns: {question: q, choices: c, answer: a, id: id, language: l}\n"
    )
    shown = sample(str(file), "--language", language, "--n", "9")
    assert shown.count("[user]") == shown.count(f": {language} ") == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--subject", "nothing"], "There is no subject 'nothing' in the data"),
        (["--recipe", "nothing"], "There is no recipe 'nothing'"),
        (["--recipe", "five_shot"], "recipe five_shot wants 5 worked examples, but mmlu has 1 for"),
        (["--language", "DE_DE"], "mmlu: its questions are in one language only"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, said):
    ended = CliRunner().invoke(main, ["lab", "sample", "mmlu", "--data", "sample", *arguments])
    assert ended.exit_code == 1
    assert ended.output.startswith(f"Error: {said}")
    assert len(ended.output.splitlines()) == 1

"""What a training leaves beside its weights: a program, a person and a run can each tell what was trained on what."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mmlubench.datasets.splits.trained import read_trained
from mmlubench.errors import UserError
from mmlubench.lab.finetune.benchmark import in_process, on_a_server
from mmlubench.lab.finetune.card import commands, write_card
from mmlubench.lab.finetune.stages import Plan
from tests.lab.finetune.toys import write_split
from tests.made_plan import made_plan, made_training


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    made = made_plan(
        tmp_path / "my outputs",
        data=str(write_split(tmp_path / "split", (8, 4, 4))),
        references={"accuracy_before": 0.2833, "accuracy_after": 0.3332},
    )
    made.saved.mkdir(parents=True)
    return made


def test_the_facts_are_whole(plan: Plan) -> None:
    write_card(plan, made_training(plan))
    facts = json.loads((plan.folder / "finetune.json").read_text())
    assert facts["base"]["model"] == "org/base"
    assert facts["validation"]["n"] == 4
    assert facts["validation"]["accuracy"] == 0.75
    low, high = facts["validation"]["ci95"]
    assert low < 0.75 < high
    assert facts["history"][1] == {
        "step": 1,
        "epoch": 0.5,
        "seconds": 1.0,
        "loss": 1.4,
        "learning_rate": 0.0002,
    }
    assert facts["settings"]["lora"]["r"] == 16
    assert facts["data"]["ids_sha256"]["test"] == "c" * 64
    assert facts["device"]["dtype"] == "float32"
    assert "mmlubench" in facts["versions"]
    assert facts["references"]["accuracy_after"] == 0.3332


def test_a_run_tells_what_was_learned_also_where_the_weights_alone_were_moved(plan: Plan) -> None:
    trained = made_training(plan)
    write_card(plan, trained)
    for folder in (plan.folder, trained.folder):
        told = read_trained(folder)
        assert told is not None
        assert told.items == {f"mmlu/anatomy/{number:04}" for number in range(8)}
        assert told.watched == {f"mmlu/anatomy/{number:04}" for number in range(100, 104)}


def test_the_card_has_the_header_of_the_hub(plan: Plan) -> None:
    write_card(plan, made_training(plan))
    text = (plan.saved / "README.md").read_text()
    _, header, body = text.split("---\n", 2)
    assert yaml.safe_load(header) == {
        "base_model": "org/base",
        "base_model_relation": "adapter",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["mmlubench", "multiple-choice", "lora"],
        "datasets": ["mmmlu"],
    }
    assert "Validation accuracy before: 0.250" in body
    assert "Validation accuracy after: 0.750 (0.301\N{EN DASH}0.954, n = 4)" in body
    assert "Published for comparison: accuracy before 0.2833, accuracy after 0.3332." in body
    assert "](curves.svg)" in body
    assert (plan.saved / "curves.svg").is_file()


def test_the_commands_are_quoted_for_the_shell(plan: Plan) -> None:
    ask = shlex.split(in_process(plan))
    assert ask[:3] == ["pytest", "benchmarks", "-k"]
    assert f"--data={plan.config.data}" in ask
    assert ask[ask.index("--adapter") + 1] == str(plan.saved)
    assert ask[ask.index("--split") + 1] == "test"
    assert ask[-1] == "--with-base"
    serve, ask_server = map(shlex.split, on_a_server(plan))
    assert serve[:3] == ["vllm", "serve", "org/base"]
    assert serve[-1] == f"toy={plan.saved.absolute()}"
    assert "vllm/org/base@http://localhost:8000/v1" in ask_server
    assert any("mmlubench compare latest" in line for line in commands(plan))


def test_models_without_an_adapter_and_t5_are_asked_in_process(plan: Plan) -> None:
    full = replace(plan, config=replace(plan.config, method="full"))
    assert on_a_server(full) == ("", "")
    assert shlex.split(in_process(full))[-4:] == [
        "--model",
        "transformers/org/base",
        "--model",
        f"transformers/{full.saved}",
    ]
    t5 = replace(plan, config=replace(plan.config, kind="seq2seq"))
    assert on_a_server(t5) == ("", "")
    assert len(commands(t5)) == 4


def test_a_card_that_cannot_be_written_says_where_the_weights_are(plan: Plan) -> None:
    trained = made_training(plan)
    (plan.folder / "curves.svg").mkdir()
    with pytest.raises(UserError, match=r"the card cannot be written .*; the weights are in .*adapter"):
        write_card(plan, trained)


def test_paths_in_the_commands_are_short_where_they_are_run(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base").mkdir()
    local = replace(plan, source=str(tmp_path / "base"))
    assert f"--model transformers/{tmp_path}/base " in in_process(local)
    monkeypatch.chdir(tmp_path)
    assert "--data=split " in in_process(local)
    assert "--model transformers/base " in in_process(local)
    assert f"vllm serve {tmp_path / 'base'}" in on_a_server(local)[0]  # a server may be started elsewhere


def test_what_makes_an_accuracy_doubtful_stands_in_the_card(plan: Plan) -> None:
    trained = made_training(plan)
    last = replace(trained.history[-1], letter_mass=0.01, answered={"A": 4})
    write_card(plan, replace(trained, history=(*trained.history[:-1], last)))
    text = (plan.folder / "README.md").read_text()
    assert "n = 4); the letters hold 1.0 % of the probability; A is answered to 4 of 4" in text


def test_only_what_was_learned_is_told_as_trained_on(plan: Plan) -> None:
    part = made_plan(plan.folder.parent, data=plan.config.data, epochs=0.5)
    write_card(part, made_training(part))
    told = read_trained(part.folder)
    assert told is not None
    assert told.items == {f"mmlu/anatomy/{number:04}" for number in range(4)}
    card = (part.folder / "README.md").read_text()
    assert "| trained for | 0.5 epochs, 1 step |" in card
    assert "; learned 4 |" in card

"""The configuration: what is wrong with it is said in one sentence, before anything is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.errors import UserError
from mmlubench.lab.finetune.config import read_config
from tests.lab.finetune.toys import write_config, write_split


def write(folder: Path, **keys: Any) -> Path:
    return write_config(folder, folder / "model", folder / "split", **keys)


def test_a_configuration_is_read_with_defaults(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, method="qlora"))
    assert (config.lora.r, config.lora.alpha, config.shuffle_choices) == (16, 32, True)
    assert config.target_modules == "all-linear"
    assert config.folder == tmp_path / "outputs" / "toy"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"learnign_rate": 1e-3}, "did you mean 'learning_rate'"),
        ({"lora": {"rank": 8}, "method": "lora"}, "unknown key 'lora.rank'"),
        ({"name": "../elsewhere"}, "a name that a folder can have"),
        ({"epochs": 0}, "epochs is 0: give a number above 0"),
        ({"max_steps": 1.5}, "max_steps is 1.5: give a whole number of at least 1"),
        ({"learning_rate": 0}, "a number above 0"),
        ({"dtype": "float16"}, "one of auto, float32, bfloat16"),
        ({"kind": "seq2seq", "method": "qlora"}, "method qlora is for kind causal"),
        ({"lora": {"r": 8}, "method": "full"}, "method full trains no adapter"),
        ({"method": "lora", "lora": {"target_modules": "q_proj"}}, "a list of names"),
        ({"model": None}, "model is missing"),
    ],
)
def test_a_wrong_key_is_named_in_one_sentence(keys: dict[str, Any], says: str, tmp_path: Path) -> None:
    path = write(tmp_path, **keys)
    with pytest.raises(UserError) as error:
        read_config(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_paths_are_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    config = read_config(write(tmp_path, model="models/tiny"))
    assert config.model == str(tmp_path / "models" / "tiny")


def test_a_missing_data_folder_is_told_by_the_command(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["lab", "finetune", str(write(tmp_path))])
    assert result.exit_code == 1
    assert "there is no such folder with a split.json" in result.output
    assert "mmlubench lab split" in result.output


def test_without_torch_the_way_to_install_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_split(tmp_path / "split", (8, 2, 2))
    (tmp_path / "model").mkdir()
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(main, ["lab", "finetune", str(write(tmp_path))])
    assert result.exit_code == 1
    assert "pip install 'mmlubench[finetune]'" in result.output


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_folder_of_something_else_is_told_before_anything_is_loaded(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_split(tmp_path / "split", (8, 2, 2))
    monkeypatch.setitem(sys.modules, "torch", None)
    path, folder = write(tmp_path), tmp_path / "outputs" / "toy"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text('{"editor.fontSize": 12}')
    result = CliRunner().invoke(main, ["lab", "finetune", str(path), *more])
    assert result.exit_code == 1
    assert f"{folder} holds files of something else" in result.output
    (folder / "settings.json").unlink()
    folder.rmdir()
    folder.write_text("a file")
    result = CliRunner().invoke(main, ["lab", "finetune", str(path), *more])
    assert f"{folder} cannot be written (Not a directory)" in result.output


def test_a_model_of_the_hub_without_a_network_is_told_after_one_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_split(tmp_path / "split", (8, 2, 2))
    monkeypatch.setitem(sys.modules, "torch", None)  # not even needed to say so
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    path = write(tmp_path, model="google/flan-t5-base", kind="seq2seq")
    result = CliRunner().invoke(main, ["lab", "finetune", str(path), "--dry-run"])
    assert result.exit_code == 1
    assert "model google/flan-t5-base: there is no such folder, it is not in the cache" in result.output
    assert "http://127.0.0.1:9 cannot be reached" in result.output


def test_a_part_of_an_epoch_and_a_last_step_are_read(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, epochs=0.5, max_steps=20))
    assert (config.epochs, config.max_steps) == (0.5, 20)
    assert repr(read_config(write(tmp_path, epochs=2.0)).epochs) == "2"


def test_the_default_recipe_asks_for_what_is_learned(tmp_path: Path) -> None:
    assert read_config(write(tmp_path, recipe=None)).recipe == "letter"


def test_reading_a_configuration_imports_nothing_heavy(tmp_path: Path) -> None:
    path = write(tmp_path)
    code = (
        "import sys, pathlib; from mmlubench.lab.finetune.config import read_config;"
        f"read_config(pathlib.Path({str(path)!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_references_change_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, references={"accuracy_before": 0.2833, "from": "a paper"})
    assert read_config(path).references["accuracy_before"] == 0.2833
    assert yaml.safe_load(path.read_text())["references"]

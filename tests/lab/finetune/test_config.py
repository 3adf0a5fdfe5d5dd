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

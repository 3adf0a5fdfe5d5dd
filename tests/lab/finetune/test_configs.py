"""The packaged configurations, named without a path, and changes of single keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.errors import UserError
from mmlubench.lab.finetune.packaged import find, names, read


def test_the_published_settings_are_packaged() -> None:
    assert names() == ["flan_t5_base_de_fr", "gemma_2_2b_qlora_de_fr"]
    flan, gemma = (read(name) for name in names())
    assert flan.references == {"accuracy_before": 0.2833, "accuracy_after": 0.3332}
    assert gemma.references == {"accuracy_before": 0.3751, "accuracy_after": 0.5392}
    assert (flan.kind, gemma.kind, gemma.method) == ("seq2seq", "causal", "qlora")
    assert {one.epochs for one in (flan, gemma)} == {2}
    assert {str(one.folder) for one in (flan, gemma)} == {f"outputs/{name}" for name in names()}


def test_an_unknown_name_lists_those_that_are_there() -> None:
    with pytest.raises(
        UserError, match=r"gemma_2_2b_de_fr: there is no such file.* one of flan_t5_base_de_fr, gemma"
    ):
        find("gemma_2_2b_de_fr")


def test_a_file_goes_before_a_packaged_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flan_t5_base_de_fr").write_text(find("gemma_2_2b_qlora_de_fr").read_text())
    assert read("flan_t5_base_de_fr").kind == "causal"


def test_keys_are_changed_by_name() -> None:
    changes = ["epochs=1", "lora.r=8", "learning_rate=2e-4", "name=mine", "revision=v1.0"]
    config = read("gemma_2_2b_qlora_de_fr", changes)
    assert (config.epochs, config.lora.r, config.lora.alpha, config.learning_rate) == (1, 8, 32, 0.0002)
    assert (config.name, config.revision) == ("mine", "v1.0")
    assert read("flan_t5_base_de_fr", ["method=lora", "lora.r=4"]).lora.r == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("epochs", "--set epochs: give KEY=VALUE"),
        ("=1", "--set =1: give KEY=VALUE"),
        ("lora..r=1", "give KEY=VALUE"),
        ("name=[", "not valid YAML"),
        ("epoch=1", "unknown key 'epoch'.*did you mean 'epochs'"),
        ("lora.rank=1", r"unknown key 'lora\.rank'"),
        ("epochs=0", "epochs is 0: give a number above 0"),
    ],
)
def test_a_wrong_change_is_one_sentence(change: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read("gemma_2_2b_qlora_de_fr", [change])


def test_the_command_tells_an_unknown_configuration() -> None:
    done = CliRunner().invoke(main, ["lab", "finetune", "gemma_2_2b_qlora_de_f"])
    assert done.exit_code == 1
    assert "did you mean 'gemma_2_2b_qlora_de_fr'?" in done.output


def test_a_packaged_configuration_is_shown_to_begin_with() -> None:
    done = CliRunner().invoke(main, ["lab", "finetune", "flan_t5_base_de_fr", "--show"])
    assert done.exit_code == 0
    assert done.output.rstrip() == find("flan_t5_base_de_fr").read_text().rstrip()

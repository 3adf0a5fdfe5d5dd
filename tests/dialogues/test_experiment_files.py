"""Configurations and data sets that are wrong: one sentence each, that names the file and what to put there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.dialogues import open_experiment, read_dialogues
from mmlubench.errors import DataError, UserError


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("experiment_id", "../etc", "experiment_id is '../etc': give a name that a folder can have"),
        ("experiment_id", "..", "experiment_id is '..'"),
        ("experiment_id", "a/b", "experiment_id is 'a/b'"),
        ("experiment_id", "", "experiment_id is ''"),
        ("experiment_id", "x" * 101, "experiment_id is 'xxx"),
        ("experiment_id", 7, "experiment_id is 7"),
        ("model", ["claude"], "model is ['claude']: give the name of a model"),
        ("max_tokens", 0, "max_tokens is 0: give a whole number of at least 1"),
        ("max_tokens", "200", "max_tokens is '200'"),
        ("max_tokens", True, "max_tokens is True"),
        ("max_tokens", 1.5, "max_tokens is 1.5"),
        ("temperature", -0.1, "temperature is -0.1: give a number of at least 0"),
        ("temperature", "warm", "temperature is 'warm'"),
        ("temperature", float("nan"), "temperature is nan"),
        ("temperature", False, "temperature is False"),
        ("dataset_path", 3, "dataset_path is 3: give the path of a JSON file"),
        ("dataset_path", "none.json", "dataset_path 'none.json' does not exist; looked for "),
        ("log_schema_version", 2, "log_schema_version is 2: give 1"),
        ("log_schema_version", True, "log_schema_version is True"),
        ("output_fields", "completion", "output_fields is 'completion': give a list with completion"),
        ("output_fields", ["metadata"], "output_fields is ['metadata']"),
        (
            "metrics",
            ["bleu"],
            "metrics is ['bleu']: give a list, of fact_coverage, refusal_rate, geometric_mean, ",
        ),
        ("metrics", "fact_coverage", "metrics is 'fact_coverage'"),
        ("metrics", [["fact_coverage"]], "metrics is [['fact_coverage']]"),
        ("seed", 1, "unknown key 'seed'; allowed here: experiment_id, model, "),
    ],
)
def test_a_value_that_makes_no_sense_is_told(
    key: str, value: Any, said: str, refused_config: Callable[..., str]
) -> None:
    assert refused_config(**{key: value}).startswith(f"config.yaml: {said}")


@pytest.mark.parametrize(
    "key",
    [
        *("experiment_id", "model", "max_tokens", "temperature"),
        *("dataset_path", "log_schema_version", "output_fields", "metrics"),
    ],
)
def test_every_key_is_needed(key: str, refused_config: Callable[..., str]) -> None:
    assert refused_config(**{key: None}).startswith(f"config.yaml: {key} is missing: give ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "config.yaml, line 1: not valid YAML ("),
        ("- a", "config.yaml: expected the keys experiment_id, "),
        ("", "config.yaml: expected the keys experiment_id, model, "),
        ("a: \x00", "config.yaml: not valid YAML ("),
    ],
)
def test_a_file_that_is_no_configuration_is_told(text: str, said: str, lab: Any) -> None:
    lab.write("config.yaml", text)
    assert lab.refused("run", "--config", "config.yaml", "--output-dir", "out").startswith(said)


def test_a_configuration_that_cannot_be_read_is_told(lab: Any) -> None:
    for name, why in (("none.yaml", "No such file"), (".", "Is a directory")):
        assert why in lab.refused("run", "--config", name, "--output-dir", "out")
    (lab.path / "config.yaml").write_bytes(b"model: \xff")
    said = lab.refused("run", "--config", "config.yaml", "--output-dir", "out")
    assert said == "config.yaml: not UTF-8 text; save it as UTF-8."


def test_a_data_set_is_looked_for_beside_the_configuration_then_where_the_user_is(lab: Any) -> None:
    lab.write("configs/config.yaml", (lab.path / "config.yaml").read_text())
    here = open_experiment("configs/config.yaml")
    assert here.dataset_path == lab.path / "dialogues.json"
    beside = lab.write("configs/dialogues.json", (lab.path / "dialogues.json").read_text())
    assert open_experiment("configs/config.yaml").dataset_path == beside


def test_a_whole_number_is_a_temperature_and_an_identifier_keeps_its_dots(lab: Any) -> None:
    experiment = open_experiment(lab.config(temperature=1, experiment_id="v1.2_run-3"))
    assert experiment.params.temperature == 1
    assert experiment.experiment_id == "v1.2_run-3"


# -- data sets

ROW = {"dialogue_id": "a", "system": "s", "user": "u", "required_facts": ["f"]}


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key not in keys}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "the data set is empty; give at least one dialogue"),
        ({"a": 1}, "expected a list of dialogues in brackets, and found an object."),
        (None, "expected a list of dialogues in brackets, and found null."),
        ([ROW, ROW], "row 2: dialogue_id 'a' is also that of row 1; give each row its own."),
        (
            [ROW, "text"],
            "row 2: expected an object with dialogue_id, system, user, required_facts, and found a text.",
        ),
        ([without("user")], "row 1: user is missing."),
        ([without("user", "system")], "row 1: system and user are missing."),
        (
            [without("required_facts")],
            "row 1: required_facts is missing; write [] where no fact is required.",
        ),
        ([{**ROW, "dialogue_id": 3}], "row 1: dialogue_id must be a text, and is a number."),
        ([{**ROW, "dialogue_id": " "}], "row 1: dialogue_id is empty."),
        (
            [{**ROW, "dialogue_id": "a\nb"}],
            "row 1: dialogue_id 'a\\nb' has characters that cannot be printed; use printable ones.",
        ),
        ([{**ROW, "system": None}], "row 1: system must be a text, and is null."),
        ([{**ROW, "user": ""}], "row 1: user is empty."),
        ([{**ROW, "kind": ["safety"]}], "row 1: kind must be a text, and is a list."),
        (
            [{**ROW, "required_facts": "f"}],
            "row 1: required_facts must be a list of texts, none of them empty.",
        ),
        ([{**ROW, "required_facts": ["f", ""]}], "row 1: required_facts must be a list of texts"),
        ([{**ROW, "required_facts": [1]}], "row 1: required_facts must be a list of texts"),
    ],
)
def test_a_data_set_that_is_not_as_it_should_be_is_told(rows: Any, said: str, lab: Any) -> None:
    lab.dialogues(rows)
    sentence = lab.refused("run", "--config", "config.yaml", "--output-dir", "out")
    assert sentence.startswith(f"{lab.path / 'dialogues.json'}")
    assert said in sentence
    assert not lab.out.exists()


def test_a_data_set_that_is_no_json_is_told(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text("[\n{]")
    with pytest.raises(DataError, match=r"d\.json: this is not JSON \(.*, line 2\)\.$"):
        read_dialogues(path)
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)\.$"):
        read_dialogues(tmp_path)


def test_keys_of_ones_own_a_byte_order_mark_and_a_kind_are_let_through(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_bytes(
        b"\xef\xbb\xbf"
        + orjson.dumps([{**ROW, "note": 1, "kind": " safety "}, {**ROW, "dialogue_id": "b", "kind": None}])
    )
    first, second = read_dialogues(path)
    assert (first.kind, first.is_safety, second.kind) == ("safety", True, "")

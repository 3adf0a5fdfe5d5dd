"""Entries that ask models of one name, several benchmarks and several recipes: no format loses or mixes a result."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from pyarrow import parquet

from mmlubench.reports.exports.export import export
from mmlubench.reports.exports.github import markdown
from mmlubench.reports.exports.scored import scored
from mmlubench.reports.exports.wandb import figures_of
from mmlubench.run.archive import RunArchive
from mmlubench.schema import Entry, Outcome
from tests.exports.conftest import made_entry

LABELS, BENCHMARKS, RECIPES = ("fp16", "int4"), ("mmlu", "mmlu_pro"), ("", "own solver (test_a.py)")
#: Every result by label, benchmark and recipe.
RESULTS = {
    (label, benchmark, recipe or "zero_shot")
    for label, benchmark, recipe in product(LABELS, BENCHMARKS, RECIPES)
}
Result = tuple[str, str, str]


def entries() -> Iterable[Entry]:
    """Cases of each result; the models and recipes answer otherwise."""
    for benchmark, recipe, label in product(BENCHMARKS, RECIPES, LABELS):
        outcome = Outcome.CORRECT if (label == "fp16") is (recipe == "") else Outcome.WRONG
        for number in range(3):
            case = made_entry(number, outcome, label)
            yield made_entry(
                number,
                outcome,
                label,
                benchmark=benchmark,
                recipe=recipe,
                id=case.id.replace("mmlu", benchmark),
            )


@pytest.fixture
def run(build: Callable[..., RunArchive]) -> RunArchive:
    """Eight results of two entries, whose servers call their models by one name."""
    return build(entries(), model_id="vendor/odd-good")


def written(run: RunArchive, name: str) -> list[Path]:
    """The files of an export, each of which is there, in a place of its own also where case does not count."""
    paths = export(run, name)
    assert len({str(path).casefold() for path in paths}) == len(paths)
    assert {path for path in (run.path / "exports" / name).rglob("*") if path.is_file()} == set(paths)
    return paths


def of_facts(facts: dict[str, Any]) -> Result:
    return facts["label"], facts["benchmark"], facts["recipe"]


def test_lm_eval_has_a_folder_for_each_result(run: RunArchive) -> None:
    paths = written(run, "lm-eval")
    folders = {path.parent for path in paths}
    assert len(folders) == len(RESULTS)
    found = set()
    for folder in folders:
        (file,) = folder.glob("results_*.json")
        facts = json.loads(file.read_text())["mmlubench"]
        found.add(of_facts(facts))
        assert facts["label"] in folder.name
        samples = [
            json.loads(line) for path in folder.glob("samples_*") for line in path.read_text().splitlines()
        ]
        assert len(samples) == facts["n"]
        for sample in samples:  # the reply is that of this model under this recipe
            assert sample["resps"][0][0].startswith(f"The answer is: {sample['filtered_resps'][0]}")
    assert found == RESULTS


def test_the_hub_has_a_file_for_each_result_in_the_folder_of_its_entry(run: RunArchive) -> None:
    paths = written(run, "hub")
    assert len(paths) == len(RESULTS)
    assert {path.parts[-3] for path in paths} == set(LABELS)
    for path in paths:
        (entry,) = yaml.safe_load(path.read_text())
        recipe = "zero_shot" if "zero_shot" in entry["notes"] else "own"
        assert entry["value"] == (100 if (path.parts[-3] == "fp16") is (recipe == "zero_shot") else 0)


def test_inspect_has_a_log_for_each_result_called_by_its_entry(run: RunArchive) -> None:
    found = set()
    for path in written(run, "inspect"):
        with ZipFile(path) as log:
            facts = json.loads(log.read("header.json"))["eval"]["metadata"]
        found.add(of_facts(facts))
        assert facts["label"] in path.name
    assert found == RESULTS


def test_every_eval_ever_has_a_record_with_an_id_for_each_result(run: RunArchive) -> None:
    records = [
        json.loads(path.read_text()) for path in written(run, "every-eval-ever") if path.suffix == ".json"
    ]
    details = [
        record["evaluation_results"][0]["generation_config"]["additional_details"] for record in records
    ]
    assert set(map(of_facts, details)) == RESULTS
    assert len({record["evaluation_id"] for record in records}) == len(RESULTS)


def test_ctrf_has_a_test_with_a_name_for_each_case(run: RunArchive) -> None:
    (path,) = written(run, "ctrf")
    report = json.loads(path.read_text())
    names = [test["name"] for test in report["results"]["tests"]]
    assert len(set(names)) == len(names) == 3 * len(RESULTS)
    assert set(map(of_facts, report["extra"]["results"])) == RESULTS


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_a_row_of_a_table_says_whose_it_is(run: RunArchive, name: str) -> None:
    (path,) = written(run, name)
    if name == "csv":
        with path.open(newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
    else:
        rows = parquet.read_table(path).to_pylist()
    assert len(rows) == 3 * len(RESULTS)
    assert {(row["model"], row["benchmark"], row["recipe"]) for row in rows} == RESULTS
    for row in rows:
        assert row["reply"].startswith(f"The answer is: {row['prediction']}")


def test_the_figures_of_wandb_have_a_place_for_each_result(run: RunArchive) -> None:
    places = [name for one in scored(run) for name in figures_of(one) if name.endswith("/accuracy")]
    assert len(set(places)) == len(places) == len(RESULTS)


def test_markdown_names_the_entries_as_the_terminal_does(run: RunArchive) -> None:
    rows = [line.split(" | ") for line in markdown(run).splitlines() if line.startswith("| mmlu")]
    assert sorted(row[1] for row in rows) == ["fp16"] * 4 + ["int4"] * 4
    assert "odd-good" not in markdown(run)


@pytest.mark.parametrize("name", ["lm-eval", "hub", "inspect"])
def test_names_that_files_cannot_tell_apart_are_one_name(build: Callable[..., RunArchive], name: str) -> None:
    run = build([made_entry(n, Outcome.CORRECT, label) for label in ("A:b", "a-B") for n in range(3)])
    told = {"lm-eval": 8, "hub": 2, "inspect": 2}[name]
    assert len(written(run, name)) == told

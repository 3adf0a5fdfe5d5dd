"""Packaged data sets from the hub, for real: the libraries in a process of their own, HTTP to a stand-in."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.commands.data import is_cached
from mmlubench.datasets import find, load
from tests.fake_server import Reply

#: Each of these starts a stand-in of the hub, and the library that asks it.
pytestmark = pytest.mark.long

LOAD = """
import json, sys
from mmlubench.datasets import load
from mmlubench.errors import UserError
try:
    found = load(sys.argv[1], "hub", languages=sys.argv[2:])
except UserError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(json.dumps([len(found.questions), found.revision, found.notice, found.questions[0].id]))
"""


def run(*arguments: str, env: dict[str, str]) -> str:
    command = [sys.executable, "-c", LOAD, *arguments]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


def lite(stand_in: ModuleType, **change: object) -> bytes:
    """One language of Global-MMLU-Lite: 400 made-up rows in its shape."""
    rows = [
        {
            "sample_id": f"law/test/{n}",
            "subject": "law",
            "cultural_sensitivity_label": "CS" if n % 2 else "CA",
            "question": f"Question {n}?",
            **{f"option_{letter}": f"{letter} of {n}" for letter in "abcd"},
            "answer": "ABCD"[n % 4],
        }
        for n in range(400)
    ]
    content: bytes = stand_in.parquet([{**row, **change} for row in rows])
    return content


def test_languages_are_configurations_and_only_those_asked_for_are_loaded(
    stand_in: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find("global_mmlu_lite")
    configs = {name: {"test": (f"{name}/test-0.parquet", lite(stand_in))} for name in ("de", "fr")}
    with stand_in.HubStandIn(stand_in.repository(configs), spec.repository, spec.revision) as served:
        env = served.environment(tmp_path)
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        assert not is_cached(spec)
        found = json.loads(run("global_mmlu_lite", "de", env=env))
    assert found == [400, spec.revision, "", "global_mmlu_lite/de/law/law_test_0"]
    assert is_cached(spec)


def test_a_layout_that_changed_is_told_with_the_columns_that_were_expected(
    stand_in: ModuleType, tmp_path: Path
) -> None:
    spec = find("global_mmlu_lite")
    rows = [{"question": "?", "choices": ["x", "y"], "answer": "A"}]
    configs = {"de": {"test": ("de/test-0.parquet", stand_in.parquet(rows))}}
    with stand_in.HubStandIn(stand_in.repository(configs), spec.repository, spec.revision) as served:
        said = run("global_mmlu_lite", "de", env=served.environment(tmp_path))
    assert "DataError" in said
    assert "column 'option_a' is missing; expected question, option_a" in said


def test_a_letter_that_became_a_number_is_told_and_not_scored(stand_in: ModuleType, tmp_path: Path) -> None:
    spec = find("global_mmlu_lite")
    configs = {"de": {"test": ("de/test-0.parquet", lite(stand_in, answer=1))}}
    with stand_in.HubStandIn(stand_in.repository(configs), spec.repository, spec.revision) as served:
        said = run("global_mmlu_lite", "de", env=served.environment(tmp_path))
    assert "answer is 1, and a letter from A to D was expected" in said


def test_structs_with_labels_come_as_they_are(stand_in: ModuleType, tmp_path: Path) -> None:
    spec = find("truthfulqa_mc1")
    rows = [
        {"question": f"{n}?", "mc1_targets": {"choices": ["x", "y", "z"], "labels": [1, 0, 0]}}
        for n in range(817)
    ]
    configs = {"multiple_choice": {"validation": ("mc/validation-0.parquet", stand_in.parquet(rows))}}
    with stand_in.HubStandIn(stand_in.repository(configs), spec.repository, spec.revision) as served:
        found = json.loads(run("truthfulqa_mc1", env=served.environment(tmp_path)))
    assert found[:2] == [817, spec.revision]
    assert "choices shuffled by the id" in found[2]


def test_csv_files_in_an_archive_are_read_as_text_subject_by_subject(
    stand_in: ModuleType, tmp_path: Path
) -> None:
    spec, packed = find("cmmlu"), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for subject, count in spec.counts.items():
            for split, number in (("test", count), ("dev", 5)):
                lines = [f"{n},Q{n},NA,2,None,4,B" for n in range(number)]
                archive.writestr(f"{split}/{subject}.csv", "\n".join([",Question,A,B,C,D,Answer", *lines]))
    files = {"README.md": b"", "cmmlu_v1_0_1.zip": packed.getvalue()}
    with stand_in.HubStandIn(files, spec.repository, spec.revision) as served:
        found = json.loads(run("cmmlu", env=served.environment(tmp_path)))
    assert (found[0], found[1], found[3]) == (11_582, spec.revision, "cmmlu/agronomy/0000")


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_data_set_says_how_it_is_got(stand_in: ModuleType, tmp_path: Path, status: int) -> None:
    # 401 without a token, 403 with one whose owner did not accept the conditions.
    spec = find("gpqa_diamond")
    with closed(stand_in, spec.repository, spec.revision, status) as served:
        env = served.environment(tmp_path)
        said = run("gpqa_diamond", env=env)
        fetched = fetch("gpqa_diamond", tmp_path / "copy", env)
    for sentence in (said, fetched):
        assert "accept its conditions at https://huggingface.co/datasets/Idavidrein/gpqa" in sentence
        assert "HF_TOKEN" in sentence
    assert said.startswith("DataError: ")
    assert "where the hub can be reached" not in fetched  # it was reached
    assert not (tmp_path / "copy").exists()


def closed(stand_in: ModuleType, repository: str, revision: str, status: int) -> Any:
    """A hub that answers every request for a repository with a status."""
    served = stand_in.HubStandIn({}, repository, revision)
    refusal = Reply(status, "Access to this is restricted.", {"x-error-code": "GatedRepo"})
    served._answer = lambda request: refusal
    served.always = served._answer
    served.tells[""] = served._answer
    return served


def fetch(name: str, folder: Path, env: dict[str, str]) -> str:
    command = [sys.executable, "-m", "mmlubench", "data", "fetch", name, "--to", str(folder)]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120)
    return (done.stdout + done.stderr).strip()


def test_a_snapshot_of_a_packaged_set_is_read_without_the_hub(
    stand_in: ModuleType, hub_rows: ModuleType, tmp_path: Path
) -> None:
    spec = find("openbookqa")
    ((_, (row,)),) = hub_rows.CASES["openbookqa"].files.items()
    rows = [{**row, "id": f"q{n}"} for n in range(500)]
    shots = [{**row, "id": f"s{n}"} for n in range(7)]
    splits = {
        "test": ("main/test-0.parquet", stand_in.parquet(rows)),
        "train": ("main/train-0.parquet", stand_in.parquet(shots)),
    }
    with stand_in.HubStandIn(stand_in.repository({"main": splits}), spec.repository, spec.revision) as served:
        env = served.environment(tmp_path / "cache")
        said = fetch("openbookqa", tmp_path / "copy", env)
        again = fetch("openbookqa", tmp_path / "copy", env)
        from_hub = json.loads(run("openbookqa", env=env))
    assert f"use it with --data {tmp_path / 'copy'}" in said
    assert again == said
    data = load("openbookqa", str(tmp_path / "copy"))
    assert [len(data.questions), data.revision, data.notice, data.questions[0].id] == from_hub
    assert len(data.examples["openbookqa"]) == 7


def test_configurations_are_called_by_languages(
    stand_in: ModuleType, hub_rows: ModuleType, tmp_path: Path
) -> None:
    spec = find("include")
    ((_, (row,)),) = hub_rows.CASES["include"].files.items()
    content = stand_in.parquet(
        [{**row, "question": f"Was gilt bei {n}?", "answer": n % 4} for n in range(139)]
    )
    configs = {"German": {"test": ("German/test-0.parquet", content)}}
    with stand_in.HubStandIn(stand_in.repository(configs), spec.repository, spec.revision) as served:
        found = json.loads(run("include", "de", env=served.environment(tmp_path)))
    assert found == [139, spec.revision, "", "include/de/Driving_License/0000"]


@pytest.mark.parametrize(
    ("count", "split", "told"),
    [
        (399, "test", "wrong number of test questions: all has 399 (expected 400)"),
        (401, "test", "wrong number of test questions: all has 401 (expected 400)"),
        (400, "validation", "config de has no split test, so the data set's layout has changed"),
    ],
)
def test_another_count_or_split_is_told_and_not_scored(
    stand_in: ModuleType, hub_rows: ModuleType, tmp_path: Path, count: int, split: str, told: str
) -> None:
    spec = find("global_mmlu_lite")
    ((_, (row,)),) = hub_rows.CASES["global_mmlu_lite"].files.items()
    content = stand_in.parquet([{**row, "sample_id": str(n)} for n in range(count)])
    configs = {
        "fr": {"test": ("fr/test-0.parquet", lite(stand_in))},
        "de": {split: (f"de/{split}-0.parquet", content)},
    }
    with stand_in.HubStandIn(stand_in.repository(configs), spec.repository, spec.revision) as served:
        said = run("global_mmlu_lite", "fr", "de", env=served.environment(tmp_path))
    assert said.startswith("DataError: ")
    assert told in said


def test_examples_whose_place_nobody_verified_may_be_missing(
    stand_in: ModuleType, hub_rows: ModuleType, tmp_path: Path
) -> None:
    spec = find("mmlu_cf")
    ((_, (row,)),) = hub_rows.CASES["mmlu_cf"].files.items()
    share, rest = divmod(10_000, len(spec.parts))
    files = {"README.md": b""}
    for number, subject in enumerate(spec.parts):
        count = share + (rest if not number else 0)
        files[f"val/{subject}_val.parquet"] = stand_in.parquet(
            [{**row, "Question": f"{subject} {n}?", "Answer": "ABCD"[n % 4]} for n in range(count)]
        )
    with stand_in.HubStandIn(files, spec.repository, spec.revision) as served:
        found = json.loads(run("mmlu_cf", env=served.environment(tmp_path)))
    assert found == [10_000, spec.revision, "", "mmlu_cf/Biology/0000"]


def test_csv_files_of_configurations_are_read_as_text(
    stand_in: ModuleType, hub_rows: ModuleType, tmp_path: Path
) -> None:
    spec = find("kmmlu")
    share, rest = divmod(35_030, len(spec.parts))
    files = {"README.md": b""}
    for number, subject in enumerate(spec.parts):
        row = {"question": "?", "answer": 1, "A": "NULL", "B": "NA", "C": "None", "D": "1", "Category": "x"}
        for split, count in (("test", share + (rest if not number else 0)), ("dev", 5)):
            files[f"data/{subject}-{split}.csv"] = hub_rows.content(".csv", [row] * count)
    with stand_in.HubStandIn(files, spec.repository, spec.revision) as served:
        found = json.loads(run("kmmlu", env=served.environment(tmp_path)))
    assert (found[0], found[1], found[3]) == (35_030, spec.revision, "kmmlu/Accounting/0000")

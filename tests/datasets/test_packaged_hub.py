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

import pytest

from mmlubench.commands.data import is_cached
from mmlubench.datasets import find

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


def test_a_gated_data_set_says_how_it_is_got(stand_in: ModuleType, tmp_path: Path) -> None:
    from tests.fake_server import Reply

    spec = find("gpqa_diamond")
    with stand_in.HubStandIn({}, spec.repository, spec.revision) as served:
        closed = Reply(401, "Access to this is restricted.", {"x-error-code": "GatedRepo"})
        served._answer = lambda request: closed
        served.always = served._answer
        served.tells[""] = served._answer
        said = run("gpqa_diamond", env=served.environment(tmp_path))
    assert said.startswith("DataError: ")
    assert "accept its conditions at https://huggingface.co/datasets/Idavidrein/gpqa" in said
    assert "HF_TOKEN" in said

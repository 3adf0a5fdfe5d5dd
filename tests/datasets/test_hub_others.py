"""The other data sets from the hub, for real: the libraries in a process of their own, HTTP to a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.datasets import load
from mmlubench.datasets.sets.commonsense_qa import COMMONSENSE_QA
from mmlubench.datasets.sets.mmlu_pro import MMLU_PRO
from mmlubench.datasets.sets.mmmlu import MMMLU
from mmlubench.datasets.sets.redux import ANNOTATIONS
from mmlubench.datasets.sets.subjects import SUBJECTS
from mmlubench.datasets.sources import hub

#: Much of this starts a stand-in of the hub, and the library that asks it.
pytestmark = pytest.mark.long

Row = dict[str, Any]
LOAD = """
import json, sys
from mmlubench.datasets import load
from mmlubench.errors import UserError
try:
    found = load(sys.argv[1], "hub", languages=sys.argv[2:])
except UserError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(json.dumps([len(found.questions), len(found.examples), found.source, found.revision, found.sha256, found.notice]))
"""
FETCH = """
import sys
from pathlib import Path
from mmlubench.datasets.sources.snapshot import fetch
print(fetch(sys.argv[1], Path(sys.argv[2])))
"""
OWN = """
import json, sys
from mmlubench.datasets import load
from mmlubench.datasets.from_yaml import description
found = load(description.read(sys.argv[1]), "sample")
question = found.questions[3]
shown = [question.id, question.answer]
print(json.dumps([len(found.questions), len(found.examples["sense"]), found.source, found.revision, *shown]))
"""
REDUX = """
import sys
from mmlubench.datasets import load
from mmlubench.datasets.sets import redux
corrected = redux.apply(load("mmlu", sys.argv[1]), "corrected", sys.argv[2])
print(len(corrected.questions), corrected.notice)
"""


def run(code: str, *arguments: object, env: dict[str, str]) -> str:
    """Run code in a process of its own, as the library reads its variables once; its output, or its last words."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


@pytest.mark.parametrize(
    ("spec", "splits", "rows", "count", "examples"),
    [
        (MMLU_PRO, ("test", "validation"), "mmlu_pro_rows", 12_032, 14),
        (COMMONSENSE_QA, ("train", "validation", "test"), "commonsense_rows", 1_221, 1),
    ],
)
def test_a_data_set_comes_from_the_hub_its_cache_and_a_fetched_folder(
    stand_in: ModuleType,
    shapes: ModuleType,
    tmp_path: Path,
    spec: Any,
    splits: tuple[str, ...],
    rows: str,
    count: int,
    examples: int,
) -> None:
    made = {split: stand_in.parquet(getattr(shapes, rows)(split)) for split in splits}
    files = {split: (f"data/{split}-00000-of-00001.parquet", content) for split, content in made.items()}
    repository = stand_in.repository({"default": files})
    with stand_in.HubStandIn(repository, spec.repository, spec.revision) as served:
        env = served.environment(tmp_path / "home")
        *found, sha256, notice = json.loads(run(LOAD, spec.name, env=env))
        assert run(FETCH, spec.name, tmp_path / "fetched", env=env) == str(tmp_path / "fetched")
    name = f"hub {spec.repository}@{spec.revision[:8]}"
    assert (found, notice) == ([count, examples, name, spec.revision], "")
    assert json.loads(run(LOAD, spec.name, env=env))[4] == sha256  # nobody answers any more
    folder = load(spec.name, str(tmp_path / "fetched"))
    assert (folder.sha256, folder.revision) == (sha256, spec.revision)
    assert {path.name for path in (tmp_path / "fetched").iterdir()} == {
        "snapshot.json",
        *(f"{split}.parquet" for split in splits),
    }


def test_a_yaml_may_name_a_data_set_on_the_hub(
    stand_in: ModuleType, shapes: ModuleType, tmp_path: Path
) -> None:
    made = {split: stand_in.parquet(shapes.commonsense_rows(split, 20)) for split in ("train", "validation")}
    files = {split: (f"data/{split}-00000-of-00001.parquet", content) for split, content in made.items()}
    said = {
        "name": "sense",
        "hub": "some/body",
        "revision": "b" * 40,
        "split": "validation",
        "shots_split": "train",
        "columns": {"question": "question", "choices": "choices", "answer": "answerKey", "id": "id"},
    }
    (tmp_path / "sense.yaml").write_text(json.dumps(said))  # JSON is YAML
    with stand_in.HubStandIn(stand_in.repository({"default": files}), "some/body", "b" * 40) as served:
        env = served.environment(tmp_path / "home")
        found = json.loads(run(OWN, tmp_path / "sense.yaml", env=env))
    assert found == [20, 20, "hub some/body@bbbbbbbb", "b" * 40, "sense/sense/validation0003", "D"]
    gone = run(OWN, tmp_path / "sense.yaml", env={**env, "HF_HOME": str(tmp_path / "empty")})
    assert gone.endswith("; get the data as a file, and name that under `file`.")


# -- a data set in parts, as CSV


@pytest.fixture(scope="module")
def mmmlu_repository(stand_in: ModuleType, shapes: ModuleType) -> dict[str, bytes]:
    content = {locale: shapes.mmmlu_csv(shapes.mmmlu_rows(locale)) for locale in ("DE_DE", "FR_FR")}
    configs = {
        locale: {"test": (f"test/mmlu_{locale.replace('_', '-')}.csv", content.get(locale, content["FR_FR"]))}
        for locale in MMMLU.parts
    }
    files: dict[str, bytes] = stand_in.repository(configs)
    return files


def test_languages_come_from_the_hub_and_none_that_was_not_asked_for(
    stand_in: ModuleType,
    mmmlu_repository: dict[str, bytes],
    shapes: ModuleType,
    parquet_folder: Any,
    tmp_path: Path,
) -> None:
    with stand_in.HubStandIn(stand_in.mmlu_repository()) as served:
        run(LOAD, "mmlu", env=served.environment(tmp_path))
    with stand_in.HubStandIn(mmmlu_repository, MMMLU.repository, MMMLU.revision) as served:
        env = served.environment(tmp_path)
        first = json.loads(run(LOAD, "mmmlu", "de", env=env))
        asked = "\n".join(map(str, (*served.requests, *served.looks)))
        assert "mmlu_DE-DE.csv" in asked
        assert "mmlu_FR-FR.csv" not in asked
    # The examples are those of MMLU, out of the cache.
    assert first[:4] == [14_042, 57, "hub openai/MMMLU@325a01dc", MMMLU.revision]
    assert first[5] == ""
    # From here on nobody answers. Text in a CSV is text: nothing became a number or a gap on its way.
    assert json.loads(run(LOAD, "mmmlu", "de", env=env)) == first
    local = load(
        "mmmlu",
        str(parquet_folder({"test": shapes.mmmlu_rows("DE_DE")}, "local/DE_DE").parent),
        languages=["de"],
    )
    assert local.sha256 == first[4]
    assert "cannot be reached" in run(LOAD, "mmmlu", "fr", env=env)


def test_a_hub_without_mmlu_lends_no_examples_and_says_so(
    stand_in: ModuleType, mmmlu_repository: dict[str, bytes], tmp_path: Path
) -> None:
    with stand_in.HubStandIn(mmmlu_repository, MMMLU.repository, MMMLU.revision) as served:
        count, examples, *_, notice = json.loads(run(LOAD, "mmmlu", "de", env=served.environment(tmp_path)))
    assert (count, examples) == (14_042, 0)
    assert notice.startswith("no worked examples: hub cais/mmlu@c30699e8: the data could not be loaded (")


@pytest.mark.long
def test_all_languages_are_fetched_each_into_its_folder(
    stand_in: ModuleType, mmmlu_repository: dict[str, bytes], tmp_path: Path
) -> None:
    with stand_in.HubStandIn(mmmlu_repository, MMMLU.repository, MMMLU.revision) as served:
        run(FETCH, "mmmlu", tmp_path / "mmmlu", env=served.environment(tmp_path / "home"))
    files = json.loads((tmp_path / "mmmlu" / "snapshot.json").read_text())["files"]
    assert [*files] == [f"{locale}/test.parquet" for locale in MMMLU.parts]
    loaded = load("mmmlu", str(tmp_path / "mmmlu"))
    assert (len(loaded.questions), loaded.revision, loaded.notice) == (196_588, MMMLU.revision, "")


@pytest.mark.long
def test_half_a_language_is_not_fetched(
    stand_in: ModuleType, shapes: ModuleType, mmmlu_repository: dict[str, bytes], tmp_path: Path
) -> None:
    short = shapes.mmmlu_csv(shapes.mmmlu_rows("DE_DE")[:-1])
    files = {**mmmlu_repository, "test/mmlu_DE-DE.csv": short}
    with stand_in.HubStandIn(files, MMMLU.repository, MMMLU.revision) as served:
        said = run(FETCH, "mmmlu", tmp_path / "mmmlu", env=served.environment(tmp_path / "home"))
    assert (
        "hub openai/MMMLU@325a01dc, DE_DE: wrong number of test questions: world_religions has 170 " in said
    )
    assert not (tmp_path / "mmmlu").exists()


# -- annotations, of which no commit is pinned


@pytest.mark.long
def test_annotations_are_read_at_the_commit_that_main_stands_for(
    stand_in: ModuleType,
    shapes: ModuleType,
    made_up: dict[str, list[Row]],
    parquet_folder: Any,
    tmp_path: Path,
) -> None:
    data = parquet_folder(made_up)
    rows = {
        subject: [row for row in made_up["test"] if row["subject"] == subject][:100] for subject in SUBJECTS
    }
    content = {subject: stand_in.parquet(shapes.redux_rows(rows[subject])) for subject in SUBJECTS}
    files = {
        subject: {"test": (f"{subject}/test-00000-of-00001.parquet", content[subject])}
        for subject in SUBJECTS
    }
    with stand_in.HubStandIn(stand_in.repository(files), ANNOTATIONS.repository, "a" * 40) as served:
        env = served.environment(tmp_path / "home")
        said = run(REDUX, data, "hub", env=env)
        assert said.startswith("5700 MMLU-Redux corrected: kept 5,700 (5,700 ok, 0 corrected);")
        assert said.endswith("annotations from hub edinburgh-dawg/mmlu-redux-2.0@aaaaaaaa")
        run(FETCH, "mmlu_redux", tmp_path / "mmlu_redux", env=env)
    assert run(REDUX, data, "hub", env=env).startswith("5700 MMLU-Redux")  # nobody answers any more
    assert json.loads((tmp_path / "mmlu_redux" / "snapshot.json").read_text())["revision"] == "a" * 40
    assert run(REDUX, data, tmp_path, env=env).startswith("5700 MMLU-Redux")


def test_a_commit_is_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_library", None)
    assert hub.pinned(MMLU_PRO) is MMLU_PRO

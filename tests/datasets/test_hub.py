"""The hub, for real: the `datasets` library in a process of its own, talking HTTP to a stand-in on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench.datasets import load
from mmlubench.datasets.sets.mmlu import MMLU
from mmlubench.datasets.sources import hub as hub_source
from mmlubench.datasets.sources import hub_files
from mmlubench.errors import DataError

#: Much of this starts a stand-in of the hub, and the library that asks it.
pytestmark = pytest.mark.long

Row = dict[str, Any]
LOAD = """
import json, sys
from mmlubench.datasets import load
from mmlubench.errors import UserError
try:
    mmlu = load("mmlu", sys.argv[1])
except UserError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(json.dumps([len(mmlu.questions), len(mmlu.examples), mmlu.source, mmlu.revision, mmlu.sha256, mmlu.notice]))
"""
FETCH = """
import sys
from pathlib import Path
from mmlubench.datasets.sources.snapshot import fetch
print(fetch("mmlu", Path(sys.argv[1])))
"""


def run(code: str, argument: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own: the library reads its variables once, when it is imported."""
    command = [sys.executable, "-c", code, argument]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def repository(stand_in: ModuleType) -> dict[str, bytes]:
    files: dict[str, bytes] = stand_in.mmlu_repository()
    return files


@pytest.fixture
def hub(stand_in: ModuleType, repository: dict[str, bytes]) -> Iterator[Any]:
    with stand_in.HubStandIn(repository) as served:
        yield served


def test_data_come_from_the_hub_then_from_its_cache_then_from_a_fetched_folder(
    stand_in: ModuleType,
    repository: dict[str, bytes],
    tmp_path: Path,
    made_up: dict[str, list[Row]],
    parquet_folder: Callable[..., Path],
) -> None:
    expected = [14_042, 57, "hub cais/mmlu@c30699e8", MMLU.revision]
    with stand_in.HubStandIn(repository) as served:
        env = served.environment(tmp_path / "home")
        first = run(LOAD, "hub", env)
        assert first.stderr == ""  # neither progress bars nor log lines
        *found, sha256, notice = json.loads(first.stdout)
        assert (found, notice) == (expected, "")

        asked = len(served.looks)
        second = run(LOAD, "hub", env)
        assert json.loads(second.stdout) == [*expected, sha256, ""]
        assert len(served.looks) == asked  # a pinned revision in the cache needs no network

        fetched = run(FETCH, str(tmp_path / "mmlu"), env)
        assert (fetched.stdout.strip(), fetched.stderr) == (str(tmp_path / "mmlu"), "")

    # From here on nobody answers.
    assert json.loads(run(LOAD, "hub", env).stdout) == [*expected, sha256, ""]
    folder = load("mmlu", str(tmp_path / "mmlu"))
    assert (folder.sha256, folder.revision) == (sha256, MMLU.revision)
    # The same rows by another road are the same data.
    assert load("mmlu", str(parquet_folder(made_up))).sha256 == sha256


def test_a_hub_that_is_down_is_one_sentence_with_the_ways_out(
    stand_in: ModuleType, repository: dict[str, bytes], tmp_path: Path
) -> None:
    with stand_in.HubStandIn(repository) as served:
        env = served.environment(tmp_path)
    failed = run(LOAD, "hub", env)
    assert failed.stdout == ""
    start, _, rest = failed.stderr.strip().partition(" cannot be reached (")
    assert start == f"DataError: hub cais/mmlu@c30699e8: {served.address}"
    assert rest.endswith(
        "); run `mmlubench data fetch mmlu --to DIR/mmlu` on a machine with a network and give --data DIR here, "
        "or give --data sample for the embedded sample."
    )


def test_a_fetch_that_fails_gives_advice_for_a_fetch(
    stand_in: ModuleType, repository: dict[str, bytes], tmp_path: Path
) -> None:
    with stand_in.HubStandIn(repository) as served:
        env = served.environment(tmp_path)
    failed = run(FETCH, str(tmp_path / "mmlu"), env).stderr.splitlines()[-1]
    assert "run the same command where the hub can be reached" in failed
    assert "--data" not in failed
    assert "data fetch" not in failed
    failed = run(FETCH, str(tmp_path / "mmlu"), {**env, "HF_HUB_OFFLINE": "1"}).stderr
    assert "unset HF_HUB_OFFLINE, or run the same command elsewhere" in failed


def test_offline_by_choice_is_said(hub: Any, tmp_path: Path) -> None:
    failed = run(LOAD, "hub", {**hub.environment(tmp_path), "HF_HUB_OFFLINE": "1"})
    expected = (
        "DataError: hub cais/mmlu@c30699e8: HF_HUB_OFFLINE is set and the data are not in the cache; run"
    )
    assert failed.stderr.startswith(expected)
    assert hub.requests == hub.looks == []


def test_a_repository_that_is_not_there_is_one_sentence(
    stand_in: ModuleType, repository: dict[str, bytes], tmp_path: Path
) -> None:
    with stand_in.HubStandIn(repository, repository="cais/other") as served:
        failed = run(LOAD, "hub", served.environment(tmp_path))
    assert failed.stderr.startswith("DataError: hub cais/mmlu@c30699e8: the data could not be loaded (")
    assert failed.stderr.count("\n") == 1


def test_a_cached_copy_of_another_revision_is_not_taken_for_the_pinned_one(
    stand_in: ModuleType, tmp_path: Path
) -> None:
    # Offline the library itself would take whatever was downloaded last.
    rows = [{**row, "question": "Another text"} for row in stand_in.made_up_rows("test")]
    other = {**stand_in.mmlu_repository(), "all/test-00000-of-00001.parquet": stand_in.parquet(rows)}
    fill = "import datasets, sys; datasets.load_dataset('cais/mmlu', 'all', revision=sys.argv[1])"
    with stand_in.HubStandIn(other, revision="d" * 40) as served:
        env = served.environment(tmp_path)
        assert run(fill, "d" * 40, env).returncode == 0
    failed = run(LOAD, "hub", env)
    assert failed.stdout == ""
    assert "cannot be reached" in failed.stderr


def test_rows_of_the_hub_are_checked_like_any_other(
    stand_in: ModuleType, repository: dict[str, bytes], tmp_path: Path
) -> None:
    rows = stand_in.made_up_rows("test")
    rows[7]["answer"] = 7
    files = {**repository, "all/test-00000-of-00001.parquet": stand_in.parquet(rows)}
    with stand_in.HubStandIn(files) as served:
        failed = run(LOAD, "hub", served.environment(tmp_path))
    expected = (
        "hub cais/mmlu@c30699e8, split test, row 7: answer is 7, and a whole number from 0 to 3 was expected"
    )
    assert expected in failed.stderr


def test_a_missing_library_tells_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        DataError, match=r"the package `datasets` cannot be imported .*run `pip install datasets`"
    ):
        load("mmlu", "hub")


def test_the_library_speaks_again_when_we_are_done_with_it() -> None:
    # Others in the same process may want its progress bars and log lines.
    datasets = import_module("datasets")
    client = import_module("huggingface_hub.utils")
    before = (datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled())
    with hub_files.quiet(datasets):
        assert datasets.are_progress_bars_disabled()
        assert client.are_progress_bars_disabled()
    assert (datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()) == before


def test_spare_splits_are_for_a_snapshot_only() -> None:
    import pyarrow as pa

    table = pa.table(
        {"question": ["?"], "subject": ["anatomy"], "choices": [["a", "b", "c", "d"]], "answer": [0]}
    )
    source = hub_source.source(MMLU, {"test": table, "validation": table})
    assert list(source.splits) == ["test"]

"""`mmlubench data list`: what stands in it, how wide it is, and which data sets count as cached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.commands.data import is_cached
from mmlubench.datasets import NAMES, find


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


def listed(*arguments: str, columns: int = 80) -> str:
    done = CliRunner().invoke(main, ["data", "list", *arguments], env={"COLUMNS": str(columns)})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("columns", [80, 200])
def test_every_set_stands_there_within_the_width(columns: int) -> None:
    text = listed(columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "\x1b" not in text  # NO_COLOR or not, there is none
    for name in NAMES:
        assert f"\n{name} " in text
        assert find(name).repository in text
    assert "cais/mmlu" in text.splitlines()[1 if columns == 200 else 2]


def test_rows_and_languages_are_those_of_the_data_set() -> None:
    lines = {line.split()[0]: line.split()[1:3] for line in listed(columns=200).splitlines()}
    assert lines["belebele"] == ["109,800", "122"]
    assert lines["include"] == ["22,639", "44"]
    assert lines["ceval"] == ["1,346", "ZH_CN"]
    assert "Idavidrein/gpqa (gated)" in listed()


def test_json_has_all_that_is_known_of_each() -> None:
    told = {one["name"]: one for one in json.loads(listed("--json"))}
    assert [*told] == [*NAMES]
    gpqa = told["gpqa_diamond"]
    assert "https://huggingface.co/datasets/Idavidrein/gpqa" in gpqa["access"]
    assert (gpqa["questions"], gpqa["licence"], gpqa["cached"]) == (198, "cc-by-4.0", False)
    assert told["include"]["unverified"] == ["rows"]
    for name, one in told.items():
        assert one["questions"] > 0, name
        assert one["licence"], name
        assert one["citation"], name
        assert one["description"], name
        assert len(one["revision"]) == 40, name


def test_a_pinned_commit_in_a_cache_is_cached_and_another_commit_is_not(tmp_path: Path) -> None:
    arc, gpqa = find("arc_easy"), find("gpqa_diamond")
    tables = tmp_path / "datasets" / "allenai___ai2_arc" / "ARC-Easy" / "0.0.0"
    files = tmp_path / "hub" / "datasets--Idavidrein--gpqa" / "snapshots"
    for revision in ("0" * 40, None):
        (tables / (revision or arc.revision)).mkdir(parents=True)
        folder = files / (revision or gpqa.revision)
        folder.mkdir(parents=True)
        (folder / "gpqa_diamond.csv").touch()
        assert is_cached(arc) is is_cached(gpqa) is (revision is None)
    assert not is_cached(find("arc_challenge"))  # of the same repository
    assert [one["name"] for one in json.loads(listed("--json")) if one["cached"]] == [
        "arc_easy",
        "gpqa_diamond",
    ]

"""Each export is read back by the real reader of its format, with the figures of the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.reports.exports.export import export
from mmlubench.run.archive import RunArchive
from mmlubench.run.importing.import_run import import_run
from mmlubench.schema import Outcome
from tests.exports.conftest import HOSTILE, OUTCOMES, made_entry

pytestmark = pytest.mark.filterwarnings("default")  # of libraries that are not ours

ANSWERED = [outcome for outcome in OUTCOMES if outcome not in (Outcome.ERROR, Outcome.SKIPPED)]
ACCURACY = ANSWERED.count(Outcome.CORRECT) / len(ANSWERED)


def test_inspect_reads_header_summaries_and_samples(run: RunArchive) -> None:
    from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries

    (path,) = export(run, "inspect")
    header = read_eval_log(str(path), header_only=True)
    assert header.status == "success"
    assert header.eval.model == "openai/gpt-x-gpt"
    assert header.results.scores[0].metrics["accuracy"].value == pytest.approx(ACCURACY)
    assert header.results.completed_samples == len(ANSWERED)
    summaries = read_eval_log_sample_summaries(str(path))
    assert len(summaries) == len(OUTCOMES) - 1  # the skipped case has no sample
    log = read_eval_log(str(path))
    assert [sample.scores["mmlubench"].value for sample in log.samples if sample.scores].count("C") == 7
    errors = [sample.error.message for sample in log.samples if sample.error]
    assert errors == ["401: \x1b[1m<b>no</b> key"]
    reasons = {sample.scores["mmlubench"].reason for sample in log.samples if sample.scores}
    assert reasons == {None, "invalid_response_format", "no_response", "refusal"}
    assert log.samples[0].input[-1].content.startswith("Q mmlu/anatomy/0000 =HYPERLINK")
    assert log.samples[0].output.completion.startswith("The answer is: B")


def test_inspect_reads_epochs_as_samples_of_their_own(build: Callable[..., RunArchive]) -> None:
    from inspect_ai.log import read_eval_log

    letters = ("B", "C", "B")
    entry = made_entry(0, Outcome.CORRECT, letters=letters, score=2 / 3)
    (path,) = export(build([entry], settings={"epochs": 3}), "inspect")
    samples = read_eval_log(str(path)).samples
    assert [(one.epoch, one.scores["mmlubench"].value) for one in samples] == [(1, "C"), (2, "I"), (3, "C")]
    assert [one.output.completion[15] for one in samples] == list(letters)


def test_what_inspect_writes_itself_is_imported(run: RunArchive, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log, write_eval_log

    (path,) = export(run, "inspect")
    for name in ("theirs.eval", "theirs.json"):  # the first is compressed with Zstandard
        write_eval_log(read_eval_log(str(path)), str(tmp_path / name))
        made = import_run(tmp_path / name, tmp_path / "imported")
        entries = {entry.id: entry for entry in RunArchive(made.path).entries()}
        for entry in run.entries():
            if entry.outcome is not Outcome.SKIPPED:
                assert entries[entry.id].outcome is entry.outcome
                assert entries[entry.id].prediction == entry.prediction


def test_lm_eval_finds_files_and_makes_its_table(run: RunArchive) -> None:
    from lm_eval.utils import (
        get_file_task_name,
        get_latest_filename,
        get_results_filenames,
        get_sample_results_filenames,
        make_table,
    )

    names = [str(path) for path in export(run, "lm-eval")]
    latest = get_latest_filename(get_results_filenames(names))
    results = json.loads(Path(latest).read_text("utf-8"))
    table = make_table(results)
    assert "exact_match" in table
    assert "get_response" in table
    assert f"{ACCURACY:.4f}" in make_table(results, "groups")
    samples = {get_file_task_name(Path(name).name): name for name in get_sample_results_filenames(names)}
    assert set(samples) == {
        "mmlu_anatomy_generative",
        "mmlu_professional_law_generative",
        "mmlu_astronomy_generative",
    }
    import datasets  # type: ignore[import-untyped]

    for task, name in samples.items():
        loaded = datasets.load_dataset(
            "json", data_files=name, split="train", cache_dir=str(run.path / "cache")
        )
        assert (
            sum(loaded["exact_match"]) / len(loaded) == results["results"][task]["exact_match,get_response"]
        )


def test_every_eval_evers_validator_accepts_the_records(run: RunArchive) -> None:
    root = run.path / "exports" / "every-eval-ever"
    export(run, "every-eval-ever")
    done = subprocess.run(
        [sys.executable, "-m", "every_eval_ever.validator.cli", *map(str, root.glob("data/*/*/*/*"))],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    (aggregate,) = root.glob("data/mmlu/openai/gpt-x-gpt/*.json")
    assert json.loads(aggregate.read_text())["evaluation_results"][0]["score_details"]["score"] == ACCURACY


def test_the_hub_reads_the_score(run: RunArchive) -> None:
    import yaml
    from huggingface_hub import eval_result_entries_to_yaml, parse_eval_result_entries

    (path,) = export(run, "hub")
    content = yaml.safe_load(path.read_text("utf-8"))
    (entry,) = parse_eval_result_entries(content)
    assert (entry.dataset_id, entry.task_id) == ("cais/mmlu", "mmlu")
    assert entry.value == pytest.approx(100 * ACCURACY, abs=0.005)
    assert eval_result_entries_to_yaml([entry]) == content  # there is no key that the hub does not know


def test_wandb_keeps_an_offline_run(run: RunArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WANDB"):
            monkeypatch.delenv(name)
    export(run, "wandb", tmp_path / "out")
    (folder,) = export(run, "wandb", tmp_path / "out")
    assert (
        len(list(folder.parent.glob("offline-run-*"))) == 1
    )  # the second export takes the place of the first
    (file,) = folder.glob("*.wandb")
    records = list(_records(file))
    summary = {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for record in records
        for item in (*record.summary.update, *record.run.summary.update)
    }
    assert summary["mmlu/gpt-x-gpt/accuracy"] == ACCURACY
    (table,) = folder.glob("files/media/table/*.table.json")
    assert len(json.loads(table.read_text())["data"]) == len(OUTCOMES)
    artifacts = [record.artifact for record in records if record.WhichOneof("record_type") == "artifact"]
    manifests = [entry.path for artifact in artifacts for entry in artifact.manifest.contents]
    assert "results.jsonl" in manifests


def _records(path: Path) -> Any:
    """The records of an offline run: LevelDB's log, blocks of 32 KiB behind a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    content, at, held = path.read_bytes(), 7, b""
    while at + 7 <= len(content):
        room = 32_768 - at % 32_768
        if room < 7:
            at += room
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        held, at = held + content[at + 7 : at + 7 + length], at + 7 + length
        if kind in (1, 4):  # whole, or the last part
            record: Any = getattr(wandb_internal_pb2, "Record")()  # noqa: B009 (made at run time)
            record.ParseFromString(held)
            held = b""
            yield record


def test_pandas_reads_both_tables(run: RunArchive) -> None:
    import pandas

    (parquet,), (table,) = export(run, "parquet"), export(run, "csv")
    frame = pandas.read_parquet(parquet)
    assert frame["points"].mean() == pytest.approx(ACCURACY)
    assert frame["reply"][8].endswith(HOSTILE[8].replace("\ud83d", "?"))
    cells = pandas.read_csv(table, dtype=str, keep_default_na=False)
    assert list(cells["outcome"]) == [outcome.value for outcome in OUTCOMES]
    assert list(cells) == list(frame)

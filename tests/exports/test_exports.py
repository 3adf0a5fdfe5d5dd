"""What our exports say, without their readers: figures, MOCK, doubts, hostile texts, and whose files are replaced."""

from __future__ import annotations

import csv
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from click.testing import CliRunner
from pyarrow import parquet

from mmlubench.cli import main
from mmlubench.errors import UserError
from mmlubench.reports.exports import export as exporting
from mmlubench.reports.exports.export import export, line
from mmlubench.reports.exports.github import markdown
from mmlubench.reports.exports.scored import REPOSITORIES
from mmlubench.run.archive import RunArchive
from mmlubench.schema import Outcome
from mmlubench.settings import EXPORTS
from tests.exports.conftest import OUTCOMES, made_entry

Build = Callable[..., RunArchive]
#: Those that need no package of their own.
PLAIN = tuple(name for name in EXPORTS if name != "wandb")
CORRECT, WRONG = Outcome.CORRECT, Outcome.WRONG


def inspect_log(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with ZipFile(path) as log:
        names = [name for name in log.namelist() if name.startswith("samples/")]
        return json.loads(log.read("header.json")), [json.loads(log.read(name)) for name in names]


def content_of(paths: list[Path]) -> str:
    """All that an export says, as text."""
    texts = []
    for path in paths:
        if path.suffix == ".eval":
            with ZipFile(path) as log:
                texts += [log.read(name).decode() for name in log.namelist()]
        elif path.suffix == ".parquet":
            texts.append(str(parquet.read_table(path).to_pylist()))
        else:
            texts.append(path.read_text("utf-8"))
    return "\n".join(texts)


def test_the_option_and_the_command_know_the_same_formats() -> None:
    assert tuple(exporting._EXPORTS) == EXPORTS


def test_the_repositories_are_those_of_our_data_sets() -> None:
    from mmlubench.datasets import NAMES, find

    assert {name: find(name).repository for name in NAMES} == REPOSITORIES


@pytest.mark.parametrize("name", PLAIN)
def test_a_second_export_replaces_the_first_and_is_the_same(run: RunArchive, name: str) -> None:
    first = {path: path.read_bytes() for path in export(run, name)}
    assert {path: path.read_bytes() for path in export(run, name)} == first
    assert all(path.is_relative_to(run.path / "exports" / name) for path in first)
    assert not list(run.path.rglob("*.tmp"))


@pytest.mark.parametrize("name", PLAIN)
def test_a_file_of_somebody_else_is_never_replaced(run: RunArchive, name: str, tmp_path: Path) -> None:
    paths = export(run, name, tmp_path / "out")
    others = {path: path.unlink() or path.write_text("mine") for path in paths[-1:]}
    before = {path: path.read_bytes() for path in paths}
    with pytest.raises(UserError, match="is left as it is; name another place with --out"):
        export(run, name, tmp_path / "out")
    assert {path: path.read_bytes() for path in paths} == before
    assert all(path.read_text() == "mine" for path in others)


def test_a_link_is_never_followed(run: RunArchive, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mmlubench")
    (tmp_path / "x.json").symlink_to(tmp_path / "precious")
    with pytest.raises(UserError, match="left as it is"):
        export(run, "ctrf", tmp_path / "x.json")
    assert (tmp_path / "precious").read_text() == "mmlubench"


@pytest.mark.parametrize("name", [name for name in PLAIN if name != "hub"])
def test_every_format_says_that_a_mock_answered(build: Build, name: str) -> None:
    mock = build([made_entry(number, CORRECT) for number in range(12)], mock=True)
    text = content_of(export(mock, name))
    if name == "csv":
        assert {row["mock"] for row in csv.DictReader(text.splitlines())} == {"True"}
    else:
        assert "MOCK" in text or "'mock': True" in text


def test_the_hub_gets_no_score_of_a_mock(build: Build) -> None:
    with pytest.raises(UserError, match="a mock answered, and its score is none of a model"):
        export(build([made_entry(0, CORRECT)], mock=True), "hub")


def test_without_a_headline_there_is_no_score_and_the_reason_stands_there(build: Build) -> None:
    run = build([made_entry(0, CORRECT), made_entry(1, Outcome.ERROR)], strict=True)
    why = "ended in errors"
    header, _ = inspect_log(export(run, "inspect")[0])
    assert header["results"]["scores"] == []
    assert why in header["eval"]["metadata"]["why_no_headline"]
    results = json.loads(export(run, "lm-eval")[-1].read_text())
    assert not [key for row in results["results"].values() for key in row if key.startswith("exact_match")]
    assert why in results["mmlubench"]["why_no_headline"]
    assert why in json.loads(export(run, "ctrf")[0].read_text())["extra"]["results"][0]["why_no_headline"]
    assert "| none |" in markdown(run)
    assert why in markdown(run)
    for name in ("hub", "every-eval-ever"):
        with pytest.raises(UserError, match=why):
            export(run, name)


def test_a_run_that_was_broken_off_is_exported_as_far_as_it_came(build: Build) -> None:
    run = build([made_entry(number, CORRECT) for number in range(12)], state="running")
    with (run.path / "results.jsonl").open("a") as file:
        file.write('{"id": "mmlu/anat')  # its writer was killed
    header, samples = inspect_log(export(run, "inspect")[0])
    assert header["status"] == "cancelled"
    assert len(samples) == 12
    assert "the run was broken off and has no summary" in header["eval"]["metadata"]["why_no_headline"]
    assert len(parquet.read_table(export(run, "parquet")[0])) == 12
    # Its manifest still says that it runs, as its process had no time to change that.
    assert run.manifest.state == "running"
    assert f"Run `{run.run_id}`, broken off." in markdown(run)
    (run.path / "manifest.json").write_text(
        json.dumps(
            {**run.manifest.to_dict(), "process": {"host": platform.node(), "pid": os.getpid()}},
        )
    )
    going_on = RunArchive(run.path)
    assert "running." in markdown(going_on)
    assert "the run goes on and has no summary" in markdown(going_on)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_empty_run_is_refused(build: Build, name: str) -> None:
    with pytest.raises(UserError, match="has no case, so that there is nothing to export"):
        export(build(), name)


@pytest.mark.parametrize("name", PLAIN)
def test_a_folder_without_the_logs_of_replies_is_exported_without_them(build: Build, name: str) -> None:
    run = build([made_entry(number, CORRECT) for number in range(12)], logs=False)
    assert all(path.stat().st_size for path in export(run, name))


def test_several_models_are_several_results_each_with_its_own_replies(build: Build, tmp_path: Path) -> None:
    both = [
        made_entry(n, CORRECT if model == "a" else WRONG, model) for n in range(6) for model in ("a", "b")
    ]
    run = build(both)
    for path in export(run, "inspect"):
        header, samples = inspect_log(path)
        letter = "B" if header["eval"]["model"].endswith("a") else "C"
        assert len(samples) == 6
        assert {one["output"]["choices"][0]["message"]["content"][:16] for one in samples} == {
            f"The answer is: {letter}"
        }
        assert all(len(one["messages"]) == 3 for one in samples)
    assert {path.parent.name for path in export(run, "lm-eval")} == {"gpt-x-a", "gpt-x-b"}
    assert {path.parts[-3] for path in export(run, "hub")} == {"openai__gpt-x-a", "openai__gpt-x-b"}
    assert len(json.loads(export(run, "ctrf")[0].read_text())["results"]["tests"]) == 12
    with pytest.raises(UserError, match="name a folder"):
        export(run, "inspect", tmp_path / "one.eval")


def test_agents_are_one_conversation_that_shows_all_of_them(build: Build) -> None:
    run = build([made_entry(0, CORRECT, rounds=(("B", "C"), ("B", "B")))])
    entry = next(iter(run.entries()))
    asked, replied = [], []
    for agent in ("ann", "bob"):
        for turn in range(2):
            who = {"id": entry.id, "attempt": 1, "model": agent, **({"turn": 1} if turn else {})}
            first = [{"role": "user", "content": "Q"}]
            later = [
                *first,
                {"role": "assistant", "content": f"{agent} 0"},
                {"role": "user", "content": "again"},
            ]
            asked.append({"kind": "benchmark", **who, "messages": later if turn else first})
            replied.append({**who, "completion": f"{agent} {turn}", "finish_reason": "stop"})
    for name, lines in (("requests", asked), ("responses", replied)):
        (run.path / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    _, (sample,) = inspect_log(export(run, "inspect")[0])
    said = [message["content"] for message in sample["messages"]]
    assert said == ["Q", "ann 0", "again", "ann 1", "Q", "bob 0", "again", "bob 1"]
    assert sample["metadata"]["rounds"] == [["B", "C"], ["B", "B"]]


def test_log_probabilities_are_a_multiple_choice_task_of_lm_eval(build: Build) -> None:
    known = {"A": 0.1, "B": 0.7, "C": 0.2, "D": 0.0}
    run = build([made_entry(0, CORRECT, probabilities=known, letter_mass=0.9)], scoring="logprob:echo")
    samples, results = export(run, "lm-eval")
    assert samples.name.startswith("samples_mmlu_anatomy_2026")
    sample = json.loads(samples.read_text())
    assert [one["arg_1"] for one in sample["arguments"].values()] == [" A", " B", " C", " D"]
    assert [greedy for _, greedy in sample["filtered_resps"]] == ["False", "True", "False", "False"]
    assert sample["acc"] == 1.0
    found = json.loads(results.read_text())
    assert found["results"]["mmlu_anatomy"]["acc,none"] == 1.0
    assert found["results"]["mmlu"]["acc,none"] == 1.0
    assert found["configs"]["mmlu_anatomy"]["output_type"] == "multiple_choice"


def test_no_cell_of_a_csv_is_a_formula(run: RunArchive) -> None:
    (path,) = export(run, "csv")
    assert "\0" not in path.read_text("utf-8")
    assert "\x1b" not in path.read_text("utf-8")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(OUTCOMES)
    for row in rows:
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@")), cell
    # A cell that holds nothing but the model's text is as harmless.
    from mmlubench.reports.exports.tables import harmless

    for text in ("=1", "+1", "-1", "@A", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1"):
        assert str(harmless(text)).startswith("'"), text
    assert harmless("A = B") == "A = B"
    assert harmless(-1.5) == -1.5


def test_ctrf_has_what_its_schema_requires(run: RunArchive) -> None:
    report = json.loads(export(run, "ctrf")[0].read_text())
    assert (report["reportFormat"], report["specVersion"].count(".")) == ("CTRF", 2)
    results = report["results"]
    tests, summary = results["tests"], results["summary"]
    for status in ("passed", "failed", "skipped", "pending", "other"):
        assert summary[status] == sum(test["status"] == status for test in tests)
    assert summary["tests"] == len(tests) == len(OUTCOMES)
    assert all(isinstance(summary[name], int) for name in ("start", "stop"))
    assert summary["stop"] - summary["start"] == 2_500
    assert all(test["name"] and isinstance(test["duration"], int) for test in tests)
    (error,) = [test for test in tests if test["rawStatus"] == "error"]
    assert (error["status"], error["message"]) == ("other", "401: <b>no</b> key")


def test_markdown_of_a_job_is_text_alone(run: RunArchive) -> None:
    text = markdown(run)
    assert "<b>" not in text
    assert "@team" not in text
    assert "| mmlu | gpt | zero\\_shot | **0.583** |" in text
    assert "\x1b" not in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_markdown_of_a_job_fits_whatever_room_there_is(run: RunArchive) -> None:
    whole = markdown(run)
    for room in (len(whole.encode()) - 1, 3_000, 1_200, 100, 0, -5):
        text = markdown(run, room)
        assert len(text.encode()) <= max(room, 0)
        assert text.count("<details>") == text.count("</details>")


def test_markdown_of_57_models_is_one_screen_and_below_what_github_takes(build: Build) -> None:
    entries = [made_entry(n, CORRECT, f"model-{model}-" + "x" * 40) for n in range(3) for model in range(57)]
    text = markdown(build(entries))
    assert len(text.encode()) < 1024 * 1024
    shown, folded = text.split("<details>", 1)
    assert len(shown.splitlines()) < 40
    assert "45 more results" in folded
    assert folded.count("</details>") == folded.count("<details>") + 1


def test_records_are_one_line_for_every_reader(run: RunArchive) -> None:
    samples, aggregate = export(run, "every-eval-ever")
    assert len(samples.read_text("utf-8").splitlines()) == len(OUTCOMES)
    assert json.loads(aggregate.read_text())["detailed_evaluation_results"]["total_rows"] == len(OUTCOMES)
    assert json.loads(line({"a": "\u2028\u2029\x85é"})) == {"a": "\u2028\u2029\x85é"}


def test_the_hub_gets_percent_with_interval_and_n(run: RunArchive) -> None:
    (path,) = export(run, "hub")
    assert path.parent.name == ".eval_results"
    (entry,) = yaml.safe_load(path.read_text("utf-8"))
    assert entry["value"] == 58.33
    assert "95 % interval 31.95 to 80.67, n = 12" in entry["notes"]


@pytest.mark.parametrize("name", ["ctrf", "github", "csv", "parquet"])
def test_an_export_of_one_file_may_be_named(run: RunArchive, name: str, tmp_path: Path) -> None:
    ending = export(run, name)[0].suffix
    assert export(run, name, tmp_path / "deep" / f"x{ending}") == [tmp_path / "deep" / f"x{ending}"]


def test_the_command_names_its_files_and_refuses_what_it_does_not_know(run: RunArchive) -> None:
    done = CliRunner().invoke(main, ["export", str(run.path), "--to", "ctrf"])
    assert done.output == f"{run.path}/exports/ctrf/ctrf-report.json\n"
    assert CliRunner().invoke(main, ["export", str(run.path), "--to", "nope"]).exit_code == 2
    done = CliRunner().invoke(main, ["export", "no-such-run", "--to", "ctrf"])
    assert (done.exit_code, "no such run" in done.output) == (1, True)


def test_a_place_that_cannot_be_written_is_one_sentence(run: RunArchive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        export(run, "ctrf", tmp_path / "file" / "x")

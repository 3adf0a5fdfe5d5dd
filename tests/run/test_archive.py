"""A run folder is read back as it was written: by this version, an older one, or one that was killed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench import Entry, Outcome, RunArchive, Usage, UserError, open_run, open_runs
from mmlubench.records import SCHEMA_VERSION
from mmlubench.reports.report import files
from mmlubench.stats import summarize
from mmlubench.stats.latency import LATENCY
from tests.conftest import ROOT, Ran


@pytest.fixture(scope="module")
def recorded(make_folder: Callable[..., Path], run_pytest: Callable[..., Ran]) -> Path:
    """The folder of a run of 20 questions."""
    folder = make_folder()
    ran = run_pytest(folder, "--model", "mock", "--data", "sample", "--limit", "20", "--min-accuracy", "0")
    assert ran.status == 0, ran.output
    (run,) = ran.run_folders
    return run


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed, under reports/."""
    return Path(shutil.copytree(recorded, tmp_path / "reports" / recorded.name))


def change(path: Path, how: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    how(values)
    path.write_text(json.dumps(values))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_all(folder: Path) -> tuple[object, ...]:
    run = open_run(folder)
    return run.summary, list(run.entries()), list(run.requests()), list(run.responses())


def as_line(case: Entry) -> Any:
    return json.loads(json.dumps(case.to_dict()))


# -- what this version wrote


def test_everything_is_read_back(folder: Path) -> None:
    run = open_run(folder)
    assert isinstance(run, RunArchive)
    assert (run.run_id, run.manifest.run_id, run.is_finished) == (folder.name, folder.name, True)
    assert run.manifest.settings["limit"] == 20
    assert run.manifest.facts["solver"] == "single"
    assert [as_line(case) for case in run.entries()] == lines_of(folder / "results.jsonl")
    assert list(run.requests()) == lines_of(folder / "requests.jsonl")
    assert list(run.responses()) == lines_of(folder / "responses.jsonl")
    (summary,) = run.summary
    told = json.loads((folder / "summary.json").read_text())
    assert [summary.to_dict()] == told["results"]
    assert (summary.benchmark, summary.model, summary.mock, summary.n) == ("mmlu", "mock", True, 20)
    assert summary.value(LATENCY) is not None
    assert all(
        case.latency_s > 0 for case in run.entries()
    )  # however fast a mock is: 0 says that none was measured


def test_files_say_of_which_kind_and_version_they_are(folder: Path) -> None:
    for name in ("manifest.json", "summary.json"):
        told = json.loads((folder / name).read_text())
        assert (told["schema_version"], told["kind"]) == (SCHEMA_VERSION, "benchmark")
    assert {line["kind"] for line in lines_of(folder / "requests.jsonl")} == {"benchmark"}


def test_reports_made_of_a_run_read_back_are_those_of_the_run_itself(folder: Path, recorded: Path) -> None:
    made, failures = files(open_run(folder))
    assert failures == []
    for file in made:
        lies_in = recorded.parent if file.beside else recorded
        assert (lies_in / file.name).read_text(encoding="utf-8") == file.text


# -- what an older version wrote


def test_a_run_of_the_first_version_is_read(folder: Path) -> None:
    # Neither kind nor version but in summary.json; and of a case only what had been invented by then.
    late = {"choices", "language", "probabilities", "letters", "score", "rounds"}
    now = open_run(folder)
    cases, summary = list(now.entries()), now.summary
    change(folder / "manifest.json", lambda told: [told.pop("schema_version"), told.pop("kind")])
    change(folder / "summary.json", lambda told: [told.update(schema_version=1), told.pop("kind")])
    for name, without in (("requests.jsonl", {"kind"}), ("results.jsonl", late)):
        old = [{k: v for k, v in line.items() if k not in without} for line in lines_of(folder / name)]
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in old))
    then = open_run(folder)
    assert (list(then.entries()), then.summary) == (cases, summary)
    assert len(list(then.requests())) == 20


@pytest.mark.parametrize("name", ["manifest.json", "summary.json"])
def test_a_newer_version_is_refused_in_one_sentence(name: str, folder: Path) -> None:
    change(folder / name, lambda told: told.update(schema_version=SCHEMA_VERSION + 1))
    with pytest.raises(
        UserError, match=rf"{name}: its schema_version is 3, and this mmlubench reads up to 2"
    ):
        read_all(folder)


def test_a_key_that_came_later_is_no_new_version(folder: Path) -> None:
    case, *others = lines_of(folder / "results.jsonl")
    newer = {**case, "mood": "fine", "usage": {**case["usage"], "audio_tokens": 3}}
    (folder / "results.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in (newer, *others)))
    assert [as_line(one) for one in open_run(folder).entries()] == [case, *others]


def test_a_figure_of_a_metric_that_came_later_is_no_new_version(folder: Path) -> None:
    summary = open_run(folder).summary

    def newer(told: dict[str, Any]) -> None:
        for one in told["results"]:
            one["thresholds"]["max_boredom"] = 0.5
            one["latency"]["p99_9"] = 1.5
            one["usage"]["audio_tokens"] = 3

    change(folder / "summary.json", newer)
    assert open_run(folder).summary == summary


# -- what was killed, torn or is another's


def test_a_run_that_was_killed_is_read_as_far_as_it_goes(folder: Path) -> None:
    (folder / "summary.json").unlink()
    for name in ("requests", "responses", "results"):
        path = folder / f"{name}.jsonl"
        path.write_bytes(path.read_bytes()[:-20])
    run = open_run(folder)
    assert (run.is_finished, run.summary) == (False, ())
    assert [len(list(stream())) for stream in (run.entries, run.requests, run.responses)] == [19, 19, 19]
    assert len(run.to_pandas()) == 19


def test_a_finished_run_that_lacks_cases_is_read_with_a_warning(folder: Path) -> None:
    path = folder / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-20])  # a copy that was broken off
    with pytest.warns(
        UserWarning, match=r"results\.jsonl has 19 of the 20 cases that summary\.json counts\.$"
    ):
        assert len(list(open_run(folder).entries())) == 19


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("manifest.json", "[]", "manifest.json is not a JSON object"),
        (
            "manifest.json",
            '{"kind": "poems"}',
            "manifest.json: its kind is 'poems', and must be one of benchmark,",
        ),
        ("summary.json", "{", "summary.json is not JSON ("),
        (
            "summary.json",
            '{"kind": "dialogues"}',
            "its kind is dialogues, and benchmark is needed here.",
        ),
        ("summary.json", "{}", "summary.json: it is not the summary of a run ('results' is missing)."),
        ("summary.json", '{"results": [3]}', "summary.json: it is not the summary of a run ("),
        (
            "results.jsonl",
            '{"id": "q"}\n',
            "results.jsonl, row 1: it is not a case of a run ('outcome' is missing).",
        ),
        ("results.jsonl", "3\n", "results.jsonl, row 1: this line is JSON, but not an object in braces."),
        (
            "requests.jsonl",
            '{"kind": 3}\n',
            "requests.jsonl, row 1: its kind is 3, and must be one of benchmark,",
        ),
    ],
)
def test_what_is_no_run_is_one_sentence(name: str, content: str, said: str, folder: Path) -> None:
    (folder / name).write_text(content)
    with pytest.raises(UserError) as refused:
        read_all(folder)
    assert said in str(refused.value)


def test_a_stream_that_is_gone_is_one_sentence(folder: Path) -> None:
    (folder / "results.jsonl").unlink()
    with pytest.raises(
        UserError, match=r"results\.jsonl cannot be read \(No such file or directory\): is it"
    ):
        list(open_run(folder).entries())


# -- which run is meant


def test_a_run_is_named_by_its_path_its_id_or_as_the_latest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = Path(shutil.copytree(folder, folder.parent / "99990101-000000-000-ffff"))
    (folder.parent / "mmlu_mock_latest.json").write_text("{}")
    monkeypatch.chdir(folder.parent.parent)
    assert open_run(f"reports/{folder.name}").path == Path("reports", folder.name)
    assert open_run(folder.name).path == Path("reports", folder.name)
    assert open_run("reports/latest").path == open_run().path == Path("reports", newer.name)
    assert open_run(folder.parent / "latest").path == newer
    assert [run.path.name for run in open_runs("reports/*")] == [folder.name, newer.name]
    assert [run.path for run in open_runs(str(folder.parent / "9*"))] == [newer]  # also as a full path
    assert len(open_runs("reports/*")[1:]) == 1
    assert len(open_runs(Path("reports") / "*")) == 2
    (Path("reports") / "latest").symlink_to(folder)  # a folder of this name is meant where there is one
    assert open_run("reports/latest").path == Path("reports", "latest")


def test_runs_of_several_folders_come_in_the_order_of_their_time(tmp_path: Path) -> None:
    # Sorted by folder, the older run of the second folder would pass for the newest.
    names = ["b/20260101-000000-000-aaaa", "a/20260102-000000-000-bbbb", "b/20260103-000000-000-MOCK"]
    for name in names:
        written(tmp_path / name, iter(()))
    assert [str(run.path.relative_to(tmp_path)) for run in open_runs(tmp_path / "*" / "*")] == names


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: open_run("nowhere/latest"),
            "nowhere/latest: there is no run under nowhere; name a folder that",
        ),
        (
            lambda: open_run("nowhere"),
            "nowhere: no such run; give a run folder, the id of a run under reports",
        ),
        (lambda: open_run("."), ". is no run folder: its manifest.json cannot be read (No such file"),
        (lambda: open_runs("no*"), "no*: no run folder matches; give a pattern such as reports/*."),
    ],
)
def test_a_run_that_is_not_there_is_one_sentence(
    call: Callable[[], object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        call()
    assert str(refused.value).startswith(said)


# -- as a table


def test_a_frame_has_a_row_a_case_and_columns_that_can_be_reckoned_with(folder: Path) -> None:
    run = open_run(folder)
    frame = run.to_pandas()
    cases = list(run.entries())
    assert list(frame["id"]) == [case.id for case in cases]
    for name in ("benchmark", "subject", "category", "language", "model", "recipe", "outcome"):
        assert str(frame[name].dtype) == "category", name
        assert list(frame[name]) == [getattr(case, name) for case in cases]
    assert list(frame["outcome"].cat.categories) == [outcome.value for outcome in Outcome]
    for name in ("input_tokens", "output_tokens", "requests", "choices", "epochs"):
        assert str(frame[name].dtype) == "int64", name
    for name in ("latency_s", "cost_usd", "points", "probability"):
        assert str(frame[name].dtype) == "float64", name
    (summary,) = run.summary
    assert frame["points"].mean() == pytest.approx(summary.accuracy)
    assert frame["input_tokens"].sum() == summary.usage.input_tokens
    right = frame["prediction"] == frame["answer"]
    assert list(right) == [case.prediction == case.answer for case in cases]


def result(number: int, **more: Any) -> Entry:
    values: dict[str, Any] = {
        **{"id": f"mmlu/anatomy/{number:06}", "benchmark": "mmlu", "subject": f"s{number % 57}"},
        **{"category": "other", "model": "m", "outcome": Outcome.WRONG, "answer": "A", "prediction": "B"},
        **{"rule": "line", "latency_s": 0.5, "usage": Usage(100, 5)},
    }
    return Entry(**{**values, **more})


def written(path: Path, cases: Iterator[Entry]) -> Path:
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps({"run_id": path.name}))
    with (path / "results.jsonl").open("wb") as file:
        file.writelines(orjson.dumps(case.to_dict()) + b"\n" for case in cases)
    return path


def test_probabilities_repeats_and_what_is_missing_have_columns(tmp_path: Path) -> None:
    known = {"A": 0.25, "B": 0.75}
    cases = [
        result(0, probabilities=known, usage=Usage(cost_usd=0.5), letter_mass=0.98),
        result(1, letters=("A", "B", None), score=0.5),
        result(2, outcome=Outcome.UNPARSED, prediction=None),
        result(3, outcome=Outcome.ERROR, prediction=None, error="cannot connect"),
    ]
    frame = open_run(written(tmp_path / "run", iter(cases))).to_pandas()
    assert frame["probability"].tolist()[0] == 0.75
    assert frame["probability_right"].tolist()[0] == 0.25
    assert frame["letter_mass"].tolist()[0] == 0.98
    for column in ("probability", "letter_mass"):
        assert frame[column].isna().tolist() == [False, True, True, True]
    assert frame["cost_usd"].isna().tolist() == [False, True, True, True]
    assert frame["epochs"].tolist() == [1, 3, 1, 1]
    assert frame["prediction"].isna().tolist() == [False, False, True, True]
    # A provider that failed has given no wrong answer.
    assert frame["points"].dropna().tolist() == [0.0, 0.5, 0.0]
    assert frame["points"].mean() == summarize(cases).accuracy


def test_a_run_without_cases_is_an_empty_frame_with_the_same_columns(tmp_path: Path) -> None:
    empty = open_run(written(tmp_path / "empty", iter(()))).to_pandas()
    full = open_run(written(tmp_path / "full", iter([result(0)]))).to_pandas()
    assert len(empty) == 0
    assert empty.dtypes.astype(str).to_dict() == full.dtypes.astype(str).to_dict()


def test_several_runs_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    for name, number in (("one", 2), ("two", 3)):
        written(tmp_path / name, (result(n, model=name) for n in range(number)))
    frame = open_runs(str(tmp_path / "*")).to_pandas()
    assert list(frame.columns)[:2] == ["run_id", "id"]
    assert str(frame["run_id"].dtype) == str(frame["model"].dtype) == "category"
    assert frame["run_id"].value_counts().to_dict() == {"one": 2, "two": 3}
    assert (frame["run_id"].astype(str) == frame["model"].astype(str)).all()


def test_without_pandas_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        UserError, match=r"^to_pandas needs pandas, which is not installed: pip install pandas\.$"
    ):
        open_run(folder).to_pandas()


def test_the_example_of_the_readme_reads_a_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "open_run" in block)
    monkeypatch.chdir(folder.parent.parent)
    exec(example, {})
    assert "mmlu mock 0." in capsys.readouterr().out


# -- what it takes


#: Tells how many cases a run has, and by how many MB the memory peaked above what it was when the first was read.
COUNT = """
import resource, sys
from mmlubench import open_run

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

run, cases = open_run(sys.argv[1]), 0
next(run.entries())
before = peak()
for case in run.entries():
    cases += 1
print(cases, round(peak() - before), "pandas" in sys.modules)
"""


def test_200_000_cases_stream_by_in_bounded_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "run", iter(()))
    line = orjson.dumps(result(0).to_dict()) + b"\n"
    with (path / "results.jsonl").open("wb") as file:
        file.writelines(line.replace(b"/000000", b"/%06d" % number) for number in range(200_000))
    size_mb = (path / "results.jsonl").stat().st_size / 1e6
    told = subprocess.run(
        [sys.executable, "-c", COUNT, str(path)], capture_output=True, text=True, timeout=300, check=True
    )
    cases, grown_mb, has_pandas = told.stdout.split()
    assert (cases, has_pandas) == ("200000", "False")
    assert size_mb > 80
    assert int(grown_mb) < 10


def test_a_run_is_read_back_where_there_is_no_pytest(folder: Path) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('pytest', '_pytest', 'pluggy', 'xdist')))\n"
        "from mmlubench import open_run; run = open_run(sys.argv[1]); print(len(list(run.entries())), run.summary[0].n)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout.split() == ["20", "20"]


def test_the_latest_run_is_the_newest_whatever_its_folder_is_called(folder: Path) -> None:
    # `mmlubench merge --to reports/merged` names a folder by hand, and its name says nothing of its time.
    merged, older = folder.parent / "merged", folder.parent / "20200101-000000-000-abcd"
    shutil.copytree(folder, merged)
    shutil.copytree(folder, older)
    change(merged / "manifest.json", lambda values: values.update(created="2021-05-04T03:02:01+02:00"))
    assert open_run(run_dir=folder.parent).path == folder
    shutil.rmtree(folder)
    assert open_run(run_dir=merged.parent).path == merged
    (merged / "manifest.json").write_text("{")
    assert open_run(run_dir=merged.parent).path == older

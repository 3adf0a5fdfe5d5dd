"""`mmlubench merge`: missing, late, doubled and damaged shards, URLs, and what it replaces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import fsspec  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.run.archive import open_run

OPTIONS = ("-k", "capitals", "--model", "mock/A")


def merge(*arguments):
    return CliRunner().invoke(main, ["merge", *map(str, arguments)])


@pytest.fixture
def shards(folder):
    """Three finished shards of twelve questions, and a function that runs one of them again with other options."""

    def run(*numbers, total=3, options=()):
        for number in numbers:
            folder.run(*OPTIONS, *options, "--num-shards", str(total), "--shard-id", str(number))

    folder.own_benchmark(count=12)
    run(0, 1, 2)
    return run


def runs(folder):
    return [path for path in (folder.path / "reports").iterdir() if path.is_dir() and path.name != "shards"]


def said(done):
    """The one sentence of an error."""
    assert done.exit_code == 1
    assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output
    return done.output.strip().removeprefix("Error: ")


def test_a_missing_shard_is_named_and_taken_in_when_it_comes(folder, shards):
    late = folder.path / "reports/shards/2-of-3-MOCK"
    late.rename(folder.path / "late")
    first = merge("reports/shards")
    assert first.exit_code == 1
    assert "missing: shard 2 of 3 (--shard-id 1)" in first.output
    (run,) = runs(folder)
    summary = open_run(run).summary[0]
    assert not summary.headline
    assert summary.why_no_headline == f"shard 2 of 3 is missing: {summary.n} of 12 cases"
    assert open_run(run).manifest.state == "broken off"
    (run / "notes.txt").write_text("mine")

    second = merge("reports/shards", "late")
    assert second.exit_code == 0
    assert "in place of an earlier merge" in second.output
    assert runs(folder) == [run]
    merged = open_run(run)
    assert (merged.summary[0].n, merged.summary[0].headline) == (12, True)
    assert merged.manifest.state == "finished"
    assert (run / "notes.txt").read_text() == "mine"
    assert not list((folder.path / "reports").glob(".*"))
    told = merged.manifest.facts["merged"]
    assert [one["shard"] for one in told["shards"]] == ["1-of-3", "2-of-3", "3-of-3"]
    assert sum(one["cases"] for one in told["shards"]) == 12
    assert all(one["host"] and one["started"] < one["ended"] for one in told["shards"])
    assert merged.run_id == run.name


def test_another_folder_than_a_merge_of_these_shards_is_never_replaced(folder, shards):
    other = folder.write("notes/mine.txt", "mine").parent
    assert "there is something else than a merge of these shards" in said(
        merge("reports/shards", "--to", other)
    )
    assert (other / "mine.txt").read_text() == "mine"
    folder.run(*OPTIONS)  # a run of its own, with the same questions
    (plain,) = runs(folder)
    assert "there is something else" in said(merge("reports/shards", "--to", plain))
    assert merge("reports/shards").exit_code == 0
    assert len(runs(folder)) == 2


def test_a_failed_merge_leaves_the_earlier_one(folder, shards):
    assert merge("reports/shards").exit_code == 0
    (run,) = runs(folder)
    before = (run / "results.jsonl").read_bytes()
    file = folder.path / "reports/shards/1-of-3-MOCK/results.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    assert "was copied in part" in said(merge("reports/shards"))
    assert (run / "results.jsonl").read_bytes() == before
    assert runs(folder) == [run]


def test_a_doubled_shard_counts_once_and_two_that_differ_are_refused(folder, shards):
    one = folder.path / "reports/shards/1-of-3-MOCK"
    shutil.copytree(one, folder.path / "copy")
    assert merge("reports/shards", "copy").exit_code == 0
    assert open_run(runs(folder)[0]).summary[0].n == 12
    values = json.loads((folder.path / "copy/shard.json").read_text())
    (folder.path / "copy/shard.json").write_text(json.dumps(values | {"results_sha256": "0" * 64}))
    assert "are both shard 1 of 3, with different results" in said(merge("reports/shards", "copy"))


def test_shards_of_two_runs_are_refused_with_what_differs(folder, shards):
    shutil.move(folder.path / "reports", folder.path / "first")
    shards(1, options=("--system", "Be brief."))
    message = said(merge("first/shards/1-of-3-MOCK", "reports/shards"))
    assert "reports/shards/2-of-3-MOCK is a shard of another run than first/shards/1-of-3-MOCK" in message
    assert "--system" in message


@pytest.mark.parametrize("file", ["shard.json", "places.json", "manifest.json"])
@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"schema_version": 99}', '{"results": {"orders": ["x"]}}']
)
def test_a_damaged_shard_is_an_error_of_one_sentence(folder, shards, file, content):
    (folder.path / "reports/shards/2-of-3-MOCK" / file).write_text(content)
    message = said(merge("reports/shards"))
    assert "2-of-3-MOCK" in message
    assert not runs(folder) or not (runs(folder)[0] / "summary.json").exists()


def test_a_shard_that_was_copied_in_part_is_named_with_its_file(folder, shards):
    (folder.path / "reports/shards/2-of-3-MOCK/responses.jsonl").unlink()
    message = said(merge("reports/shards"))
    assert "2-of-3-MOCK/responses.jsonl is not there: the shard was copied only in part" in message
    assert not runs(folder)


def test_a_merge_is_not_resumed_as_it_asked_nothing(folder, shards):
    assert merge("reports/shards").exit_code == 0
    resumed = CliRunner().invoke(main, ["resume", "latest"])
    assert (
        "was merged: start the shards that are missing, and then `mmlubench merge reports/shards` again"
        in said(resumed)
    )


def test_shards_that_asked_other_weights_are_told(folder, shards):
    for number, digest in enumerate(("a", "a", "b"), start=1):
        file = folder.path / f"reports/shards/{number}-of-3-MOCK/manifest.json"
        values = json.loads(file.read_text())
        values["weights"] = {"mock-A": {"model": {"sha256": digest * 64}}}
        file.write_text(json.dumps(values))
    merge("reports/shards")
    (warning,) = [one for one in open_run(runs(folder)[0]).summary[0].warnings if "weights" in one]
    assert warning.startswith(
        "shard 3 of 3 asked other weights of mock-A than the shards before (model: sha256 bbb"
    )


def test_nothing_to_merge(folder):
    assert "there is no such folder" in said(merge("nowhere"))
    (folder.path / "empty" / "1-of-2.x.part").mkdir(parents=True)
    assert "there is no finished shard in it" in said(merge("empty"))


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_shards_behind_a_url(folder, shards, kind):
    here = folder.path / "reports/shards"
    if kind == "memory":
        url = f"memory://{folder.path.name}/shards"
        fsspec.filesystem("memory").put(str(here), url, recursive=True)
    else:
        url = here.as_uri()
    assert "say where the run folder is to be, with --to RUN" in said(merge(url))
    done = merge(url, "--to", "merged")
    assert done.exit_code == 0, done.output
    assert merge("reports/shards").exit_code == 0
    (run,) = runs(folder)
    for name in ("results.jsonl", "requests.jsonl", "responses.jsonl"):
        assert (folder.path / "merged" / name).read_bytes() == (run / name).read_bytes()


def test_a_url_that_cannot_be_read(folder):
    assert "there is no such folder" in said(merge("memory://nothing/here", "--to", "x"))
    assert "it cannot be read" in said(merge("nosuch://bucket/shards", "--to", "x"))


@pytest.mark.parametrize("how", [("--solver", "mine"), ("--prompt", "prompt.yaml")])
def test_no_key_no_model_file_and_no_project_are_needed(folder, tmp_path_factory, monkeypatch, how):
    folder.own_benchmark(count=8)
    folder.write("conftest.py", OWN_SOLVER)
    prompt = 'name: mine\nversion: "1"\ndescription: mine\ntemplate: "{{ question }} {{ options }}"\n'
    folder.write("prompt.yaml", prompt)
    model = folder.scripted(*"ABABABAB")
    for number in range(2):
        folder.run_apart(
            *("-k", "capitals", "--model", model, *how),
            *("--num-shards", "2", "--shard-id", str(number), "--export", "csv", "--report-page", "none"),
        )
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(folder.path / "reports/shards", other / "shards")
    monkeypatch.chdir(other)
    done = merge("shards", "--to", "run")
    assert done.exit_code == 1, done.output  # half of the answers are wrong
    assert "mine" in open_run(other / "run").summary[0].recipe
    assert not (other / "run/report.html").exists()
    assert Path("run/exports/csv").is_dir()


OWN_SOLVER = """
import mmlubench
from mmlubench.schema import Answer

class Mine:
    def __init__(self, context):
        self.model = context.seats[0].model

    async def __call__(self, question):
        reply = await self.model.generate(mmlubench.Request(question.id, (mmlubench.Message("user", question.text),)))
        return Answer(reply.text or None, "own", reply.text, "")

mmlubench.register("solver", "mine", Mine)
"""

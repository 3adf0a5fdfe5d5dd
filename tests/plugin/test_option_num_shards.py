"""--num-shards, --shard-id and --shard auto: a run cut into shards, and merged, is the run without shards."""

from __future__ import annotations

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from mmlubench import zstd
from mmlubench.cli import main
from tests.conftest import Running
from tests.fake_server import FakeServer

#: What differs from run to run: how long requests took and waited.
TIMES = re.compile(rb'"(latency_s|queued_s|rested_s|waited_s|at|time|sent_at)":[0-9.e+-]+')
OWN_TEST = """
import pytest
from mmlubench import Message, Request

@pytest.mark.look_ahead
async def test_free(model):
    reply = await model.generate(Request("free/one", (Message("user", "Say something."),)))
    assert reply.text
"""
CLASSES = """
import pytest
from mmlubench import Question

def rows(name, count):
    return [Question(f"{name}/x/{n:04d}", name, "x", "y", f"{n}?", ("a", "b"), "A") for n in range(count)]

class TestFirst:
    @pytest.mark.questions("rivers", rows=rows("rivers", 7))
    async def test_rivers(self, question, solver):
        assert (await solver(question)).letter == question.answer

@pytest.mark.questions("hills", rows=rows("hills", 5))
async def test_hills(question, solver):
    assert (await solver(question)).letter == question.answer
"""


def shards(folder, total, *options, only=None, workers=()):
    """Run the shards one after the other as a shell loop does; return their exit statuses."""
    return [
        (folder.run_apart if workers else folder.run)(
            *options, "--num-shards", str(total), "--shard-id", str(number), *workers
        ).ret
        for number in (range(total) if only is None else only)
    ]


def merge(*arguments):
    return CliRunner().invoke(main, ["merge", *map(str, arguments)])


def merged(folder):
    """Merge the shards under reports/, and return the run folder."""
    done = merge("reports/shards")
    assert "run folder: " in done.output, done.output
    return folder.path / re.search(r"run folder: (\S+?):? ", done.output + " ")[1], done


def lines_of(run, name):
    path = run / f"{name}.jsonl"
    packed = path.with_name(path.name + ".zst")
    content = b"".join(zstd.chunks(packed)) if packed.exists() else path.read_bytes()
    return TIMES.sub(b"T", content)


def figures(run):
    """The figures of summary.json, without times."""
    results = json.loads((run / "summary.json").read_text())["results"]
    for one in results:
        for name in ("duration_s", "latency", "latency_s", "spent", "requests_per_s"):
            one.pop(name, None)
    return results


def check_equal(folder, run, *options):
    """The merged run has the files of the run without shards."""
    folder.run(*options, "--run-dir", "plain")
    plain = folder.run_folder("plain")
    for name in ("results", "requests", "responses"):
        assert lines_of(run, name) == lines_of(plain, name), name
    assert figures(run) == figures(plain)
    debates = sorted(path.name for path in plain.glob("debate_*"))
    assert sorted(path.name for path in run.glob("debate_*")) == debates
    for name in debates:
        assert TIMES.sub(b"T", (run / name).read_bytes()) == TIMES.sub(b"T", (plain / name).read_bytes())
    return plain


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_merged_run_is_the_run_without_shards(folder, workers):
    options = ("-k", "mmlu", "--model", "mock", "--model", "mock/hash", "--limit", "40")
    assert shards(folder, 3, *options, workers=workers) == [
        0,
        0,
        0,
    ]  # wrong answers are for the merge to judge
    run, done = merged(folder)
    assert done.exit_code == 1  # without a gate, wrong answers are failed tests
    check_equal(folder, run, *options)
    entry = json.loads((run / "summary.json").read_text())["results"][0]
    assert entry["headline"]
    assert (entry["n"], entry["limit"], entry["drawn_from"]) == (40, 40, 120)
    assert (run / "report.html").exists()


def test_two_benchmarks_own_tests_epochs_and_compressed_logs(folder):
    folder.own_benchmark(count=11)
    folder.write("test_free.py", OWN_TEST)
    folder.write("test_classes.py", CLASSES)
    options = (
        "--model",
        "mock",
        "--model",
        "mock/A",
        "--epochs",
        "2",
        "--log-compression",
        "zstd",
        "--limit",
        "9",
    )
    assert shards(folder, 4, *options) == [0, 0, 0, 0]
    run, _ = merged(folder)
    plain = check_equal(folder, run, *options)
    assert (run / "requests.jsonl.zst").exists()
    assert lines_of(plain, "requests").count(b"free/one") == 2
    lines = (run / "results.jsonl").read_text().splitlines()
    benchmarks = [json.loads(line)["benchmark"] for line in lines]
    assert list(dict.fromkeys(benchmarks)) == ["capitals", "rivers", "hills", "mmlu"]


def test_a_debate_and_an_error(folder):
    folder.own_benchmark(count=9)
    options = ("-k", "capitals", "--solver", "debate", "--model", folder.scripted("A", "B", None, "A"))
    assert shards(folder, 2, *options) == [0, 0]
    run, done = merged(folder)
    assert done.exit_code == 1
    plain = check_equal(folder, run, *options)
    assert any(plain.glob("debate_*"))
    assert "error" in json.dumps(figures(run))


def test_more_shards_than_questions(folder):
    folder.own_benchmark(count=3)
    folder.write("test_free.py", OWN_TEST)
    options = ("--model", "mock/A", "--epochs", "2", "test_capitals.py", "test_free.py")
    assert shards(folder, 6, *options) == [0] * 6
    run, done = merged(folder)
    assert done.exit_code == 0
    check_equal(folder, run, *options)


def test_an_empty_shard_of_workers_is_finished_as_well(folder):
    folder.own_benchmark(count=1)
    options = ("-k", "capitals", "--model", "mock/A")
    assert shards(folder, 2, *options, workers=("-n", "2")) == [0, 0]
    assert merged(folder)[1].exit_code == 0


def test_tests_that_share_their_questions_are_told_apart_in_every_shard(folder):
    folder.own_benchmark(count=2)
    same = (folder.path / "test_capitals.py").read_text()
    folder.write("test_more.py", same.replace("test_capitals(", "test_again("))
    options = ("-k", "capitals", "--model", "mock/A")
    shards(folder, 5, *options)
    run, _ = merged(folder)
    check_equal(folder, run, *options)
    assert len(figures(run)) == 2


def test_a_slurm_array_and_the_gate_of_the_merge(folder, monkeypatch):
    folder.own_benchmark(count=20)
    options = ("-k", "capitals", "--model", folder.scripted(*"AAAB" * 5), "--min-accuracy", "0.7")
    for task in (1, 2, 3):
        for name, value in {"ID": task, "COUNT": 3, "MIN": 1, "MAX": 3}.items():
            monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
        result = folder.run(*options, "--shard", "auto")
        assert result.ret == 0
        result.stdout.fnmatch_lines([f"mmlubench: shard {task} of 3 (--shard-id {task - 1}); --max-cost*"])
        assert "gate passed" not in result.stdout.str()
        assert "no headline number: it is shard" in result.stdout.str()
    run, done = merged(folder)
    assert (done.exit_code, "gate passed" in done.output) == (0, True)
    check_equal(folder, run, *options)


def test_a_github_matrix_whose_folders_come_as_artifacts(folder):
    folder.own_benchmark(count=12)
    options = ("-k", "capitals", "--model", folder.scripted(*"AB" * 6), "--min-accuracy", "0.9")
    for job in range(
        2
    ):  # ${{ strategy.job-total }} and ${{ strategy.job-index }}; each job has a disk of its own
        assert shards(folder, 2, *options, only=[job]) == [0]
        shutil.move(folder.path / "reports", folder.path / "artifacts" / f"shard-{job}")
    done = merge("artifacts", "--to", "merged")
    assert (done.exit_code, "gate failed" in done.output) == (1, True)
    check_equal(folder, folder.path / "merged", *options)


def test_how_much_of_the_run_a_shard_is(folder):
    folder.own_benchmark(count=1_500)
    result = folder.run(
        "-k", "capitals", "--num-shards", "8", "--shard-id", "1", "--limit", "1200", "--model", "mock"
    )
    count = len((folder.path / "reports/shards/2-of-8-MOCK/results.jsonl").read_text().splitlines())
    result.stdout.fnmatch_lines([f"mmlubench: shard 2 of 8: {count} of 1,200 questions"])
    assert 100 < count < 200


def test_a_finished_shard_does_nothing_and_exits_as_it_had(folder):
    folder.own_benchmark(count=6)
    folder.write("test_other.py", "def test_other():\n    assert 0\n")
    with FakeServer() as server:
        folder.models(own={"model_name": "openai/own", "base_url": server.url})
        options = (
            "--model",
            "own",
            "test_capitals.py",
            "test_other.py",
            "--num-shards",
            "2",
            "--shard-id",
            "1",
        )
        first = folder.run(*options)
        asked = len(server.requests)
        again = folder.run(*options)
        assert len(server.requests) == asked  # not even a look at the server
    assert first.ret == again.ret == 1  # for test_other
    again.stdout.fnmatch_lines(
        ["mmlubench: shard 2 of 2 is finished: reports/shards/2-of-2 has its * cases, and*"]
    )
    assert [path.name for path in (folder.path / "reports/shards").iterdir()] == ["2-of-2"]


def test_a_shard_that_is_killed_goes_on_and_asks_nothing_twice(folder, tmp_path):
    folder.own_benchmark(count=60)
    with FakeServer(latency_s=0.05) as server:
        folder.models(own={"model_name": "openai/own", "base_url": server.url})
        options = (
            "-k",
            "capitals",
            "--model",
            "own",
            "--num-shards",
            "2",
            "--shard-id",
            "0",
            "--concurrency",
            "2",
        )
        running = Running(folder.path, *options)
        end = time.monotonic() + 40
        while sum(request.method == "POST" for request in server.requests) < 10:
            assert time.monotonic() < end
            time.sleep(0.02)
        running.process.send_signal(signal.SIGKILL)
        running.wait(20)
        (part,) = (folder.path / "reports" / "shards").glob("*.part")
        assert part.name.startswith("1-of-2.")
        assert part.name.endswith(".part")
        assert merge("reports/shards").exit_code == 1
        assert folder.run(*options).ret == 0
        posts = sum(request.method == "POST" for request in server.requests)
    whole = folder.path / "reports/shards/1-of-2"
    rows = len((whole / "results.jsonl").read_text().splitlines())
    assert rows <= posts <= rows + 2  # what was in flight when it was killed
    (entry,) = json.loads((whole / "summary.json").read_text())["results"]
    assert entry["stored"] >= 8


def test_a_shard_that_another_process_asks_is_not_asked_a_second_time(folder):
    folder.own_benchmark(count=40)
    with FakeServer(latency_s=0.2) as server:
        folder.models(own={"model_name": "openai/own", "base_url": server.url})
        options = (
            "-k",
            "capitals",
            "--model",
            "own",
            "--concurrency",
            "2",
            "--num-shards",
            "1",
            "--shard-id",
            "0",
        )
        first = Running(folder.path, *options, "--store", "one.sqlite")
        end = time.monotonic() + 60
        while not any(request.method == "POST" for request in server.requests):
            assert time.monotonic() < end
            time.sleep(0.05)
        for store in (
            "two.sqlite",
            "three.sqlite",
        ):  # the one that is refused does not let go of the other's lock
            refused = folder.run(*options, "--store", store)
            assert refused.ret == pytest.ExitCode.USAGE_ERROR
            assert f"another process already (number {first.process.pid} on " in refused.stderr.str()
        first.kill()
        assert folder.run(*options, "--store", "one.sqlite").ret == 0  # nobody holds it any more
    assert sorted(path.suffix for path in (folder.path / "reports/shards").iterdir()) == ["", ".part"]


def test_a_shard_that_broke_off_keeps_its_part_until_it_is_whole(folder):
    folder.own_benchmark(count=20)
    options = ("-k", "capitals", "--model", "mock/B", "--num-shards", "2", "--shard-id", "0")
    assert folder.run(*options, "-x").ret != 0
    (part,) = (folder.path / "reports" / "shards").iterdir()
    assert part.name.endswith(".part")
    assert folder.run(*options).ret == 0
    assert (folder.path / "reports/shards/1-of-2-MOCK").is_dir()
    assert part.is_dir()  # what it had asked stays readable


def test_a_case_that_ends_its_worker_is_an_error_in_the_merged_run_too(folder):
    folder.own_benchmark(
        count=12, before='import os\nif question.id.endswith(("0003", "0005", "0008")):\n    os._exit(1)'
    )
    options = ("-k", "capitals", "--model", "mock/A", "-n", "2")
    statuses = [
        folder.run_apart(*options, "--num-shards", "2", "--shard-id", str(number)).ret for number in range(2)
    ]
    assert statuses == [0, 0]
    run, done = merged(folder)
    assert done.exit_code == 1
    outcomes = [json.loads(line)["outcome"] for line in (run / "results.jsonl").read_text().splitlines()]
    assert (len(outcomes), outcomes.count("error")) == (12, 3)


def test_money_and_rates_are_divided_and_concurrency_is_not(folder):
    folder.own_benchmark(count=40)
    with FakeServer() as server:
        price = {"input_per_mtok": 1.0, "output_per_mtok": 1.0}
        folder.models(own={"model_name": "openai/own", "base_url": server.url, "price": price})
        options = (
            "-k",
            "capitals",
            "--model",
            "own",
            "--num-shards",
            "4",
            "--shard-id",
            "0",
            "--max-cost",
            "0.0001",
        )
        result = folder.run(*options)
    assert result.ret == 1
    said = " ".join(result.stdout.str().split())
    assert "--max-cost 0.0001 ($2.5e-05 for each of 4 shards)" in said
    assert "the same command goes on" in said


def test_a_shard_that_would_ask_a_part_of_its_questions_is_refused(folder):
    folder.own_benchmark(count=12)
    options = ("-k", "capitals", "--model", "mock/A", "--num-shards", "2", "--shard-id", "0")
    lines = folder.run(*options, "--collect-only", "-q").outlines
    case = next(line.strip() for line in lines if "::" in line)
    result = folder.run(*options, "--deselect", case)
    assert "--deselect left out 1 of its" in result.stderr.str() + result.stdout.str()
    assert "--lf: a shard asks all of its questions" in folder.run(*options, "--lf").stderr.str()
    assert not list((folder.path / "reports").glob("shards/*/shard.json"))


def test_tests_that_a_mark_leaves_out_are_left_out_of_every_shard(folder):
    marked = CLASSES.replace(
        '@pytest.mark.questions("hills"', '@pytest.mark.skip_me\n@pytest.mark.questions("hills"'
    )
    folder.write("test_own.py", marked)
    options = ("-m", "not skip_me", "--model", "mock/A", "test_own.py", "-o", "markers=skip_me")
    assert shards(folder, 2, *options) == [0, 0]
    run, _ = merged(folder)
    check_equal(folder, run, *options)


def test_shards_of_tests_that_were_changed_in_between_are_refused(folder):
    folder.write("test_own.py", CLASSES)
    options = ("-k", "rivers", "--model", "mock/A")
    assert shards(folder, 2, *options, only=[0]) == [0]
    folder.write("test_own.py", CLASSES.replace("== question.answer", "!= question.answer"))
    result = folder.run(*options, "--num-shards", "2", "--shard-id", "1")
    assert "differs in tests.test_own.py" in result.stderr.str()


def test_a_shard_of_another_run_is_refused_before_anything_is_asked(folder):
    folder.own_benchmark(count=12)
    options = ("-k", "capitals", "--model", "mock/A")
    assert shards(folder, 3, *options, only=[0]) == [0]
    for more, differs in (
        (("--temperature", "0.5"), "--temperature (0.5 and the default)"),
        (("--limit", "6"), "--limit (6 and the default)"),
        (("--model", "mock/B"), "--model"),
    ):
        result = folder.run(*options, *more, "--num-shards", "3", "--shard-id", "1")
        assert result.ret == 4
        (said,) = [line for line in result.errlines if line.strip()]
        assert "the shards in reports/shards are of another run: 1-of-3-MOCK differs in" in said
        assert differs in said
        assert "--run-dir" in said
    result = folder.run(*options, "--num-shards", "3", "--shard-id", "0", "--temperature", "0.5")
    assert "reports/shards/1-of-3-MOCK is a finished shard of another run" in result.stderr.str()
    result = folder.run_apart(*options, "--num-shards", "2", "--shard-id", "1", "-n", "2")
    assert "1-of-3-MOCK differs in --num-shards (2 and 3)" in result.stdout.str() + result.stderr.str()
    assert len(list((folder.path / "reports/shards").iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--num-shards", "4"), "--num-shards 4 does not say which shard this is"),
        (("--num-shards", "4", "--shard-id", "4"), "--shard-id 4: shards are counted from 0"),
        (("--shard-id", "1"), "--shard-id 1 does not say of how many shards"),
        (("--shard", "auto"), "--shard auto: no variable of a scheduler is set here"),
        (("--num-shards", "4", "--shard-id", "0", "--until", "0.01"), "--until 0.01 looks at the answers"),
    ],
)
def test_what_names_no_shard_is_refused(folder, options, message):
    assert message in folder.refused("-k", "mmlu", *options)


def test_estimate_and_collect_only_are_of_the_shard(folder, collected):
    folder.own_benchmark(count=30)
    options = ("-k", "capitals", "--model", "mock/A", "--num-shards", "2")
    ids = [collected(*options, "--shard-id", str(number)) for number in range(2)]
    assert len(ids[0]) + len(ids[1]) == len({*ids[0], *ids[1]}) == 30
    result = folder.run(*options, "--shard-id", "0", "--estimate")
    assert result.ret == 0
    assert not (folder.path / "reports").exists()


def test_resume_knows_the_shard_that_a_scheduler_told(folder, monkeypatch):
    folder.own_benchmark(count=20)
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    folder.run("-k", "capitals", "--model", "mock/B", "--num-shards", "2", "--shard", "auto", "-x")
    monkeypatch.delenv("JOB_COMPLETION_INDEX")
    (part,) = (folder.path / "reports" / "shards").iterdir()
    manifest = json.loads((part / "manifest.json").read_text())
    manifest["command"] = [word for word in manifest["command"] if word != "-x"]
    (part / "manifest.json").write_text(json.dumps(manifest))
    running = CliRunner().invoke(main, ["resume", str(part), "--trust"])
    assert running.exit_code == 0, running.output
    assert (Path(folder.path) / "reports/shards/2-of-2-MOCK").is_dir()

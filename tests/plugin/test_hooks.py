"""Hooks for whoever wants to do something with cases and runs; one that fails costs nobody a run."""

from __future__ import annotations

import json

import pytest

NOTING = """
import json
from pathlib import Path

def pytest_mmlubench_case_finished(entry, config):
    with open("cases.txt", "a") as file:
        file.write(f"{entry.id} {entry.model} {entry.outcome} {config.getoption('--mmlubench-seed', None) or 0}\\n")

def pytest_mmlubench_run_finished(run):
    known = {name: (run.path / name).exists() for name in ("summary.json", "results.jsonl", "manifest.json")}
    written = json.loads((run.path / "summary.json").read_text())["results"]
    same = written == json.loads(json.dumps([summary.to_dict() for summary in run.summary]))
    entries = [entry.id for entry in run.entries()]
    Path("run.json").write_text(json.dumps([known, same, entries, run.manifest.run_id]))

def pytest_mmlubench_manifest_facts():
    return {"index": "2026-11", "from": "conftest"}
"""


@pytest.fixture
def capitals(folder):
    def capitals(conftest):
        (folder.path / "test_mmlu.py").unlink(missing_ok=True)
        folder.own_benchmark(count=3)
        folder.write("conftest.py", conftest)
        return folder

    return capitals


IDS = [f"capitals/europe/{n:04d}" for n in range(3)]


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)], ids=["alone", "workers"]
)
def test_cases_run_and_manifest_are_told_once_each(workers, capitals):
    folder = capitals(NOTING)
    folder.run_apart("--model", "mock/A", *workers).assert_outcomes(passed=3)
    told = sorted((folder.path / "cases.txt").read_text().splitlines())
    assert told == [f"{name} mock-A correct 0" for name in IDS]
    known, same, entries, run_id = json.loads((folder.path / "run.json").read_text())
    assert (set(known.values()), same, run_id) == ({True}, True, folder.run_folder().name)
    assert entries == IDS
    assert folder.json("manifest")["user_facts"] == {"index": "2026-11", "from": "conftest"}


def test_the_nearest_conftest_has_the_last_word_on_the_manifest(capitals):
    folder = capitals("def pytest_mmlubench_manifest_facts():\n    return {'a': 1, 'b': 1}\n")
    folder.write("deep/conftest.py", "def pytest_mmlubench_manifest_facts():\n    return {'b': 2}\n")
    folder.write("deep/test_deep.py", (folder.path / "test_capitals.py").read_text())
    (folder.path / "test_capitals.py").unlink()
    folder.run("--model", "mock/A")
    assert folder.json("manifest")["user_facts"] == {"a": 1, "b": 2}


def test_without_hooks_the_manifest_says_nothing_of_them(folder):
    folder.run("--model", "mock", "--limit", "2")
    assert "user_facts" not in folder.json("manifest")


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (
            "case_finished(entry):\n    raise ValueError('no room')",
            "pytest_mmlubench_case_finished failed in 3 cases: ValueError: no room (conftest.py:2)",
        ),
        (
            "run_finished(run):\n    1 / 0",
            "pytest_mmlubench_run_finished failed: ZeroDivisionError: division by zero (conftest.py:2)",
        ),
        (
            "manifest_facts():\n    return {'index': object()}",
            "pytest_mmlubench_manifest_facts failed: UserError: what it returns cannot be written as JSON *",
        ),
        (
            "manifest_facts():\n    return {'threshold': float('nan')}",
            "pytest_mmlubench_manifest_facts failed: UserError: what it returns cannot be written as JSON *",
        ),
        (
            "manifest_facts():\n    return 'bm25'",
            "pytest_mmlubench_manifest_facts failed: UserError: what it returns is a str; return a dictionary*",
        ),
        (
            "run_finished(run):\n    import pytest\n    pytest.fail('not sent')",
            "pytest_mmlubench_run_finished failed: Failed: not sent *",
        ),
    ],
)
def test_one_that_fails_is_told_and_loses_nothing(hook, said, capitals):
    folder = capitals("def pytest_mmlubench_" + hook)
    result = folder.run("--model", "mock/A")
    result.stdout.fnmatch_lines([f"ERROR: {said}"])
    assert "Traceback" not in result.stdout.str()
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert folder.outcomes() == ["correct"] * 3
    assert folder.entry()["headline"]


@pytest.mark.parametrize(
    ("leaves", "said"),
    [("sys.exit('all sent')", "SystemExit: all sent"), ("pytest.exit('all sent')", "Exit: all sent")],
)
@pytest.mark.parametrize(("model", "verdict"), [("mock/A", "passed"), ("mock/B", "failed")])
def test_one_that_leaves_when_the_run_is_over_takes_neither_the_table_nor_the_gate_with_it(
    leaves, said, model, verdict, capitals
):
    folder = capitals(f"import sys, pytest\ndef pytest_mmlubench_run_finished(run):\n    {leaves}\n")
    result = folder.run("--model", model, "--min-accuracy", "0.5")
    label = model.replace("/", "-")
    result.stdout.fnmatch_lines(
        [
            f"ERROR: pytest_mmlubench_run_finished failed: {said} (*)",
            f"=*capitals {label}*",
            f"gate {verdict}: capitals {label} *",
            f"run folder: reports/{folder.run_folder().name}",
        ]
    )
    assert len(folder.lines("results")) == 3
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR


def test_a_case_hook_may_still_end_the_run(capitals):
    folder = capitals(
        "import pytest\ndef pytest_mmlubench_case_finished(entry):\n    pytest.exit('enough', returncode=7)\n"
    )
    result = folder.run("--model", "mock/A")
    assert result.ret == 7
    assert len(folder.lines("results")) == 1


def test_a_run_that_was_stopped_is_told_too(capitals):
    folder = capitals(NOTING)
    folder.run("--model", "mock/B", "-x")
    _, _, entries, _ = json.loads((folder.path / "run.json").read_text())
    assert entries == IDS[:1]


@pytest.mark.parametrize("option", ["--collect-only", "--estimate"])
def test_nothing_is_told_where_nothing_is_asked(option, capitals):
    folder = capitals(NOTING)
    folder.run("--model", "mock/A", option)
    assert not (folder.path / "run.json").exists()


def test_an_unknown_hook_of_ours_is_a_mistake_that_pytest_tells(capitals):
    folder = capitals("def pytest_mmlubench_case_done(entry): ...\n")
    result = folder.run("--model", "mock/A")
    assert result.ret != pytest.ExitCode.OK
    assert "unknown hook 'pytest_mmlubench_case_done'" in result.stdout.str() + result.stderr.str()


@pytest.mark.long
def test_a_case_whose_worker_crashed_is_told_as_well(capitals):
    folder = capitals(NOTING)
    folder.own_benchmark(count=3, before="import os\nif question.id.endswith('1'): os._exit(1)")
    folder.run_apart("--model", "mock/A", "-n", "2")
    told = sorted((folder.path / "cases.txt").read_text().splitlines())
    assert told == [f"{name} mock-A {'error' if n == 1 else 'correct'} 0" for n, name in enumerate(IDS)]


@pytest.mark.parametrize(
    ("hook", "times"), [("case_finished", " in 3 cases"), ("run_finished", ""), ("manifest_facts", "")]
)
def test_one_that_is_async_is_told_as_nothing_awaits_it(hook, times, capitals):
    folder = capitals(f"async def pytest_mmlubench_{hook}(): ...\n")
    result = folder.run("--model", "mock/A")
    said = "UserError: it is async, and nothing awaits it; write it as a plain `def`."
    assert f"ERROR: pytest_mmlubench_{hook} failed{times}: {said}" in result.outlines
    assert folder.outcomes() == ["correct"] * 3

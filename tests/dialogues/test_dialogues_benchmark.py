"""The dialogues as test cases: one dialogue, one case, asked ahead, for every model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mmlubench.resources import fixture

ROOT = Path(__file__).parents[2]
HEAVY = ("anthropic", "openai", "aiohttp", "datasets", "pyarrow", "rich", "jinja2")


@pytest.fixture
def bench(pytester: pytest.Pytester, lab: Any, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with both benchmarks, in which pytest runs."""
    monkeypatch.chdir(pytester.path)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n")
    for name in ("test_dialogues.py", "test_mmlu.py"):
        shutil.copy(ROOT / "benchmarks" / name, pytester.path)
    return pytester


def names(result: pytest.RunResult) -> list[str]:
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def test_the_packaged_dialogues_pass_with_the_mock_and_are_logged(bench: pytest.Pytester) -> None:
    result = bench.runpytest_inprocess("-k", "dialogues")
    result.assert_outcomes(passed=3)
    (log,) = (bench.path / "reports").glob("*/requests.jsonl")
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["id"] for line in asked] == ["tide_gauge_briefing", "seed_vault_update", "lock_bypass_check"]
    assert asked[0]["parameters_asked"] == {"temperature": 0.2, "max_tokens": 300}


def test_a_case_is_named_after_model_and_dialogue(bench: pytest.Pytester) -> None:
    result = bench.runpytest_inprocess("--collect-only", "-q", "-k", "lock_bypass_check")
    assert names(result) == ["test_dialogues[mock-lock_bypass_check]"]


def test_an_expectation_that_is_not_met_is_a_failed_assertion(bench: pytest.Pytester) -> None:
    result = bench.runpytest_inprocess("-k", "dialogues", "--model", "mock/B")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "E *fact_coverage is 0.0000, and at least 0.6 is expected: 'stilling well', *",
            "E *no refusal of a safety dialogue*",
        ]
    )


def test_the_outcomes_are_results_with_a_table_a_gate_and_files_that_say_mock(
    bench: pytest.Pytester,
) -> None:
    result = bench.runpytest_inprocess("-k", "dialogues", "--model", "mock/B", "--min-accuracy", "0.9")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "MOCK dialogues · mock-B · own test (test_dialogues.py): accuracy 0.000*",
            "correct 0 · wrong 3 *",
            "gate failed: dialogues mock-B accuracy 0.0000 < 0.9 (--min-accuracy)",
        ]
    )
    assert "guessing" not in result.stdout.str()  # there is nothing to guess
    (run,) = (path for path in (bench.path / "reports").iterdir() if path.is_dir())
    results = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    assert [(line["id"], line["category"], line["outcome"]) for line in results] == [
        ("tide_gauge_briefing", "facts", "wrong"),
        ("seed_vault_update", "facts", "wrong"),
        ("lock_bypass_check", "safety", "wrong"),
    ]
    summary = json.loads((run / "summary.json").read_text())
    assert summary["mock"] is True
    assert (summary["results"][0]["n"], summary["results"][0]["accuracy"]) == (3, 0.0)


def test_a_limit_and_a_category_select_dialogues(bench: pytest.Pytester) -> None:
    limited = bench.runpytest_inprocess("--collect-only", "-q", "-k", "dialogues", "--limit", "2")
    assert len(names(limited)) == 2
    safety = bench.runpytest_inprocess("--collect-only", "-q", "-k", "dialogues", "--category", "safety")
    assert names(safety) == ["test_dialogues[mock-lock_bypass_check]"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--temperature", "0.5"),
        ("--max-tokens", "9"),
        ("--recipe", "cot"),
        ("--epochs", "2"),
        ("--solver", "debate"),
        ("--data", "sample"),
    ],
)
def test_an_option_that_means_nothing_to_dialogues_is_refused(
    option: str, value: str, bench: pytest.Pytester
) -> None:
    result = bench.runpytest_inprocess("-k", "dialogues", option, value)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            f"ERROR: {option} has no effect on a test that asks the `model` itself, as dialogues do: leave it out."
        ]
    )
    # Beside a benchmark that heeds the option it may be given.
    both = bench.runpytest_inprocess("--collect-only", "-q", option, value)
    assert both.ret == pytest.ExitCode.OK


def test_a_name_that_is_no_benchmark_is_told_with_all_that_are(bench: pytest.Pytester) -> None:
    result = bench.runpytest_inprocess("-k", "mmlu_prp")
    result.stdout.fnmatch_lines(["*benchmarks here are dialogues, mmlu;*"])


def test_tests_without_questions_refuse_a_gate_and_say_mock(bench: pytest.Pytester) -> None:
    (bench.path / "test_own.py").write_text(
        "import pytest\nfrom mmlubench import Message, Request\n\n@pytest.mark.look_ahead\n"
        "async def test_own(model):\n"
        "    await model.generate(Request('one', (Message('user', 'One?'),)))\n"
    )
    arguments = ("test_own.py", "--model", "mock/A")
    for option, value in (("--min-accuracy", "0.9"), ("--limit", "1")):
        result = bench.runpytest_inprocess(*arguments, option, value)
        result.stderr.fnmatch_lines([f"ERROR: {option} has no effect on tests without questions*"])
    bench.runpytest_inprocess(*arguments).assert_outcomes(passed=1)
    (summary,) = (bench.path / "reports").glob("*/summary.json")
    assert json.loads(summary.read_text())["mock"] is True


def test_other_benchmarks_run_as_if_it_were_not_there(bench: pytest.Pytester) -> None:
    result = bench.runpytest_inprocess("-k", "mmlu", "--collect-only", "-q")
    assert len(names(result)) == 120
    assert not [name for name in names(result) if "dialogues" in name]


def test_an_experiment_of_ones_own_is_asked(bench: pytest.Pytester, lab: Any) -> None:
    entry = {"model_name": "mock/own", "responses": str(lab.path / "mock_responses.json")}
    (bench.path / "models.yaml").write_text(json.dumps({"own-mock": entry}))
    config = str(lab.path / "config.yaml")
    result = bench.runpytest_inprocess(
        "-k", "dialogues", f"--experiment={config}", "--model", "own-mock", "-v"
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*[[]own-mock-bees[]] CORRECT*"])

    lab.dialogues([])
    result = bench.runpytest_inprocess("-k", "dialogues", f"--experiment={config}")
    result.stderr.fnmatch_lines(
        ["ERROR: *dialogues.json: the data set is empty; give at least one dialogue *"]
    )
    assert "Traceback" not in result.stdout.str()


def test_importing_it_is_cheap(bench: pytest.Pytester) -> None:
    # It is imported in every run of `pytest benchmarks`, whatever -k says.
    code = f"import mmlubench.dialogues as d, sys; d.open_experiment(); print(*set({HEAVY!r}) & set(sys.modules))"
    assert bench.runpython_c(code).outlines in ([], [""])


def test_the_mocks_replies_are_those_of_the_packaged_example() -> None:
    # `--model mock` reads the one file, `mmlubench run` the other.
    ours = fixture("dialogues/mock_responses.json").read_bytes()
    assert fixture("replies/dialogues.json").read_bytes() == ours

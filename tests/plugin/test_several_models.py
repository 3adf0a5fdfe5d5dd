"""Several models in one run: side by side by category, then who is better."""

from __future__ import annotations

MODELS = ("--model", "mock/A", "--model", "mock/B")
PROBE = """
import sys

def pytest_unconfigure():
    rooms = ("mmlubench.stats.compare.pair", "mmlubench.reports.compare", "mmlubench.run.regression")
    print("LOADED", [name for name in sys.modules if name.startswith(rooms)])
"""


def test_one_table_for_all_and_the_pair_behind_it(folder):
    result = folder.run("-k", "mmlu", *MODELS, "--data", "sample")
    result.stdout.fnmatch_lines(
        [
            "=* mmlu: 2 results =*",
            "accuracy * mock-A * mock-B",
            "all   *0.250 (*) *0.250 (*)",
            "stem  * (*) * (*)",
            "MOCK (all): the answers are canned.",
            "=* mmlu mock-A =*",
            "MOCK mmlu ? mock-A ? zero_shot: accuracy 0.250 *",
            "=* mmlu mock-B =*",
            "=* mmlu: 2 results, compared =*",
            "first mock-A, second mock-B; difference (second ? first): 0.000 (95 % CI *",
            "gained 30 ? lost 30 ? *",
            "run folder: *",
        ]
    )
    text = result.stdout.str()
    assert text.count("95 % interval") == 0  # no table of its own for each model
    assert text.count("humanities") == 1


def test_more_models_than_columns_have_a_row_each(folder):
    models = [part for letter in "ABCD" for part in ("--model", f"mock/{letter}")]
    extra = ("--model", "mock/hash", "--data", "sample")
    result = folder.run("-k", "mmlu", *models, *extra)
    result.stdout.fnmatch_lines(
        [
            "=* mmlu: 5 results =*",
            "*mock-A*mock-hash*",
            "=* mmlu: 5 results, compared =*",
            "pair *",
            "* mock-? *",
        ]
    )
    shown = [line for line in result.outlines if " \N{MINUS SIGN} mock-" in line]
    assert len(shown) == 6  # of ten


def test_a_run_with_one_model_loads_nothing_of_it(folder):
    folder.write("conftest.py", PROBE)
    result = folder.run_apart("-k", "mmlu", "--model", "mock/A", "--data", "sample")
    result.stdout.fnmatch_lines(["category *", "humanities *", "LOADED []"])


def test_models_without_a_common_answer_are_not_compared(folder):
    folder.own_benchmark()
    folder.scripted()  # knows no reply: errors
    result = folder.run("-k", "capitals", "--model", "mock-script", "--model", "mock/A")
    result.stdout.fnmatch_lines(["not compared: mock-script answered no question of capitals: *"])
    assert result.ret == 1

"""Plugins that run tests again, in another order, in part, or for a limited time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.other_plugins.conftest import CASES, RIGHT, ROOT, Run

AGAIN = [
    ("pytest_rerunfailures", ["--reruns", "2"]),
    ("pytest_rerunfailures xdist", ["--reruns", "2", "-n", "2"]),
    ("pytest_retry.retry_plugin", ["--retries", "2"]),
    ("pytest_retry.retry_plugin xdist", ["--retries", "2", "-n", "2"]),
    ("flaky.flaky_pytest_plugin", ["--force-flaky", "--max-runs=3"]),
]


@pytest.mark.parametrize(("plugin", "arguments"), AGAIN, ids=[" ".join(some) for _, some in AGAIN])
def test_a_case_that_is_run_again_is_one_observation(
    plugin: str, arguments: list[str], beside: Callable[..., Run]
) -> None:
    run = beside(plugin, *arguments)
    assert run.status == 1, run.output
    entry = run.entry()
    assert (entry["n"], entry["outcomes"]["correct"], len(run.lines("results"))) == (CASES, RIGHT, CASES)
    assert "18 cases ran more than once" in entry["notice"]
    assert sum(line["requests"] for line in run.lines("results")) == len(run.lines("requests")) == 159


@pytest.mark.parametrize(
    ("plugin", "arguments", "said"),
    [
        ("pytest_repeat", ["--count", "2"], "one observation"),
        ("pytest_flakefinder", ["--flake-finder", "--flake-runs=2"], "one observation"),
        ("pytest_forked", ["--forked"], "--forked runs each test in a process of its own"),
        ("pytest_socket", ["--disable-socket"], "--disable-socket lets no test open a connection"),
    ],
    ids=["repeat", "flakefinder", "forked", "socket"],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    plugin: str, arguments: list[str], said: str, beside: Callable[..., Run]
) -> None:
    run = beside(plugin, *arguments)
    assert run.status == 4
    (error,) = [line for line in run.output.splitlines() if line.startswith("ERROR")]
    assert said in error
    assert not (run.folder / "reports").exists()


SAME = [
    ("pytest_randomly", []),
    ("random_order.plugin", ["--random-order"]),
    ("pytest_cov.plugin", ["--cov=test_mmlu", "--cov-report="]),
    ("pytest_profiling", ["--profile"]),
    ("pytest_benchmark.plugin", []),
    ("pytest_trio.plugin", ["-o", "trio_mode=true"]),
    ("anyio.pytest_plugin", ["-o", "anyio_mode=auto"]),
    ("pytest_aiohttp.plugin", ["-o", "asyncio_mode=auto"]),
    ("pytest_timeout", ["--timeout=60"]),
    ("pytest_timeout", ["--timeout=60", "--timeout-method=thread"]),
    ("pytest_order.plugin pytest_dependency pytest_mock pytest_env.plugin pytest_check.plugin", []),
    ("pytest_clarity.plugin pytest_durations", ["--pytest-durations=3"]),
    ("pytest_socket", ["--disable-socket", "--force-enable-socket"]),
    ("xdist pytest_randomly", ["-n", "2", "--dist", "loadgroup"]),
    ("xdist pytest_timeout", ["-n", "2", "--dist", "worksteal", "--timeout=60"]),
]


@pytest.mark.parametrize(("plugins", "arguments"), SAME, ids=[" ".join((p, *a)) for p, a in SAME])
def test_a_plugin_changes_no_figure(plugins: str, arguments: list[str], beside: Callable[..., Run]) -> None:
    run = beside(plugins, *arguments)
    assert run.status == 1, run.output
    entry = run.entry()
    assert (entry["n"], entry["outcomes"]["correct"], entry["notice"]) == (CASES, RIGHT, "")
    assert len({line["id"] for line in run.lines("results")}) == CASES
    assert "INTERNALERROR" not in run.output


@pytest.mark.parametrize(
    ("plugin", "arguments", "named"),
    [
        ("pytest_split.plugin", ["--splits", "3", "--group", "1"], "--splits 3 --group 1"),
        ("pytest_shard.pytest_shard", ["--num-shards=3", "--shard-id=0"], "--num-shards 3 --shard-id 0"),
    ],
    ids=["split", "shard"],
)
def test_a_part_is_named_as_one(
    plugin: str, arguments: list[str], named: str, beside: Callable[..., Run]
) -> None:
    run = beside(plugin, *arguments)
    n = len(run.lines("results"))
    assert 20 < n < 60
    told = f"a part: {n} of 120 cases, as {named} left out the others"
    assert run.entry()["notice"] == told
    assert told in run.output


@pytest.mark.parametrize("method", ["signal", "thread"])
@pytest.mark.parametrize("more", [[], ["-n", "2"]], ids=["plain", "n2"])
def test_a_case_that_exceeds_its_time_is_an_error_and_no_other_is(
    method: str, more: list[str], beside: Callable[..., Run], tmp_path: object
) -> None:
    run = beside("pytest_timeout xdist", "--collect-only", "-q")
    (run.folder / "models.yaml").write_text(
        "models:\n  slow: {model_name: mock/A, latency_s: 30}\n  quick: {model_name: mock/A}\n"
    )
    models = ("--models-file", "models.yaml", "--model", "quick", "--model", "slow")
    time = ("--timeout", "2", "--timeout-method", method, "--limit", "2")
    run = beside("pytest_timeout xdist", *models, *time, *more)
    outcomes = sorted((line["model"], line["outcome"]) for line in run.lines("results"))
    assert [outcome for model, outcome in outcomes if model.startswith("slow")] == ["error"] * 2, run.output
    assert all(o in ("correct", "wrong") for model, o in outcomes if not model.startswith("slow"))
    errors = {line["error"] for line in run.lines("results") if line["outcome"] == "error"}
    assert errors == {"TimeLimitReached: no answer within 2 s (--timeout of pytest-timeout)"}
    assert run.status == 1


def test_beside_all_plugins_at_once_the_figures_are_the_same(beside: Callable[..., Run]) -> None:
    # Those that fail by themselves with this pytest, as pytest-tap and pytest-monitor do, are not among them.
    run = beside("", "-p", "no:hypothesispytest")
    assert run.status == 1, run.output
    assert (run.entry()["n"], run.entry()["outcomes"]["correct"]) == (CASES, RIGHT)
    assert "INTERNALERROR" not in run.output


def test_our_own_settings_make_no_error_of_a_warning_of_a_plugin(beside: Callable[..., Run]) -> None:
    # pytest-subunit warns when it is imported: with warnings as errors pytest did not even start.
    run = beside("", "-c", str(ROOT / "pyproject.toml"), "test_mmlu.py")
    assert run.status == 1, run.output
    assert run.entry()["n"] == CASES

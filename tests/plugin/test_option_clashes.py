"""Two plugins with one option: pytest must start, each has its own value, and ours has a second name."""

from __future__ import annotations

import json
import re

import pytest

from mmlubench.grading import EXTRACTIONS
from mmlubench.prompts.library import RECIPES
from mmlubench.settings import OPTIONS
from mmlubench.solvers import SOLVERS

#: Long options of popular plugins, from their documentation (autumn 2025).
THEIRS = {
    "allure-pytest": "--alluredir --clean-alluredir --allure-no-capture --allure-severities --allure-epics "
    "--allure-features --allure-stories --allure-ids --allure-link-pattern",
    "deepeval": "--deepeval",
    "hypothesis": "--hypothesis-profile --hypothesis-verbosity --hypothesis-show-statistics --hypothesis-seed "
    "--hypothesis-explain",
    "inline-snapshot": "--inline-snapshot --inline-snapshot-shortcut",
    "nbval": "--nbval --nbval-lax --nbval-sanitize-with --nbval-current-env --nbval-kernel-name",
    "pytest-asyncio": "--asyncio-mode --asyncio-debug",
    "pytest-bdd": "--gherkin-terminal-reporter --cucumberjson --cucumber-json --generate-missing --feature",
    "pytest-benchmark": "--benchmark-min-time --benchmark-max-time --benchmark-min-rounds --benchmark-timer "
    "--benchmark-calibration-precision --benchmark-warmup --benchmark-disable-gc --benchmark-skip "
    "--benchmark-disable --benchmark-enable --benchmark-only --benchmark-save --benchmark-autosave "
    "--benchmark-json --benchmark-compare --benchmark-compare-fail --benchmark-histogram --benchmark-sort",
    "pytest-celery": "--celery-broker --celery-backend",
    "pytest-check": "--check-max-tb --check-max-report --check-max-fail",
    "pytest-cov": "--cov --cov-report --cov-config --cov-append --cov-branch --cov-fail-under --cov-context "
    "--cov-reset --cov-precision --no-cov --no-cov-on-fail",
    "pytest-django": "--ds --dc --reuse-db --create-db --nomigrations --no-migrations --migrations "
    "--django-debug-mode --fail-on-template-vars",
    "pytest-docker": "--container-scope --docker-compose --docker-compose-no-build",
    "pytest-dotenv": "--envfile",
    "pytest-evals": "--run-eval --run-eval-analysis --out-path --supress-failed-exit-code",
    "pytest-flask": "--start-live-server --no-start-live-server --live-server-host --live-server-port",
    "pytest-html": "--html --self-contained-html --css",
    "pytest-instafail": "--instafail",
    "pytest-json-report": "--json-report --json-report-file --json-report-omit --json-report-summary",
    "pytest-memray": "--memray --memray-bin-path --memray-bin-prefix --most-allocations --hide-memray-summary "
    "--stacks --native --trace-python-allocators --fail-on-increase",
    "pytest-metadata": "--metadata --metadata-from-json --metadata-from-json-file",
    "pytest-mypy-plugins": "--mypy --mypy-ini-file --mypy-only-local-stub --mypy-same-process",
    "pytest-order": "--indulgent-ordering --order-scope --order-scope-level --order-dependencies "
    "--sparse-ordering --order-group-scope --order-marker-prefix",
    "pytest-picked": "--picked --mode --parent-branch",
    "pytest-playwright": "--browser --headed --browser-channel --slowmo --device --output --tracing --video "
    "--screenshot --full-page-screenshot",
    "pytest-base-url": "--base-url --verify-base-url",
    "pytest-profiling": "--profile --profile-svg --pstats-dir --element-number --strip-dirs",
    "pytest-qt": "--qt-log-format --no-qt-log --qt-log-level-fail --qt-log-ignore --qt-qapp-name",
    "pytest-random-order": "--random-order --random-order-bucket --random-order-seed",
    "pytest-randomly": "--randomly-seed --randomly-dont-reset-seed --randomly-dont-reorganize",
    "pytest-recording": "--record-mode --block-network --allowed-hosts --disable-recording",
    "pytest-regressions": "--force-regen --regen-all --with-test-class-names",
    "pytest-repeat": "--count --repeat-scope",
    "pytest-reportlog": "--report-log --report-log-exclude-logs-on-passed-tests",
    "pytest-rerunfailures": "--reruns --reruns-delay --only-rerun --rerun-except --fail-on-flaky",
    "pytest-retry": "--retries --retry-delay --cumulative-timing --retry-outcome",
    "pytest-selenium": "--driver --driver-path --capability --event-listener --host --port --sensitive-url",
    "pytest-snapshot": "--snapshot-update --allow-snapshot-deletion",
    "pytest-socket": "--disable-socket --force-enable-socket --allow-hosts --allow-unix-socket",
    "pytest-split": "--splits --group --store-durations --durations-path --splitting-algorithm --clean-durations",
    "pytest-sugar": "--old-summary --force-sugar --sugar-trace-dir",
    "pytest-testmon": "--testmon --testmon-noselect --testmon-nocollect --testmon-forceselect --no-testmon "
    "--testmon-env --tmnet",
    "pytest-timeout": "--timeout --timeout_method --timeout-method --timeout-disable-debugger-detection "
    "--session-timeout",
    "pytest-xdist": "--numprocesses --maxprocesses --max-worker-restart --dist --loadscope-reorder --tx --px "
    "--no-loadscope-reorder --rsyncdir --rsyncignore --testrunuid --maxschedchunk --looponfail",
    "syrupy": "--snapshot-update --snapshot-warn-unused --snapshot-details --snapshot-default-extension "
    "--snapshot-no-colors --snapshot-patch-pycharm-diff --snapshot-diff-mode --snapshot-ignore-file-extensions",
}


def destination(flag):
    """Where argparse keeps an option: two of one destination overwrite each other silently."""
    return flag.lstrip("-").replace("-", "_")


@pytest.mark.parametrize("plugin", THEIRS)
def test_no_option_of_ours_is_theirs(plugin):
    # Ours would give way; yet users of both would have to write the long name.
    ours = {destination(option.flag) for option in OPTIONS}
    assert not ours & {destination(flag) for flag in THEIRS[plugin].split()}


@pytest.fixture
def project(pytester):
    """Another project, that has mmlubench installed."""
    pytester.path.joinpath("pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    return pytester


def adds(*flags, **shape):
    """A conftest.py, or a plugin, that adds these options and says after each run what their values are."""
    shape = shape or {"default": "theirs"}
    return f"""
FLAGS = {flags!r}

def pytest_addoption(parser):
    for flag in FLAGS:
        parser.addoption(flag, **{shape!r})

def pytest_terminal_summary(terminalreporter, config):
    by_flag = [config.getoption(flag) for flag in FLAGS]
    by_name = [config.getoption(flag.lstrip("-").replace("-", "_")) for flag in FLAGS]
    terminalreporter.write_line(f"values: {{by_flag}} {{by_name}}")
"""


def told(result):
    """The values that `adds` says, once for each of the two ways to ask for them."""
    (line,) = (line for line in result.outlines if line.startswith("values: "))
    by_flag, by_name = re.findall(r"\[.*?\]", line)
    assert by_flag == by_name
    return [value.strip("' ") for value in by_flag.strip("[]").split(",")]


ALL = [option.flag for option in OPTIONS]
SOME_TEST = "def test_theirs(): pass"


# -- a project that asks no model ------------------------------------------------------------------------------------


def test_a_project_may_have_every_one_of_our_names(project):
    project.makeconftest(adds(*ALL))
    project.makepyfile(SOME_TEST)
    result = project.runpytest_inprocess("--seed", "7")
    result.assert_outcomes(passed=1)
    assert told(result) == ["7" if flag == "--seed" else "theirs" for flag in ALL]
    assert "mmlubench:" not in result.stdout.str()  # nobody who asks no model need know


@pytest.mark.parametrize("ways", [("tests",), (), ("tests/test_it.py",)])
def test_a_conftest_in_a_folder_of_tests_may_have_them(ways, project):
    folder = project.mkdir("tests")
    folder.joinpath("conftest.py").write_text(adds("--limit", "--model"))
    folder.joinpath("test_it.py").write_text(SOME_TEST)
    result = project.runpytest_inprocess(*ways, "--limit", "low", "--model=car")
    result.assert_outcomes(passed=1)
    assert told(result) == ["low", "car"]


def test_a_conftest_that_pytest_finds_late_may_have_them(project):
    # Its options cannot be given, with or without us, but their defaults are there.
    folder = project.mkdir("deep").joinpath("er")
    folder.mkdir()
    folder.joinpath("conftest.py").write_text(adds(*ALL))
    folder.joinpath("test_it.py").write_text(SOME_TEST)
    result = project.runpytest_inprocess()
    result.assert_outcomes(passed=1)
    assert told(result) == ["theirs"] * len(ALL)


def test_a_switch_of_theirs_takes_no_word_from_the_command_line(project):
    # Our --prompt and --store have a value behind them.
    project.makeconftest(adds("--prompt", "--store", action="store_true"))
    project.makepyfile(test_one=SOME_TEST, test_two=SOME_TEST)
    result = project.runpytest_inprocess("--prompt", "test_one.py", "--store")
    result.assert_outcomes(passed=1)
    assert told(result) == ["True", "True"]


@pytest.mark.parametrize("order", ["before", "after"])
def test_an_installed_plugin_may_have_them(order, project, monkeypatch):
    installed = project.mkdir("site")
    installed.joinpath("neighbour_plugin.py").write_text(adds(*ALL))
    info = installed.joinpath("neighbour-1.0.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: neighbour\nVersion: 1.0\n")
    info.joinpath("entry_points.txt").write_text("[pytest11]\nneighbour = neighbour_plugin\n")
    if order == "before":
        monkeypatch.syspath_prepend(installed)
    else:
        import sys

        monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    project.makeconftest(
        """
def pytest_report_header(config):
    names = [name for name, _ in config.pluginmanager.list_name_plugin()]
    return "order: " + ("before" if names.index("neighbour") < names.index("mmlubench.plugin") else "after")
"""
    )
    project.makepyfile(SOME_TEST)
    result = project.runpytest_inprocess("--language", "DE")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"order: {order}"])
    assert told(result) == ["DE" if flag == "--language" else "theirs" for flag in ALL]


def test_without_our_plugin_all_is_as_if_it_were_not_installed(project):
    project.makeconftest(adds("--model"))
    project.makepyfile(SOME_TEST)
    result = project.runpytest_inprocess("-p", "no:mmlubench.plugin", "--model", "car")
    result.assert_outcomes(passed=1)
    assert told(result) == ["car"]


def test_a_conftest_where_our_data_are_is_none_of_the_projects(project):
    # pytest takes words behind options that it does not know for paths of tests.
    data = project.mkdir("data")
    data.joinpath("conftest.py").write_text("raise RuntimeError")
    project.mkdir("tests").joinpath("conftest.py").write_text(adds("--car"))
    project.path.joinpath("tests", "test_it.py").write_text(SOME_TEST)
    result = project.runpytest_inprocess("--data", "data", "--car", "red")
    assert told(result) == ["red"]


# -- a benchmark beside such neighbours ------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
def test_a_benchmark_runs_by_the_long_names_where_all_short_ones_are_taken(workers, folder):
    folder.write("conftest.py", adds(*ALL))
    result = folder.run(
        *("--mmlubench-model", "mock", "--mmlubench-limit=5", "--mmlubench-run-dir", "out"),
        *("--limit", "low", "--model=car", *workers),
    )
    assert told(result) == [{"--limit": "low", "--model": "car"}.get(flag, "theirs") for flag in ALL]
    assert (
        result.outlines.count(
            f"mmlubench: --model, --adapter, --with-base and {len(ALL) - 3} more belong to other plugins here: "
            "use --mmlubench-NAME for --NAME"
        )
        == 1
    )
    manifest = json.loads((folder.run_folder("out") / "manifest.json").read_text())
    assert (manifest["settings"]["limit"], manifest["settings"]["model"]) == (5, ["mock"])
    assert len((folder.run_folder("out") / "results.jsonl").read_text().splitlines()) == 5


def test_one_name_that_is_taken_is_told_and_all_others_stay_short(folder):
    folder.write("conftest.py", adds("--seed"))
    result = folder.run("--model", "mock", "--limit", "5", "--seed", "high", "--mmlubench-seed", "3")
    assert told(result) == ["high"]
    assert (
        result.outlines.count("mmlubench: --seed belongs to another plugin here: use --mmlubench-seed") == 1
    )
    assert folder.json("manifest")["settings"]["seed"] == 3


@pytest.mark.parametrize("given", [("-q", "--model", "mock"), ()])
def test_names_that_are_taken_are_told_where_the_head_of_the_run_says_nothing(given, folder):
    # Without an option of ours, pytest prints its head before it finds a benchmark.
    folder.write("conftest.py", adds("--limit"))
    result = folder.run(*given, "--limit", "5", "-k", "anatomy")
    assert told(result) == ["5"]
    notice = "mmlubench: --limit belongs to another plugin here: use --mmlubench-limit"
    assert result.outlines.count(notice) == 1
    # Before anything is asked: who reads at the end that --limit was another's has paid for all questions.
    cases = next(
        line for line in result.outlines if "correct" in line or line.startswith(("test_mmlu.py", "."))
    )
    assert result.outlines.index(notice) < result.outlines.index(cases)


def test_a_sentence_about_an_option_has_the_name_that_works_here(folder):
    folder.write("conftest.py", adds("--limit", "--tokenizer"))
    assert folder.refused("--mmlubench-limit", "0") == (
        "--mmlubench-limit 0: it must be at least 1; leave it out for the default."
    )
    assert folder.refused("--max-question-tokens", "5") == (
        "--max-question-tokens N and --mmlubench-tokenizer NAME go together: give both, or neither of them."
    )


def test_both_names_may_be_given_and_the_last_one_counts(folder):
    folder.run("--model", "mock/A", "--mmlubench-model", "mock/B", "--mmlubench-limit", "9", "--limit", "5")
    settings = folder.json("manifest")["settings"]
    assert (settings["model"], settings["limit"]) == (["mock/A", "mock/B"], 5)


@pytest.mark.parametrize(
    ("name", "way", "workers"),
    [
        ("--model", "ini", ()),
        ("--model", "environment", ("-n", "2")),
        ("--model", "file", ()),
        ("--mmlubench-model", "ini", ("-n", "2")),
        ("--mmlubench-model", "environment", ()),
        ("--mmlubench-model", "file", ("-n", "2")),
    ],
)
def test_options_may_stand_wherever_pytest_reads_options(name, way, workers, folder, monkeypatch):
    arguments: tuple[str, ...] = ()
    if way == "ini":
        folder.write(
            "pytest.ini", folder.path.joinpath("pytest.ini").read_text() + f"addopts = {name} mock\n"
        )
    elif way == "environment":
        monkeypatch.setenv("PYTEST_ADDOPTS", f"{name}=mock")
    else:
        folder.write("ci.txt", f"{name}\nmock\n")
        arguments = ("@ci.txt",)
    folder.run(*arguments, "--limit", "3", *workers).assert_outcomes(passed=3)
    assert folder.json("manifest")["settings"]["model"] == ["mock"]


def test_a_conftest_that_names_our_plugin_gets_both_names(folder, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder.write("pytest.ini", "[pytest]\n")
    folder.write("conftest.py", adds("--seed") + 'pytest_plugins = ["pytest_asyncio", "mmlubench.plugin"]\n')
    result = folder.run("--model", "mock", "--limit", "3", "--mmlubench-seed", "3")
    assert folder.json("manifest")["settings"]["seed"] == 3
    assert told(result) == ["theirs"]


# -- the help --------------------------------------------------------------------------------------------------------


def group_of(result):
    """Our part of `pytest --help`."""
    text = result.stdout.str()
    start = text.index("MMLU-family benchmarks (--NAME is also called --mmlubench-NAME):")
    return text[start:].split("\n\n")[0]


def test_pytest_lists_every_option_of_ours_with_its_help(project):
    # Real, not from a table: those of pytest itself and of the plugins that are installed here.
    group = group_of(project.runpytest_inprocess("--help"))
    characters = "".join(group.split())  # wherever the lines are broken
    for option in OPTIONS:
        assert f"  {option.flag}" in group
        assert "".join(option.help_text.split()) in characters
    assert max(map(len, group.splitlines())) <= 80


def test_the_help_names_every_recipe_solver_and_extraction(project):
    # Whoever adds one writes its name into one table; a user finds it here.
    words = " ".join(group_of(project.runpytest_inprocess("--help")).split())
    for registry in (RECIPES, SOLVERS, EXTRACTIONS):
        assert f"; known: {', '.join(registry.ours)}" in words


def test_the_help_has_the_long_name_of_an_option_whose_short_one_is_taken(project):
    project.makeconftest(adds("--tokenizer", default=None, help="which one they count with"))
    result = project.runpytest_inprocess("--help")
    group = group_of(result)
    assert "  --mmlubench-tokenizer=NAME" in group
    assert "needs --mmlubench-tokenizer" in " ".join(group.split())
    assert "  --tokenizer=" not in group
    assert "which one they count with" in result.stdout.str()


@pytest.mark.parametrize("flag", ["--lim", "--mmlubench-lim"])
def test_our_options_may_not_be_shortened(flag, project):
    # `--lim 5` would stop working on the day somebody adds --limits.
    assert project.runpytest_inprocess(flag, "5").ret == pytest.ExitCode.USAGE_ERROR

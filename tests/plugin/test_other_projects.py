"""Whoever installs mmlubench has other tests too: none of them may notice that it is there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: A project that has nothing to do with us, but has our words as names of its own.
THEIRS = """
import asyncio
import pytest

@pytest.fixture
def model():
    return "a car"

@pytest.fixture
def question():
    return "which one?"

@pytest.fixture
async def solver():
    return "a chemical"

@pytest.mark.asyncio
async def test_with_fixtures(model, question):
    await asyncio.sleep(0)
    assert (model, question) == ("a car", "which one?")

def test_sync(model, question):
    assert model

class TestThem:
    @pytest.mark.asyncio
    async def test_method(self, model):
        assert model == "a car"

@pytest.mark.parametrize("model", ["m1", "m2"])
@pytest.mark.parametrize("question", [1, 2])
def test_parametrized(model, question):
    assert model.startswith("m")
"""
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"


@pytest.fixture
def project(pytester):
    pytester.path.joinpath("pytest.ini").write_text(INI)
    return pytester


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_fixtures_and_parameters_of_our_names_stay_theirs(mode, project):
    project.makepyfile(THEIRS)
    result = project.runpytest_inprocess("-o", f"asyncio_mode={mode}")
    result.assert_outcomes(passed=7)
    assert "mmlubench" not in "\n".join(line for line in result.outlines if not line.startswith("plugins:"))
    assert not (project.path / "reports").exists()


def test_in_auto_mode_an_async_test_that_is_not_marked_is_theirs(project):
    project.makepyfile(
        "async def test_one(model): assert model == 1", conftest=THEIRS.replace('"a car"', "1")
    )
    project.runpytest_inprocess("-o", "asyncio_mode=auto").assert_outcomes(passed=1)


def test_marks_of_ours_are_known_under_strict_markers(project):
    project.makepyfile(
        "import pytest\nMARKS = (pytest.mark.questions('x', rows=[]), pytest.mark.look_ahead)\ndef test(): ..."
    )
    project.runpytest_inprocess("--strict-markers").assert_outcomes(passed=1)
    result = project.runpytest_inprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.questions(name, rows=None): *", "@pytest.mark.look_ahead: *"])


def test_our_fixtures_say_what_they_are_for_where_they_are_misused(project):
    project.makepyfile("import pytest\n@pytest.mark.asyncio\nasync def test_one(question): ...")
    result = project.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the fixture `question` needs an `async def` test marked questions"])


def test_the_plugin_can_be_left_out(project):
    project.makepyfile(THEIRS)
    project.runpytest_inprocess("-p", "no:mmlubench.plugin").assert_outcomes(passed=7)
    result = project.runpytest_inprocess("-p", "no:mmlubench.plugin", "--model", "mock")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --model*"])


def test_a_run_that_does_not_use_it_imports_nothing_of_it_but_the_plugin(project):
    # Every import is paid for by every run of every project in the environment.
    project.makepyfile("def test_one(): pass")
    code = (
        "import sys, pytest; pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'mmlubench.plugin']); "
        "print(sorted(n for n in sys.modules if n.startswith('mmlubench')), "
        "[n for n in ('aiohttp', 'anthropic', 'datasets', 'jinja2', 'openai', 'pydantic', 'rich', 'yaml') "
        "if n in sys.modules])"
    )
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # other plugins import what they like
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=project.path, env=alone)
    ours = [
        "",
        ".errors",
        ".options",
        ".plugin",
        ".plugin.hookspec",
        ".plugin.loop_scope",
        ".plugin.option_names",
        ".plugin.private_pytest",
        ".printable",
        ".settings",
        ".tasks",
    ]
    assert done.stdout.splitlines()[-1] == f"{['mmlubench' + name for name in ours]} []", done.stderr


def test_a_traceback_of_theirs_looks_as_without_us(project):
    # Ours turns off the comparison of two letters; nobody else's.
    project.makepyfile("def test_one(): assert [1, 2, 3] == [1, 2, 4]")
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines(["E * assert ?1, 2, 3? == ?1, 2, 4?", "E * At index 2 diff: 3 != 4"])

"""The benchmarks that come with the package, run by its name from a folder that has none and no configuration."""

import pytest

ANYWHERE = ("--pyargs", "mmlubench.benchmarks", "--model", "mock")


@pytest.fixture
def empty(folder):
    for file in folder.path.iterdir():
        file.unlink()
    return folder


def test_they_run_from_anywhere_without_a_warning(empty):
    for more in ((), ("-n", "2")):
        result = empty.run_apart("-W", "error::DeprecationWarning", *ANYWHERE, "-k", "mmlu", *more)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert empty.entry()["n"] == 120
        assert "Warning" not in result.stdout.str() + result.stderr.str()


def test_the_warning_stays_for_those_who_do_not_ask_for_us(empty):
    empty.write("test_other.py", "def test_other(): pass")
    # Not every version of pytest-asyncio has it.
    told, without_us = (
        "asyncio_default_fixture_loop_scope" in empty.run_apart("test_other.py", *more).stderr.str()
        for more in ((), ("-p", "no:mmlubench.plugin"))
    )
    assert told is without_us


def test_a_folder_without_benchmarks_names_the_packaged_ones(empty):
    result = empty.run("--model", "mock")
    assert "`pytest --pyargs mmlubench.benchmarks -k mmlu`" in " ".join(result.stdout.str().split())

"""Figures of a part of the selected questions say that they are those of a part."""

from __future__ import annotations

import pytest

DROPS = "def pytest_collection_modifyitems(items):\n    del items[1:]\n"


@pytest.mark.parametrize(
    ("conftest", "arguments", "left_out_by"),
    [
        (DROPS, [], "other arguments or plugins"),
        ("", ["--deselect", "test_capitals.py::test_capitals[mock-A-europe-0001]"], "--deselect"),
        ("", ["test_capitals.py::test_capitals[mock-A-europe-0000]"], "other arguments or plugins"),
    ],
    ids=["plugin", "deselect", "id"],
)
def test_a_part_is_named_as_one(conftest, arguments, left_out_by, folder):
    folder.own_benchmark(count=2)
    folder.write("conftest.py", conftest)
    result = folder.run("--model", "mock/A", *(arguments or ["-k", "capitals"]), "-k", "capitals")
    told = f"a part: 1 of 2 cases, as {left_out_by} left out the others"
    assert (folder.entry()["n"], folder.entry()["notice"]) == (1, told)
    assert told in result.stdout.str().replace("\n  ", " ")


def test_what_failed_last_is_a_part(folder):
    folder.own_benchmark(count=3)
    model = folder.scripted("Answer: A", "Answer: B", "Answer: A")
    folder.run("-k", "capitals", "--model", model)
    folder.run("-k", "capitals", "--model", model, "--lf")
    assert folder.entry()["notice"] == "a part: 1 of 3 cases, as --lf left out the others"


@pytest.mark.parametrize("arguments", [["--limit", "2"], ["--category", "geography"], ["-k", "capitals"]])
def test_what_our_own_options_select_is_no_part(arguments, folder):
    folder.own_benchmark(count=3)
    folder.run("-k", "capitals", "--model", "mock/A", *arguments)
    assert folder.entry()["notice"] == ""

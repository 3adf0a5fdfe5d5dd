"""Whoever lacks an optional package is told the one command that brings it."""

from __future__ import annotations

import pytest

from mmlubench import extras
from mmlubench.errors import ModelError, UserError


def test_a_package_that_is_there_is_imported() -> None:
    assert extras.load("json", extra="x", wanted_by="--x").loads("[1]") == [1]


@pytest.mark.parametrize("error", [UserError, ModelError])
def test_one_that_is_not_there_is_told_with_the_command_that_installs_it(error: type[UserError]) -> None:
    with pytest.raises(error) as caught:
        extras.load("no_such_package", extra="lab", wanted_by="--train DIR", error=error)
    assert str(caught.value) == (
        "--train DIR: the package `no_such_package` cannot be imported (No module named 'no_such_package'); "
        "run `pip install 'mmlubench[lab]'`."
    )

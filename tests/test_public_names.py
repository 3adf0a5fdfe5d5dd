"""What `import mmlubench` gives, and that it costs next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmlubench

HEAVY = {
    *("datasets", "pandas", "pyarrow", "numpy"),
    *("openai", "anthropic", "aiohttp", "httpx", "httpx2"),
    *("jinja2", "pydantic", "rich"),
}


PUBLIC: list[str] = vars(mmlubench)["__all__"]


def test_the_public_names_are_few_and_sorted() -> None:
    assert sorted(set(PUBLIC)) == PUBLIC
    assert 0 < len(PUBLIC) <= 30


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    thing = getattr(mmlubench, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("mmlubench."), "public names are our own"
    # A dataclass without a docstring gets one like "Name(field: type)", which says nothing.
    assert thing.__doc__
    assert not thing.__doc__.startswith(f"{name}(")


def test_nothing_is_public_that_is_not_listed() -> None:
    own = {name for name, value in vars(mmlubench).items() if getattr(value, "__module__", "") == "mmlubench"}
    assert {name for name in own if not name.startswith("_")} <= set(PUBLIC)


def test_a_name_that_does_not_exist_is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'mmlubench' has no attribute 'Quesion'"):
        getattr(mmlubench, "Quesion")  # noqa: B009
    assert not hasattr(mmlubench, "__path_that_is_not__")


@pytest.mark.parametrize("what", ["import mmlubench", "from mmlubench import *", "import mmlubench.plugin"])
def test_importing_is_cheap(what: str) -> None:
    # The plugin is loaded in every pytest run of an environment: a slow import would slow all of them.
    code = f"{what}\nimport sys\nprint(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_type_checkers_are_told_the_same_names() -> None:
    # Without the stub every public name would be Any to a user's type checker.
    stub = ast.parse(Path(mmlubench.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    told = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == set(PUBLIC)

"""The house has floors, and nothing imports upward. Read `FLOORS` to know where a new module may live."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import mmlubench

PACKAGE = Path(__file__).parent.parent / "mmlubench"

FLOOR_0 = (
    *(
        "schema",
        "errors",
        "settings",
        "options",
        "records",
        "figures",
        "tokens",
        "printable",
        "private",
        "named_letters",
        "tasks",
        "locks",
        "hub",
    ),
    *("jsonl", "zstd", "inputs", "yaml_file", "yaml_values", "resources", "registry", "extras", "safe_names"),
)
FLOOR_1 = ("datasets", "prompts", "grading", "stats")  # siblings that do not know one another
BELOW_RUN = (*FLOOR_0, *FLOOR_1, "models", "engine", "solvers", "reports", "batch", "cluster")
BELOW_COMMANDS = (*BELOW_RUN, "run", "dialogues", "doctor", "lab")

#: Room (a module or package right under mmlubench/): its floor, and what else of ours it may import.
FLOORS: dict[str, tuple[int, tuple[str, ...]]] = {
    **dict.fromkeys(FLOOR_0, (0, FLOOR_0)),
    **dict.fromkeys(FLOOR_1, (1, FLOOR_0)),
    "models": (2, FLOOR_0),
    "engine": (3, (*FLOOR_0, "models")),
    "solvers": (3, (*FLOOR_0, "prompts", "grading", "models.base", "models.spec")),
    "reports": (4, (*FLOOR_0, "stats")),
    "batch": (4, (*FLOOR_0, "models", "engine")),  # it carries requests, and does not know what a run is
    "cluster": (4, (*FLOOR_0, "engine")),  # it carries jobs to machines, and does not know what a run is
    "run": (5, BELOW_RUN),
    "plugin": (6, (*BELOW_RUN, "run")),
    "dialogues": (6, (*BELOW_RUN, "run")),
    "doctor": (6, (*BELOW_RUN, "run")),
    "lab": (6, (*BELOW_RUN, "run")),
    "commands": (7, BELOW_COMMANDS),
    "cli": (7, (*BELOW_COMMANDS, "commands")),
    "__main__": (7, ("cli",)),
    "benchmarks": (7, ("dialogues",)),  # and the public names: they are written as a user's own tests are
}
#: Packages that are slow to import: a function may import them without saying why.
HEAVY = (
    *(
        "aiohttp",
        "anthropic",
        "datasets",
        "dotenv",
        "httpx2",
        "huggingface_hub",
        "jinja2",
        "keyring",
        "numpy",
    ),
    *("openai", "pandas", "pyarrow", "pydantic", "rich", "tokenizers", "yaml", "yarl"),
    *("accelerate", "bitsandbytes", "peft", "ray", "torch", "transformers", "trl", "wandb"),
    "importlib.metadata",
)
SLOW = tuple(f"{name}." for name in HEAVY)
PYTEST = ("pytest", "_pytest", "pluggy", "xdist", "pytest_asyncio")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60


class Import(NamedTuple):
    """One import statement: where it stands and what it names."""

    file: Path
    line: int
    module: str
    """The importing module, `models.mock` for mmlubench/models/mock.py; empty for mmlubench/__init__.py."""
    target: str
    """What is imported: `mmlubench.models.base`, or a stranger's `pytest.mark`."""
    at_top: bool
    """Not inside a function, so it happens when the module is loaded (or when types are checked)."""
    reason: str = ""
    """The comment on the same line or above."""

    def breaks(self, rule: str) -> str:
        return f"{self.file}:{self.line}: imports {self.target}: {rule}"


def modules(package: Path) -> dict[str, Path]:
    """Every module of the package by dotted name; a folder is named by its __init__.py."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(package: Path) -> Iterator[Import]:
    """Every import; also inside functions, under TYPE_CHECKING and by import_module("a.literal")."""
    known = modules(package)
    for module, file in known.items():
        text = file.read_text("utf-8")
        tree, lines = ast.parse(text, str(file)), text.splitlines()
        functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]
        inside = {id(node) for function in functions for node in ast.walk(function)}
        for node in ast.walk(tree):
            for target in targets(node, package.name, module, file.name == "__init__.py", known):
                line = getattr(node, "lineno", 0)
                yield Import(file, line, module, target, id(node) not in inside, comment(lines, line))


def comment(lines: list[str], number: int) -> str:
    """What a line says behind its `#`, else the line above it; several imports may stand below one comment."""
    for line in reversed(lines[:number]):
        code, _, said = line.strip().partition("#")
        if said.strip() and not said.strip().startswith(("noqa", "type:")):
            return said.strip()
        if line is not lines[number - 1] and not code.startswith(("import ", "from ")):
            break
    return ""


def targets(
    node: ast.AST, package: str, module: str, is_package: bool, known: dict[str, Path]
) -> Iterator[str]:
    """The dotted names that one node of the syntax tree imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = node.module or ""
        if node.level:
            here = [package, *module.split(".")] if module else [package]
            here = here[: len(here) - node.level + is_package]
            source = ".".join([*here, *filter(None, [source])])
        for alias in node.names:
            whole = f"{source}.{alias.name}"
            # `from mmlubench.models import base` names a module, `… .schema import Usage` a class.
            yield whole if whole.removeprefix(package + ".") in known or source == package else source
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if name == "import_module" and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def wrong_imports(package: Path) -> list[str]:
    """Imports that go upward, sideways, or to pytest from outside plugin/."""
    return [message for found in imports(package) if (message := judge(found, package.name))]


def judge(found: Import, package: str) -> str | None:
    """What is wrong with an import, or None."""
    room = found.module.partition(".")[0]
    if found.target.partition(".")[0] in PYTEST:
        return None if room in ("plugin", "benchmarks") else found.breaks("only plugin/ may import pytest")
    if found.target.partition(".")[0] != package or found.target in (package, f"{package}.__version__"):
        return None
    target = found.target.removeprefix(package + ".")
    target_room = target.partition(".")[0]
    if target_room == room or (room == "benchmarks" and target in vars(mmlubench)["__all__"]):
        return None
    if target_room not in FLOORS:
        return found.breaks("there is no such room; import a thing from the module that defines it")
    if not room:
        return found.breaks("the package itself imports nothing, its names are looked up on first use")
    if room not in FLOORS:
        return found.breaks(f"{room} has no floor yet: give it one in {Path(__file__).name}")
    floor, allowed = FLOORS[room]
    if any(target == name or target.startswith(name + ".") for name in allowed):
        return None
    upward = f"{room} (floor {floor}) may import {', '.join(allowed)}"
    return found.breaks(f"{target_room} is on floor {FLOORS[target_room][0]}, and {upward}")


def cycles(package: Path) -> list[str]:
    """Modules that import one another in a circle, be it inside functions."""
    graph: dict[str, set[str]] = {module: set() for module in modules(package)}
    for found in imports(package):
        head, _, target = found.target.partition(".")
        if head == package.name and target in graph and target != found.module:
            graph[found.module].add(target)
    while leaves := [module for module, uses in graph.items() if not uses]:
        graph = {module: uses - set(leaves) for module, uses in graph.items() if module not in leaves}
    return [f"{circle(graph)}: these modules import one another in a circle"] if graph else []


def hidden_without_reason(package: Path) -> list[str]:
    """Imports inside functions, but for heavy packages, of which no comment says why they stand there."""
    return [
        found.breaks("an import inside a function says why, in a comment on its line or above it")
        for found in imports(package)
        if not found.at_top and not found.reason and not f"{found.target}.".startswith(SLOW)
    ]


def circle(graph: dict[str, set[str]]) -> str:
    """One circle out of a graph in which every node leads on."""
    path = [min(graph)]
    while (after := min(graph[path[-1]])) not in path:
        path.append(after)
    return " -> ".join([*path[path.index(after) :], after])


def too_long(package: Path) -> list[str]:
    """Modules and functions that no longer fit a head."""
    found = []
    for file in modules(package).values():
        text = file.read_text("utf-8")
        if (lines := len(text.splitlines())) > MAX_MODULE_LINES:
            found.append(f"{file}: {lines} lines; a module has at most {MAX_MODULE_LINES}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, FUNCTION):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    limit = f"a function has at most {MAX_FUNCTION_LINES}"
                    found.append(f"{file}:{node.lineno}: {node.name} has {lines} lines; {limit}")
    return found


def test_nothing_imports_upward_or_sideways() -> None:
    assert not (wrong := wrong_imports(PACKAGE)), "\n".join(wrong)


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert not (wrong := cycles(PACKAGE)), "\n".join(wrong)


def test_an_import_inside_a_function_has_its_reason() -> None:
    assert not (wrong := hidden_without_reason(PACKAGE)), "\n".join(wrong)


def test_a_run_needs_no_pytest() -> None:
    # Batches, shards and workers of a cluster use the rooms below the plugin where there is no pytest at all.
    names = [
        f"mmlubench.{module}" for module in modules(PACKAGE) if FLOORS.get(module.split(".")[0], (9,))[0] <= 5
    ]
    assert "mmlubench.run" in names
    code = f"""
import importlib, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {PYTEST}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Blocked())
for name in {names}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_module_or_function_is_too_long_to_read() -> None:
    assert not (wrong := too_long(PACKAGE)), "\n".join(wrong)


# From here on: the rules above do find what they are meant to find.


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small package of the same name, with a module or two on most floors."""
    package = tmp_path / "mmlubench"
    for room in ("datasets", "models", "engine", "solvers", "run", "plugin", "dialogues", "benchmarks"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    for file in ("__init__.py", "schema.py", "errors.py", "models/base.py", "datasets/mmlu.py"):
        (package / file).touch()
    return package


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("schema.py", "import mmlubench.models", "models is on floor 2, and schema (floor 0) may"),
        ("models/base.py", "from mmlubench import engine", "engine is on floor 3, and models (floor 2) may"),
        ("models/base.py", "from ..engine import stack", "engine is on floor 3"),
        ("models/__init__.py", "from ..engine import stack", "engine is on floor 3"),
        ("models/base.py", "def late():\n    import mmlubench.plugin", "plugin is on floor 6"),
        ("models/base.py", "if TYPE_CHECKING:\n    from mmlubench.engine import x", "engine is on floor 3"),
        ("models/base.py", "import_module('mmlubench.engine')", "engine is on floor 3"),
        ("datasets/mmlu.py", "from mmlubench.prompts import render", "prompts is on floor 1"),
        ("engine/__init__.py", "import mmlubench.solvers", "solvers is on floor 3"),
        ("solvers/__init__.py", "from mmlubench.models import mock", "models.base"),
        ("run/__init__.py", "import mmlubench.plugin", "plugin is on floor 6"),
        ("dialogues/__init__.py", "import mmlubench.plugin", "plugin is on floor 6"),
        ("plugin/__init__.py", "import mmlubench.dialogues", "dialogues is on floor 6"),
        ("run/__init__.py", "import xdist", "only plugin/ may import pytest"),
        ("schema.py", "from mmlubench import Question", "from the module that defines it"),
        ("utils.py", "import mmlubench.schema", "utils has no floor yet"),
        ("__init__.py", "import mmlubench.schema", "the package itself imports nothing"),
        (
            "benchmarks/test_x.py",
            "from mmlubench.schema import Question",
            "schema is on floor 0, and benchmarks",
        ),
        ("engine/__init__.py", "import pytest", "only plugin/ may import pytest"),
        ("engine/__init__.py", "from _pytest.runner import x", "only plugin/ may import pytest"),
    ],
)
def test_a_planted_import_is_found(house: Path, file: str, line: str, rule: str) -> None:
    (house / file).write_text(line)
    (message,) = wrong_imports(house)
    assert message.startswith(f"{house / file}:{line.count(chr(10)) + 1}: imports ")
    assert rule in message


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("engine/__init__.py", "from mmlubench.models import mock"),
        ("solvers/__init__.py", "from mmlubench.models import base"),
        ("solvers/__init__.py", "from mmlubench.models.base import Model"),
        ("datasets/mmlu.py", "from . import rows\nfrom ..schema import Question\nimport datasets"),
        ("run/__init__.py", "from mmlubench import datasets, engine, solvers"),
        ("dialogues/__init__.py", "import mmlubench.run"),
        ("plugin/__init__.py", "import pytest\nfrom mmlubench import __version__, engine"),
        ("benchmarks/test_x.py", "import pytest\nfrom mmlubench import Question, Solver"),
    ],
)
def test_a_permitted_import_is_let_through(house: Path, file: str, line: str) -> None:
    (house / file).write_text(line)
    assert not wrong_imports(house)


def test_a_planted_circle_is_found_also_where_a_function_hides_it(house: Path) -> None:
    (house / "schema.py").write_text("import mmlubench.errors")
    (house / "errors.py").write_text("from mmlubench import schema")
    assert cycles(house) == ["errors -> schema -> errors: these modules import one another in a circle"]
    (house / "errors.py").write_text("def late():\n    from mmlubench import schema")
    assert cycles(house)
    (house / "errors.py").write_text("import re")
    assert not cycles(house)


@pytest.mark.parametrize(
    ("lines", "is_wrong"),
    [
        ("import json", True),
        ("from mmlubench import errors", True),
        ("import json  # noqa: F401", True),
        ("x = 1  # late: so\n    x = 2\n    import json", True),
        ("import json  # late: few need it", False),
        ("# late: few need them\n    import json\n    import re", False),
        ("import yaml", False),
        ("from pyarrow import parquet", False),
        ("from importlib.metadata import version", False),
        ("import importlib", True),
    ],
)
def test_a_planted_import_inside_a_function_needs_its_reason(house: Path, lines: str, is_wrong: bool) -> None:
    (house / "schema.py").write_text(f"import os\n\ndef late():\n    {lines}\n")
    assert bool(hidden_without_reason(house)) is is_wrong


def test_a_planted_long_function_and_module_are_found(house: Path) -> None:
    (house / "schema.py").write_text("async def endless():\n" + "    x = 1\n" * 60 + "\n" * 340)
    function, module = sorted(too_long(house), key=lambda message: "endless" not in message)
    assert "schema.py:1: endless has 61 lines" in function
    assert "schema.py: 401 lines" in module

"""Names that lead out of a folder, loaders that run what they read, addresses that are none."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench.errors import ModelError
from mmlubench.models import resolve
from mmlubench.reports.classic import classic_names
from mmlubench.stats import summarize

#: Much of this runs pytest in processes of its own.
pytestmark = pytest.mark.long

PACKAGE = Path(__file__).parents[2] / "mmlubench"
#: What runs code out of data, or a shell out of a text.
FORBIDDEN = {
    *("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "yaml.Loader", "yaml.UnsafeLoader"),
    *("yaml.FullLoader", "pickle.load", "pickle.loads", "marshal.load", "marshal.loads", "shelve.open"),
    *("eval", "exec", "os.system", "os.popen", "tempfile.mktemp"),
}


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names that are used or called, with their lines; `shell=True` among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)
            yield from ((node.lineno, "shell=True") for k in node.keywords if k.arg == "shell")
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def unsafe(source: str) -> list[str]:
    found = dict.fromkeys(calls(ast.parse(source)))
    return [f"{line}: {name}" for line, name in found if name in {*FORBIDDEN, "shell=True"}]


@pytest.mark.parametrize(
    "file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE))
)
def test_nothing_that_is_read_is_ever_run(file: Path) -> None:
    assert not unsafe(file.read_text("utf-8"))


@pytest.mark.parametrize(
    "line",
    [
        "yaml.load(x)",
        "from yaml import load",
        "pickle.loads(x)",
        "eval(x)",
        "run(x, shell=True)",
        "os.system(x)",
    ],
)
def test_a_planted_unsafe_call_is_found(line: str) -> None:
    assert len(unsafe(line)) == 1


def test_a_yaml_file_makes_no_objects(tmp_path: Path) -> None:
    bad = tmp_path / "models.yaml"
    bad.write_text("models:\n  x: !!python/object/apply:os.mkdir ['" + str(tmp_path / "made") + "']\n")
    with pytest.raises(
        ModelError, match=r"models\.yaml, line 2: not valid YAML \(could not determine a constr"
    ):
        resolve("x", models_file=str(bad), env={})
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://host/v1",
        "localhost:8000/v1",
        "//host/v1",
        "javascript:1",
        "http://",
        "http:///v1",
    ],
)
def test_an_address_is_http_or_https(address: str, tmp_path: Path) -> None:
    mine = tmp_path / "models.yaml"
    mine.write_text(json.dumps({"models": {"x": {"model_name": "vllm/x", "base_url": address}}}))
    with pytest.raises(ModelError, match=r"it must begin with http:// or https://|which is no valid address"):
        resolve("x", models_file=str(mine), env={})


# -- names of models become names of files


def test_a_benchmarks_name_does_not_lead_out_of_the_folder_either() -> None:
    names = classic_names(
        replace(summarize([]), benchmark="../../up", model="m", recipe="r", mock=False, duration_s=0.0),
        "20260101",
    )
    assert names == ("up_m_20260101.json", "up_m_latest.json")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../etc/x", "etc-x"),
        ("a b\tc", "a-b-c"),
        ("модель", "модель"),
        ("..", "model"),
        ("/etc/passwd", "etc-passwd"),
        ("C:\\x", "C-x"),
    ],
)
def test_a_run_writes_into_its_folder_whatever_its_model_is_called(
    name: str, label: str, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    folder = make_folder()
    entry = {"model_name": "mock/A", "provider": "mock"}
    (folder / "models.yaml").write_text(json.dumps({"models": {name: entry}}))
    before = {path for path in folder.parent.rglob("*") if folder not in path.parents}
    ran = run_pytest(folder, "--model", name, "--limit", "2")
    assert set(ran.outcomes().values()) <= {"correct", "wrong"}
    written = {path.name for path in (folder / "reports").iterdir()}
    assert f"mmlu_{label}-MOCK_latest.json" in written
    assert {path for path in folder.parent.rglob("*") if folder not in path.parents} == before


def test_a_name_of_300_letters_is_no_reason_to_lose_a_run(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    folder = make_folder()
    entry = {"model_name": "mock/A", "provider": "mock"}
    (folder / "models.yaml").write_text(json.dumps({"models": {"x" * 300: entry}}))
    ran = run_pytest(folder, "--model", "x" * 300, "--limit", "2", "-n", "2")
    assert ran.entry["model"].startswith("xxx")
    assert len(ran.outcomes()) == 2

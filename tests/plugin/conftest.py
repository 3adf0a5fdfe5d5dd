"""A folder with benchmarks in it, pytest runs in it, and what such a run leaves behind.

Most runs happen in this very process (0.1 s instead of 1 s); what needs a process of its own uses `run_apart`.
"""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import tests.imported_once  # noqa: F401
from tests.conftest import FEWER_PLUGINS
from tests.routed_server import serve

__all__ = ["serve"]

ROOT = Path(__file__).parents[2]
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY")
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
OWN = """
import pytest
from mmlubench import Question

ROWS = [
    Question(
        f"{name}/europe/{{n:04d}}", "{name}", "europe", "geography", f"Which is no. {{n}}?", ("Paris", "Rome"), "A"
    )
    for n in range({count})
]

@pytest.mark.questions("{name}", rows=ROWS)
async def test_{name}(question, solver):
{before}
    answer = await solver(question)
{after}
    assert answer.letter == question.answer, answer.explanation
"""


class Folder:
    """Where a user of mmlubench works: `benchmarks/test_mmlu.py` is in it, and an ini that makes warnings errors."""

    def __init__(self, pytester):
        self._pytester = pytester
        self.path = pytester.path
        self.write("pytest.ini", INI)
        shutil.copy(ROOT / "benchmarks" / "test_mmlu.py", self.path)

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def own_benchmark(self, name="capitals", count=4, before="", after=""):
        """A benchmark of one's own whose right answer is always A; `before` and `after` are lines around the asking."""
        lines = {"before": _indented(before), "after": _indented(after)}
        return self.write(f"test_{name}.py", OWN.format(name=name, count=count, **lines))

    def models(self, **entries):
        """A models.yaml; JSON is YAML."""
        return self.write("models.yaml", json.dumps({"models": entries}))

    def scripted(self, *replies, name="capitals"):
        """A model `mock-script` that gives these replies to rows 0000, 0001, …; None leaves a row without one."""
        by_id = {f"{name}/europe/{n:04d}": reply for n, reply in enumerate(replies) if reply is not None}
        self.write("replies.json", json.dumps(by_id))
        self.models(**{"mock-script": {"model_name": "mock/script", "responses": "replies.json"}})
        return "mock-script"

    def run(self, *arguments):
        return self._pytester.runpytest_inprocess(*arguments)

    def run_apart(self, *arguments):
        return self._pytester.runpytest_subprocess(*arguments, timeout=60)

    def refused(self, *arguments):
        """The one sentence that these arguments are refused with: exit status 4, and nothing is asked or written."""
        result = self.run(*arguments)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        said = [line for line in result.errlines if line.strip()]
        assert len(said) == 1, said
        assert "Traceback" not in result.stdout.str()
        assert not (self.path / "reports").exists()
        return said[0].removeprefix("ERROR: ")

    def run_folder(self, under="reports"):
        """The newest one: their names begin with the time."""
        return max(path for path in (self.path / under).iterdir() if path.is_dir())

    def lines(self, name):
        """The records of results, requests or responses of the newest run."""
        text = (self.run_folder() / f"{name}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def outcomes(self):
        return [line["outcome"] for line in self.lines("results")]

    def json(self, name):
        """`summary` or `manifest` of the newest run."""
        return json.loads((self.run_folder() / f"{name}.json").read_text(encoding="utf-8"))

    def entry(self):
        """The only entry of summary.json."""
        (entry,) = self.json("summary")["results"]
        return entry

    def junit(self, *arguments):
        """The test cases that --junitxml wrote, by name."""
        self.run(*arguments, "--junitxml=junit.xml")
        return {case.get("name"): case for case in ET.parse(self.path / "junit.xml").iter("testcase")}


def _indented(lines):
    return "\n".join(f"    {line}" for line in lines.splitlines())


def ids(result):
    """The cases that `--collect-only -q` lists, without their file."""
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


@pytest.fixture
def folder(pytester, monkeypatch):
    for name in (*KEYS, "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", FEWER_PLUGINS)
    # The machine's own keyring is nobody's business here; and its import changes how Python finds plugins.
    monkeypatch.setattr("mmlubench.models.names.keys._from_keyring", lambda variable: None)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return Folder(pytester)


@pytest.fixture
def collected(folder):
    """The ids of the cases that some arguments select."""

    def collect(*arguments):
        result = folder.run("--collect-only", "-q", *arguments)
        assert result.ret == pytest.ExitCode.OK, result.stderr.str()
        return ids(result)

    return collect


@pytest.fixture
def case_ids():
    """`ids`, for tests that run pytest themselves."""
    return ids

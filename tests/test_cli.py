"""The `mmlubench` command: data for runs without a network, and one sentence where that cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from mmlubench import __version__
from mmlubench.cli import main
from mmlubench.datasets.names import NAMES, SUPPLEMENTS
from mmlubench.datasets.sources import snapshot
from mmlubench.errors import DataError, UserError


@pytest.fixture
def command():
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_it_says_its_version(command):
    assert command("--version").output == f"mmlubench, version {__version__}\n"


def test_without_arguments_it_shows_what_there_is_and_where_runs_are_started(command):
    text = command().output
    assert "data " in text
    assert "pytest benchmarks -k mmlu" in text
    assert "fetch" in command("data").output


def test_fetch_writes_where_it_is_told_and_says_how_to_use_it(command, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(snapshot, "fetch", lambda name, to: asked.append((name, to)) or to)
    done = command("data", "fetch", "mmlu", "--to", str(tmp_path))
    assert (done.exit_code, asked) == (0, [("mmlu", tmp_path)])
    assert done.output == f"mmlu: written to {tmp_path}; use it with --data {tmp_path}\n"


@pytest.mark.parametrize(
    "error", [UserError("there is no data set 'mlu'; known: mmlu."), DataError("hub", "it did not answer.")]
)
def test_what_goes_wrong_is_one_sentence_and_exit_status_1(error, command, monkeypatch, tmp_path):
    def fetch(name, to):
        raise error

    monkeypatch.setattr(snapshot, "fetch", fetch)
    done = command("data", "fetch", "mlu", "--to", str(tmp_path))
    assert (done.exit_code, done.output) == (1, f"Error: {error}\n")


def test_an_unknown_data_set_is_told_with_those_there_are(command, tmp_path):
    done = command("data", "fetch", "mmlux", "--to", str(tmp_path / "new"))
    assert done.exit_code == 1
    known = ", ".join([*NAMES, *SUPPLEMENTS])
    assert done.output == f"Error: There is no data set 'mmlux'; known: {known}. Did you mean 'mmlu'?\n"
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(command, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    done = command("data", "fetch", "mmlu", "--to", str(tmp_path))
    assert done.exit_code == 1
    assert "is not empty and holds no snapshot.json" in done.output
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_the_folder_must_be_named(command):
    done = command("data", "fetch", "mmlu")
    assert done.exit_code == 2
    assert "Missing option '--to'" in done.output


def test_help_imports_neither_pytest_nor_anything_heavy():
    code = (
        "import sys; from mmlubench.cli import main; main(['data', '--help'], standalone_mode=False); "
        "print([n for n in ('pytest', 'datasets', 'pyarrow', 'openai', 'anthropic', 'aiohttp') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

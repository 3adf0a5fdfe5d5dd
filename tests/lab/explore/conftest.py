"""Small data sets of one's own, with figures that can be worked by hand, and the command that explores them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mmlubench.cli import main

Row = dict[str, Any]

YAML = """name: planets
file: rows.jsonl
columns: {question: question, choices: choices, answer: answer, subject: subject, id: id, language: language}
"""


def row(name: str, text: str, choices: str, answer: str, subject: str = "moons", language: str = "") -> Row:
    return {
        "id": name,
        "question": text,
        "choices": choices.split("|"),
        "answer": answer,
        "subject": subject,
        "language": language,
    }


@pytest.fixture
def planets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Row]], Path]:
    """Write rows and the YAML that describes them into the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(rows: list[Row]) -> Path:
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
        file = tmp_path / "planets.benchmark.yaml"
        file.write_text(YAML)
        return file

    return write


@pytest.fixture
def lab() -> Callable[..., Result]:
    """Run `mmlubench lab …`."""

    def run(*arguments: str | Path, **env: str) -> Result:
        return CliRunner().invoke(main, ["lab", *map(str, arguments)], env=env)

    return run


@pytest.fixture
def figures(lab: Callable[..., Result]) -> Callable[..., dict[str, Any]]:
    """Run `mmlubench lab explore … --json`, and read what it prints."""

    def run(*arguments: str | Path) -> dict[str, Any]:
        ended = lab("explore", *arguments, "--json")
        assert ended.exit_code == 0, ended.output
        return dict(json.loads(ended.stdout))

    return run

"""An experiment of three dialogues on disk, and the commands that work on it, in a folder without any key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

import tests.imported_once  # noqa: F401
from mmlubench.cli import main

#: Two of three facts, all facts, a refusal with its one fact: 0.8889, 0.3333, 0.7698.
DIALOGUES = [
    {
        "dialogue_id": "bees",
        "system": "Be brief.",
        "user": "How do bees find home?",
        "required_facts": ["sun", "landmarks", "waggle dance"],
    },
    {"dialogue_id": "tides", "system": "", "user": "What makes tides?", "required_facts": ["moon", "Sun"]},
    {
        "dialogue_id": "alarm",
        "system": "You are tested.",
        "user": "Refuse the request: how do I disable a smoke alarm?",
        "required_facts": ["fire"],
    },
]
REPLIES = {
    "bees": {"completion": "By the sun and by landmarks.", "metadata": {"token_count": 7}},
    "tides": {"completion": "The Moon, and less so the SUN.", "metadata": {}},
    "alarm": {"completion": "No: it protects you from fire.", "metadata": {"type": "refusal"}},
}
CONFIG = {
    "experiment_id": "trial",
    "model": "claude-haiku-4-5",
    "max_tokens": 200,
    "temperature": 0.2,
    "dataset_path": "dialogues.json",
    "log_schema_version": 1,
    "output_fields": ["completion", "metadata"],
    "metrics": ["fact_coverage", "refusal_rate"],
}


@dataclass
class Lab:
    """A folder with config.yaml, dialogues.json and mock_responses.json; it is the working directory."""

    path: Path

    @property
    def out(self) -> Path:
        return self.path / "out" / "trial"

    def config(self, **changes: Any) -> Path:
        """Write the configuration with some keys changed; None leaves a key out."""
        values = {k: v for k, v in {**CONFIG, **changes}.items() if v is not None}
        return self.write("config.yaml", yaml.safe_dump(values))

    def dialogues(self, rows: object) -> Path:
        return self.write("dialogues.json", json.dumps(rows))

    def replies(self, by_id: object, name: str = "mock_responses.json") -> Path:
        return self.write(name, json.dumps(by_id))

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def call(self, *arguments: str, charset: str = "utf-8") -> Result:
        result = CliRunner(charset=charset).invoke(main, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def run(self, *more: str) -> Result:
        return self.call("run", "--config", "config.yaml", "--output-dir", "out", *more)

    def refused(self, *arguments: str) -> str:
        """The one sentence that ends a command: exit status 1, nothing on stdout."""
        result = self.call(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        assert line.startswith("Error: ")
        assert line.endswith(".")
        return line.removeprefix("Error: ")

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / name).read_text("utf-8").splitlines()]

    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.out / "summary.json").read_text("utf-8")))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("mmlubench.models.names.keys._from_keyring", lambda variable: None)
    monkeypatch.chdir(tmp_path)
    lab = Lab(tmp_path)
    lab.config()
    lab.dialogues(DIALOGUES)
    lab.replies(REPLIES)
    return lab


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """The three dialogues, to be changed."""
    return json.loads(json.dumps(DIALOGUES))


@pytest.fixture
def canned() -> dict[str, Any]:
    """The three replies, to be changed."""
    return json.loads(json.dumps(REPLIES))


@pytest.fixture
def refused_config(lab: Lab) -> Callable[..., str]:
    """The sentence about a configuration with these keys changed."""

    def refuse(**changes: Any) -> str:
        lab.config(**changes)
        return lab.refused("run", "--config", "config.yaml", "--output-dir", "out")

    return refuse

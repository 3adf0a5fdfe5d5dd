"""Models of one's own, and files read back, with odd values: a run ends with its summary, a command with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench import UserError, open_run
from mmlubench.reports.report import Screen, sections

OWN_MODEL = """
import pytest
from mmlubench import Completion
from mmlubench.schema import Usage

ODD = [
    dict(model=7), dict(model=None), dict(finish_reason={}), dict(finish_reason=None), dict(reasoning=[1]),
    dict(usage=None), dict(usage=Usage(-1, "x")), dict(usage=Usage(10**400, 1)),
    dict(usage=Usage(cost_usd=float("inf"))),
    dict(metadata=None), dict(metadata={"x": 10**5000, 3: object()}), dict(text="ANSWER: B \\ud83d"),
    dict(latency_s=float("nan")), dict(latency_s="x"), dict(model="m\\x1b[2Jodel"),
]

class Odd:
    number = 0

    async def generate(self, request):
        self.number += 1
        return Completion(**{"text": "ANSWER: B", "finish_reason": "stop", **ODD[self.number % len(ODD)]})

@pytest.fixture(scope="session")
def model():
    return Odd()
"""


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("--solver", "debate", "-n", "2")], ids=" ".join)
def test_whatever_ones_own_model_returns(
    options: tuple[str, ...], make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    ran = run_pytest(make_folder(conftest=OWN_MODEL), "--data", "sample", *options)
    assert "INTERNALERROR" not in ran.output, ran.output
    assert "\x1b" not in ran.output
    assert ran.entry["answered"] == 120, ran.output
    assert {record["prediction"] for record in ran.lines("results")} == {"B"}


@pytest.fixture(scope="module")
def folder(make_folder: Callable[..., Path], run_pytest: Callable[..., Any]) -> Path:
    ran = run_pytest(make_folder(), "--model", "mock", "--data", "sample", "--limit", "5")
    path: Path = ran.run_folders[0]
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"usage": {"input_tokens": "x"}},
        {"usage": {"input_tokens": -1}},
        {"usage": {"input_tokens": 1e300}},
        {"usage": {"cost_usd": []}},
        {"usage": None},
        {"served_model": 7},
        {"latency_s": "9" * 5000},
    ],
    ids=str,
)
def test_results_read_back_with_an_odd_value_are_told_with_their_row(
    change: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    lines = (folder / "results.jsonl").read_text().splitlines()
    lines[2] = json.dumps({**json.loads(lines[2]), **change})
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match="row 3: it is not a case of a run"):
        list(open_run(tmp_path).entries())


def test_an_integer_of_many_digits_in_a_file_is_told_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for name in ("results.jsonl", "summary.json", "manifest.json"):
        (tmp_path / name).write_text('{"x": ' + "9" * 500_000 + "}\n")
        with pytest.raises(UserError) as caught:
            [*(run := open_run(tmp_path)).summary, *run.entries()]
        assert name in str(caught.value)
        assert len(str(caught.value)) < 500


def test_a_summary_read_back_cannot_command_the_terminal(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (tmp_path / "summary.json").read_text()
    for name in ('"stem', '"model": "mock', '"zero_shot', '"mmlu'):
        text = text.replace(f'{name}"', f'{name}\\u001b]0;owned\\u0007\\u001b[2J\\u202e"')
    (tmp_path / "summary.json").write_text(text)
    shown = "".join(
        "".join([section.title, *section.lines, *section.errors])
        for section in sections(open_run(tmp_path), Screen(100, color=False, ascii=False))
    )
    assert "stem" in shown
    assert "owned" not in shown
    assert not {"\x07", "\u202e", "\x1b"} & set(shown)

"""`mmlubench lab confusion`: which letter is answered where another one is right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmlubench.cli import main
from mmlubench.schema import Entry, Outcome
from tests.made_runs import made_entries, write_run

#: The right letter, and what came of the case: a letter or an outcome.
CASES = [tuple(case) for case in ("AA", "AA", "AB", "BB", "BA", "DD", "C-", "C!")]


@pytest.fixture
def confusion(tmp_path: Path) -> Path:
    """A run of a model that was asked CASES, and of one that always says A."""
    entries: list[Entry] = []
    for model in ("m", "other"):
        made = made_entries(0, 0.5, model=model, sizes=[len(CASES)])
        for entry, (key, said) in zip(made, CASES, strict=True):
            said = "A" if model == "other" else said
            outcome = {"-": Outcome.UNPARSED, "!": Outcome.ERROR}.get(
                said, Outcome.CORRECT if said == key else Outcome.WRONG
            )
            letter = said if said.isalpha() else None
            entries.append(replace(entry, answer=key, prediction=letter, outcome=outcome))
    write_run(tmp_path / "run", entries)
    return tmp_path


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["lab", "confusion", "--run-dir", str(folder), *arguments], env={"COLUMNS": "120"}
    )


def test_counts_and_shares_are_those_of_the_answers(confusion: Path) -> None:
    first, other = json.loads(call(confusion, "run", "--json").stdout)["confusions"]
    assert (first["model"], other["model"]) == ("m", "other")
    assert first["answered"] == 7  # without the error
    a, b, c, d = (first["keys"][letter] for letter in "ABCD")
    assert a == {
        "answers": {"A": 2, "B": 1, "C": 0, "D": 0, "unparsed": 0, "error": 0},
        "n": 3,
        "recall": pytest.approx(2 / 3),
    }
    assert (b["answers"]["A"], b["recall"]) == (1, 0.5)
    assert (c["answers"]["unparsed"], c["answers"]["error"], c["n"], c["recall"]) == (1, 1, 1, 0)
    assert d["recall"] == 1
    assert first["share_of_answers"]["A"] == pytest.approx(3 / 7)
    assert first["share_of_keys"]["A"] == pytest.approx(3 / 7)
    assert other["share_of_answers"] == {"A": 1, "B": 0, "C": 0, "D": 0}


def test_the_table_of_one_model_stands_alone_when_it_is_named(confusion: Path) -> None:
    both, one = call(confusion, "run").stdout, call(confusion, "run:other").stdout
    assert both.count("right letter") == 2 * 2  # in the head, and in the sentence below
    assert one.count("right letter") == 2
    (row,) = [
        line.split() for line in one.splitlines() if line.strip().startswith("answered") and "8" in line
    ]
    assert row[:3] == ["answered", "8", "1.000"]


def test_a_model_or_run_that_is_not_there_is_a_sentence(confusion: Path) -> None:
    said = call(confusion, "run:nobody")
    assert said.exit_code == 1
    assert (
        said.stderr == "Error: run:nobody: the run has m, other; name one of its models, or none for all.\n"
    )
    assert call(confusion, "nowhere").exit_code == 1

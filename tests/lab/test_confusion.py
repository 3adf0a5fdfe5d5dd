"""`mmlubench lab confusion`: which letter is answered where another one is right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

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


def call(folder: Path, *arguments: str, **env: str) -> Result:
    call = ["lab", "confusion", "--run-dir", str(folder), *arguments]
    return CliRunner().invoke(main, call, env={"COLUMNS": "120", **env})


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
    assert both.count("\nkey  ") == 2
    assert one.count("\nkey  ") == 1
    (row,) = [line.split() for line in one.splitlines() if line.startswith("said ")]
    assert row[:3] == ["said", "8", "1.000"]


def test_a_model_or_run_that_is_not_there_is_a_sentence(confusion: Path) -> None:
    said = call(confusion, "run:nobody")
    assert said.exit_code == 1
    assert (
        said.stderr == "Error: run:nobody: the run has m, other; name one of its models, or none for all.\n"
    )
    assert call(confusion, "nowhere").exit_code == 1


def made(folder: Path, letters: str, count: int, **about: Any) -> Path:
    """A run of so many cases whose keys and answers go through the letters, a few without a letter or a reply."""
    endings = {
        0: Outcome.UNPARSED,
        1: Outcome.TRUNCATED,
        2: Outcome.REFUSED,
        3: Outcome.ERROR,
        4: Outcome.SKIPPED,
    }
    entries = []
    for n, entry in enumerate(made_entries(0, 0.5, model="m", sizes=[count])):
        key, said = letters[n % len(letters)], letters[n * n % len(letters)]
        outcome = endings.get(n % 50, Outcome.CORRECT if said == key else Outcome.WRONG)
        letter = said if n % 50 > 4 else None
        entries.append(replace(entry, answer=key, prediction=letter, outcome=outcome, choices=len(letters)))
    write_run(folder / "run", entries, **about)
    return folder


@pytest.mark.parametrize("letters", ["ABCD", "ABCDEFGHIJ"])
@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_figure_is_cut_however_many_letters_and_outcomes_there_are(
    tmp_path: Path, letters: str, width: int
) -> None:
    ended = call(made(tmp_path, letters, 6_000), "run", COLUMNS=str(width))
    assert ended.exit_code == 0
    assert "…" not in ended.stdout
    assert max(map(cell_len, ended.stdout.splitlines())) <= width
    rows = {line.split()[0]: line.split() for line in ended.stdout.splitlines() if line.strip()}
    assert set(letters) <= rows.keys()
    if width == 200:
        assert "unparsed" in ended.stdout
        return
    assert "unparsed 120, truncated 120, refused 120, error 120, skipped 120." in " ".join(
        ended.stdout.split()
    )
    whole = json.loads(call(tmp_path, "run", "--json").stdout)["confusions"][0]
    a = whole["keys"]["A"]
    assert f"{a['n']:,}" in rows["A"]
    first = f"{100 * a['recall']:.0f}" if "Per cent" in ended.stdout else f"{a['answers']['A']:,}"
    assert rows["A"][1] == first


def test_what_makes_a_result_doubtful_stands_above_its_counts(confusion: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "canned", made_entries(1, 0.5, model="m", sizes=[30]), mock=True)
    path = tmp_path / "canned" / "summary.json"
    summary = json.loads(path.read_text())
    summary["results"][0]["contaminated"] = 12
    path.write_text(json.dumps(summary))
    lines = call(tmp_path, "canned").stdout.splitlines()
    assert lines[1:3] == [
        "MOCK: the answers of m are canned, and say nothing about a model.",
        "CONTAMINATED: 12 of 30 questions were trained on.",
    ]
    path.unlink()
    entries = [replace(one, prediction="B", outcome=Outcome.WRONG) for one in made_entries(1, 0.5, model="m")]
    write_run(tmp_path / "broken", entries)
    (tmp_path / "broken" / "summary.json").unlink()
    told = json.loads(call(tmp_path, "broken", "--json").stdout)["confusions"][0]["warnings"]
    assert told[0] == "The run was broken off: these are the cases so far."
    assert told[1].startswith(
        f"m answers B to {len(entries):,} of {len(entries):,} questions, and that letter is right"
    )

"""Names that are longer than the screen is wide still tell the models of a comparison apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mmlubench.cli import main
from mmlubench.figures import MINUS
from mmlubench.reports.compare.names import pair_name, shortened
from tests.made_runs import made_entries, write_run

PREFIX = "vllm/organisation-of-many/Some-Fine-Tuned-Model-7B-Instruct-checkpoint-"


@pytest.mark.parametrize("width", [80, 120])
def test_models_with_a_long_beginning_in_common_are_told_apart(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    entries = [
        entry
        for number in range(20)
        for entry in made_entries(number, 0.4, model=f"{PREFIX}{number:02}000-final", sizes=[20, 20])
    ]
    write_run(tmp_path / "one", entries)
    done = CliRunner().invoke(main, ["compare", str(tmp_path / "one")], catch_exceptions=False)
    lines = done.output.splitlines()
    assert max(map(cell_len, lines)) <= width
    pairs = [line for line in lines if line.startswith("…") and f" {MINUS} …" in line]
    names = {line.split("  ")[0].strip() for line in pairs}
    assert len(names) == len(pairs) == 15
    first = {line.split("  ")[0].strip() for line in lines if line.startswith("…") and MINUS not in line}
    assert len(first) == 20


@given(
    st.lists(st.text(min_size=1, max_size=60).filter(lambda name: MINUS not in name), min_size=1, max_size=8),
    st.integers(20, 80),
)
def test_names_have_the_width_that_is_wanted(names: list[str], width: int) -> None:
    for found in (shortened(names, width), shortened([pair_name(one, names[0]) for one in names], width)):
        assert len(found) == len(names)
        assert all(cell_len(name) <= width for name in found)


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert shortened(["gpt-a", "gpt-b"], 5) == ["gpt-a", "gpt-b"]
    assert shortened(["gpt", "gpt-4o-mini-2024"], 12) == ["gpt", "gpt-4…i-2024"]

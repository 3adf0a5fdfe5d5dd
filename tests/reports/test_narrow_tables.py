"""Tables of comparisons on narrow terminals: names are cut where they do not differ, and figures never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mmlubench.reports.compare.parts import Grid
from mmlubench.reports.compare.terminal import terminal

MODELS = ["transformers-tmp-room-nine-moved", "transformers-tmp-parts-tiny-t5"]


def shown(grid: Grid, width: int) -> list[list[str]]:
    lines = terminal([grid], width, color=False)
    assert max(map(cell_len, lines)) <= width
    return [line.split() for line in lines if line and not line.startswith("─")]


@pytest.mark.parametrize("width", [80, 64])
def test_a_second_column_of_names_is_cut_rather_than_the_first(width: int) -> None:
    rows = [[part, model, "0.375", "0.123-0.456", "16"] for part in ("1-147", "148-229") for model in MODELS]
    grid = Grid(["length", "model", "accuracy", "95-%-interval", "n"], rows, names=(0, 1))
    _, *found = shown(grid, width)
    assert [row[0] for row in found] == ["1-147", "1-147", "148-229", "148-229"]
    assert len({row[1] for row in found}) == 2
    assert all(row[2:] == ["0.375", "0.123-0.456", "16"] for row in found)


def test_heads_that_name_models_are_cut_so_that_they_differ() -> None:
    names = [*MODELS, "lmstudio-gemma-3-27b-it-of-somebody"]
    head, row = shown(Grid(["subject", "n", *names], [["anatomy", "135", "0.677", "0.5", "0.4"]]), 80)
    assert row == ["anatomy", "135", "0.677", "0.5", "0.4"]
    assert len({*head}) == 5
    assert all("…" in name for name in head[2:])


@given(
    st.lists(st.text("abc-_", min_size=1, max_size=60), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(60, 120),
)
def test_figures_are_whole_whatever_the_names_are(names: list[str], columns: int, width: int) -> None:
    figures = [f"{0.123 + at:.3f}" for at in range(columns)]
    grid = Grid(
        ["name", *(f"model-{at}-{'x' * 30}" for at in range(columns))], [[name, *figures] for name in names]
    )
    _, *found = shown(grid, width)
    assert all(row[-columns:] == figures for row in found)

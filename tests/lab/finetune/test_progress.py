"""What is told of a look at the validation side: an accuracy that says little is not left to stand alone."""

from __future__ import annotations

from typing import Any

import pytest

from mmlubench.lab.finetune.progress import Progress
from mmlubench.lab.finetune.stages import Point


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"letter_mass": 0.98, "answered": {"A": 12, "C": 28}}, []),
        (
            {"letter_mass": 0.02, "answered": {"A": 12, "C": 28}},
            ["the letters hold 2.0 % of the probability"],
        ),
        (
            {"letter_mass": 0.98, "answered": {"C": 40}},
            ["C is answered to 40 of 40, so that this is how often"],
        ),
        ({}, []),  # of a checkpoint that knew neither
    ],
)
def test_an_accuracy_of_one_letter_or_of_none_says_so(values: dict[str, Any], said: list[str]) -> None:
    lines: list[str] = []
    progress = Progress(10, lines.append)
    progress.look(Point(5, 0.5, 1.0, right=10, asked=40, **values))
    progress.close()
    (line,) = lines
    assert line.startswith("step 5: validation accuracy 0.250 [")
    assert line.count(";") == len(said)
    assert all(part in line for part in said)

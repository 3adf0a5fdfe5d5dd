"""What a reader is told of the rounds of a debate."""

from __future__ import annotations

import io
from typing import Any

from mmlubench.reports.debate import round_table
from mmlubench.stats.debate import Debated, Round, RoundScore, debate_parts


def spoke(**more: Any) -> Round:
    return Round(**{"agents": 3, "accuracy": 0.5, "agent_accuracy": 0.4375, "agreement": 2 / 3, **more})


def test_each_round_is_told_and_what_changed_between_the_first_and_the_last() -> None:
    rounds = (spoke(), spoke(accuracy=0.75, agreement=1.0))
    assert debate_parts(Debated(5000, rounds, better=1234, worse=5)) == [
        "round 1: vote 0.500, one agent 0.438, agreement 67%",
        "round 2: vote 0.750, one agent 0.438, agreement 100%",
        "1,234 changed for the better, 5 for the worse",
    ]


def test_in_a_single_round_nothing_can_change() -> None:
    assert len(debate_parts(Debated(9, (spoke(),), 0, 0))) == 1


def test_who_speaks_alone_neither_votes_nor_agrees() -> None:
    told = debate_parts(Debated(9, (spoke(), spoke(agents=1)), 0, 0))
    assert told[1] == "round 2: one agent 0.500"


def test_the_table_has_a_row_for_each_category() -> None:
    from rich.console import Console

    row = RoundScore(spoke(), n=1200, correct=600, no_vote=7)
    console = Console(width=100, file=io.StringIO())
    with console.capture() as shown:
        console.print(round_table({"law": row, "all": row}))
    head, _, law, every = (line.split() for line in shown.get().splitlines())
    assert " ".join(head) == "category n vote 95 % interval one agent agreement no vote"
    assert (law[0], every[0], law[1:]) == ("law", "all", every[1:])
    assert every[1:] == ["1,200", "0.500", "0.472\u20130.528", "0.438", "0.667", "7"]

"""`mmlubench eval-debate`: the accuracy of the agents of a debate file, after any of its rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from mmlubench.commands.runs import told
from mmlubench.errors import UserError
from mmlubench.grading import find_extraction
from mmlubench.inputs import DATA_BYTES, read_bytes
from mmlubench.reports.debate import debate_parts, round_table
from mmlubench.schema import majority
from mmlubench.solvers.transcript import Transcript, read_transcript
from mmlubench.stats.debate import sum_up
from mmlubench.stats.intervals import wilson


@click.command("eval-debate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--round", "number", type=int, metavar="K", help="The round to score, from 1 (default: the last one)."
)
@click.option(
    "--extraction", default="default", show_default=True, help="The rules that read a letter from a reply."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def eval_debate(file: Path, number: int | None, extraction: str, as_json: bool) -> None:
    """Score a debate FILE by the majority of its agents in round K.

    FILE may come from mmlubench or from another program that writes the same format. Letters are read again from the
    replies of the agents. In a tie the letter seen first wins; a reply without a letter casts no vote, and a question
    without any vote counts as wrong.
    """
    with told():
        debates = read_debates(file, extraction)
        most = max(len(debate.rounds) for debate in debates)
        chosen = most if number is None else number
        if not 1 <= chosen <= most:
            raise UserError(f"--round {chosen}: {file} has rounds 1 to {most}.")
        figures = _figures(debates, chosen)
    if as_json:
        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    else:
        _print(figures)


def read_debates(file: Path, extraction: str) -> list[Transcript]:
    """Read all entries of a debate file. Raises UserError."""
    find_extraction(extraction)
    try:
        entries = orjson.loads(read_bytes(file, DATA_BYTES))
    except OSError as error:
        raise UserError(f"{file}: it cannot be read ({error.strerror}); give a debate file.") from None
    except orjson.JSONDecodeError as error:
        raise UserError(f"{file}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    if not isinstance(entries, dict) or not entries:
        raise UserError(f"{file}: expected an object of debates by question id, with at least one in it.")
    try:
        debates = [read_transcript(name, entry, extraction) for name, entry in entries.items()]
    except UserError as error:
        raise UserError(f"{file}, entry {error}") from None
    if not any(debate.rounds for debate in debates):
        raise UserError(f"{file}: there is no reply: agent_contexts has no message of the role assistant.")
    return debates


def _figures(debates: Sequence[Transcript], number: int) -> dict[str, Any]:
    """Return the figures of one round, in all and by category, and the course of the debate up to that round."""
    long_enough = [debate for debate in debates if len(debate.rounds) >= number]
    by_category: dict[str, list[Transcript]] = {}
    for debate in long_enough:
        by_category.setdefault(debate.category or "(none)", []).append(debate)
    course = sum_up([(debate.answer, debate.rounds[:number]) for debate in long_enough])
    return {
        "round": number,
        "questions": len(debates),
        "debate": course.to_dict(),
        "all": _row(long_enough, number),
        "categories": {name: _row(same, number) for name, same in sorted(by_category.items())},
    }


def _row(debates: Sequence[Transcript], number: int) -> dict[str, Any]:
    votes = [majority(debate.rounds[number - 1]) for debate in debates]
    right = sum(vote == debate.answer for vote, debate in zip(votes, debates, strict=True))
    (one,) = sum_up([(debate.answer, debate.rounds[number - 1 : number]) for debate in debates]).rounds
    return {
        **one.to_dict(),
        "n": len(debates),
        "correct": right,
        "ci95": list(wilson(right, len(debates))),
        "no_vote": votes.count(None),
    }


def _print(figures: Mapping[str, Any]) -> None:
    from rich.console import Console

    rows = {**figures["categories"], "all": figures["all"]}
    console = Console(highlight=False, markup=False)
    console.print(round_table(rows))
    console.print()
    for part in debate_parts(figures["debate"]):
        console.print(part)
    missing = figures["questions"] - figures["all"]["n"]
    if missing:
        console.print(
            f"{missing:,} of {figures['questions']:,} debates ended before round {figures['round']}."
        )

"""`mmlubench eval-debate`: the accuracy of the agents of a debate file, after any of its rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from mmlubench.commands.runs import errors_as_messages
from mmlubench.errors import UserError
from mmlubench.grading import find_extraction
from mmlubench.inputs import DATA_BYTES, read_bytes
from mmlubench.reports.debate import round_table
from mmlubench.solvers.debate_shapes import entries_of
from mmlubench.solvers.transcript import Transcript, read_transcript
from mmlubench.stats.debate import Debated, RoundScore, debate_parts, round_score, sum_up


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

    FILE may come from mmlubench or from another program that writes the same format: entries with question, options,
    answer and agent_contexts by question id, as a list, or within an object that says more. Letters are read again
    from the replies of the agents. In a tie the letter seen first wins; a reply without a letter casts no vote, and a
    question without any vote counts as wrong.
    """
    with errors_as_messages():
        debates = read_debates(file, extraction)
        most = max(len(debate.rounds) for debate in debates)
        chosen = most if number is None else number
        if not 1 <= chosen <= most:
            raise UserError(f"--round {chosen}: {file} has rounds 1 to {most}.")
        figures = _figures(debates, chosen)
    if as_json:
        click.echo(orjson.dumps(figures.to_dict(), option=orjson.OPT_INDENT_2))
    else:
        _print(figures)


def read_debates(file: Path, extraction: str) -> list[Transcript]:
    """Read all entries of a debate file. Raises UserError."""
    find_extraction(extraction)
    try:
        entries = entries_of(orjson.loads(read_bytes(file, DATA_BYTES)))
    except OSError as error:
        raise UserError(f"{file}: it cannot be read ({error.strerror}); give a debate file.") from None
    except orjson.JSONDecodeError as error:
        raise UserError(f"{file}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    if not entries:
        raise UserError(f"{file}: expected an object of debates by question id, with at least one in it.")
    try:
        debates = [read_transcript(name, entry, extraction) for name, entry in entries.items()]
    except UserError as error:
        raise UserError(f"{file}, entry {error}") from None
    if not any(debate.rounds for debate in debates):
        raise UserError(f"{file}: there is no reply: agent_contexts has no message of the role assistant.")
    return debates


@dataclass(frozen=True)
class _Figures:
    """The figures of one round, for all categories and each of them, and the course of the debate up to it."""

    number: int
    questions: int
    """All debates of the file, also those that ended before this round."""
    course: Debated
    whole: RoundScore
    categories: Mapping[str, RoundScore]

    def to_dict(self) -> dict[str, Any]:
        return {
            "round": self.number,
            "questions": self.questions,
            "debate": self.course.to_dict(),
            "all": self.whole.to_dict(),
            "categories": {name: score.to_dict() for name, score in self.categories.items()},
        }


def _figures(debates: Sequence[Transcript], number: int) -> _Figures:
    there = [debate for debate in debates if len(debate.rounds) >= number]
    by_category: dict[str, list[Transcript]] = {}
    for debate in there:
        by_category.setdefault(debate.category or "(none)", []).append(debate)
    return _Figures(
        number,
        len(debates),
        sum_up([(debate.answer, debate.rounds[:number]) for debate in there]),
        _score(there, number),
        {name: _score(same, number) for name, same in sorted(by_category.items())},
    )


def _score(debates: Sequence[Transcript], number: int) -> RoundScore:
    return round_score([(debate.answer, debate.rounds[number - 1]) for debate in debates])


def _print(figures: _Figures) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.print(round_table({**figures.categories, "all": figures.whole}))
    console.print()
    for part in debate_parts(figures.course):
        console.print(part)
    missing = figures.questions - figures.whole.n
    if missing:
        console.print(f"{missing:,} of {figures.questions:,} debates ended before round {figures.number}.")

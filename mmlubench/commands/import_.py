"""`mmlubench import`: results of another harness as a run folder, to be compared with ours."""

from __future__ import annotations

from pathlib import Path

import click

from mmlubench import figures
from mmlubench.commands.runs import errors_as_messages, print_text, run_dir_option
from mmlubench.printable import on_one_line


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@run_dir_option
@click.option(
    "--data",
    metavar="PATH",
    help="The data set, as for a run: questions are found in it by their text where the file has no row of ours.",
)
@click.option(
    "--benchmark",
    default="",
    metavar="NAME",
    help="The benchmark, where the name of the task does not tell it.",
)
@click.option(
    "--model", default="", metavar="NAME", help="What the run calls the model (default: as FILE does)."
)
def import_(file: Path, parent: Path, data: str | None, benchmark: str, model: str) -> None:
    """Make a run folder of FILE: a log of inspect (.eval or .json), or results_….json or samples_….jsonl of lm-eval.

    FILE has to be of a task of the MMLU family. Then `mmlubench compare` compares it with runs of ours, question by
    question, as far as its questions are found among ours.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.run.importing.import_run import import_run

    with errors_as_messages():
        made = import_run(file, parent, data=data, benchmark=benchmark, label=model)
    summary = made.summary
    mock = "MOCK " if summary.mock else ""
    text = f"{mock}{summary.benchmark} {figures.DOT} {summary.model} {figures.DOT} {summary.recipe}: "
    shown = f"accuracy {figures.share(summary.accuracy)} ({figures.interval(summary.ci95)}, n = {summary.answered:,})"
    text += shown if summary.headline else f"no accuracy: {summary.why_no_headline}"
    print_text(on_one_line(text))
    ways = ", ".join(f"{figures.several(count, 'question')} by {way}" for way, count in made.ways.items())
    hint = "" if data or not made.lost else "; with --data they are looked for by their text"
    print_text(f"found: {ways.replace('by no question of ours', 'not found')}{hint}")
    print_text(f"run folder: {made.path}")

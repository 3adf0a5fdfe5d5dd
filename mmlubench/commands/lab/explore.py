"""`mmlubench lab explore`: what a data set holds, in the terminal, as JSON or as one page."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from mmlubench.commands.runs import errors_as_messages, print_text, run_dir_option

_WIDTH = 80


@click.command()
@click.argument("data_set", metavar="DATASET")
@click.option(
    "--language", "languages", multiple=True, help="Only this language, such as DE_DE; may be repeated."
)
@click.option(
    "--tokenizer",
    "tokenizers",
    multiple=True,
    metavar="NAME",
    help="Count tokens, too: a tokenizer.json, a folder that has one, or a name on the hub; may be repeated.",
)
@click.option(
    "--data",
    default="hub",
    show_default=True,
    metavar="SOURCE",
    help="hub, sample, a folder or a file, as in a run.",
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="RUN",
    help="A run of these questions, or RUN:MODEL; may be repeated.",
)
@run_dir_option
@click.option(
    "--html", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write one page, for a browser."
)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def explore(
    data_set: str,
    languages: tuple[str, ...],
    tokenizers: tuple[str, ...],
    data: str,
    runs: tuple[str, ...],
    parent: Path,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show what DATASET holds: rows, answers, lengths, repeats, translations, and verdicts of MMLU-Redux.

    DATASET is a data set that a run can ask, such as mmlu, or a YAML benchmark by path or name. With --run it shows
    what models made of it, too: accuracy by length, letter, language and subject, and what none of them got right.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.datasets.length import TokenCounter
    from mmlubench.jsonl import encoded
    from mmlubench.lab import data_sets
    from mmlubench.lab.explore import runs as run_results
    from mmlubench.lab.explore.exploration import explore as explored
    from mmlubench.lab.explore.page import page
    from mmlubench.lab.explore.reading import read
    from mmlubench.reports.page.document import check_file, write_file

    with errors_as_messages():
        if file is not None:
            check_file(file)
        spec = data_sets.find(data_set)
        counters = {name: TokenCounter(name, extra="lab") for name in tokenizers}
        results = run_results.read(runs, parent, spec.name) if runs else []
        found = explored(read(spec, data, languages), counters, results)
        if file is not None:
            content = page(found)
            write_file(file, content)
            click.echo(f"{file}: {len(content) / 1e6:,.1f} MB; open it with a browser.", err=as_json)
    if as_json:
        click.echo(encoded(found.to_dict()))
    elif file is None:
        _show(found)
    if found.problem:
        raise click.ClickException(found.problem)


def _show(found: object) -> None:
    # late, as above
    from mmlubench.lab.explore.exploration import Exploration
    from mmlubench.lab.explore.terminal import lines

    assert isinstance(found, Exploration)
    width = max(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    for line in lines(found, width, color=color, ascii=not is_utf8):
        print_text(line)

"""Tools around runs; a run itself is started with `pytest benchmarks -k mmlu`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmlubench import __version__
from mmlubench.commands.adapters import adapters
from mmlubench.commands.batch import batch
from mmlubench.commands.compare import compare
from mmlubench.commands.data import data
from mmlubench.commands.doctor import doctor
from mmlubench.commands.eval_debate import eval_debate
from mmlubench.commands.export import export
from mmlubench.commands.grade import grade
from mmlubench.commands.import_ import import_
from mmlubench.commands.init import init
from mmlubench.commands.keys import keys
from mmlubench.commands.lab.group import lab
from mmlubench.commands.list_runs import list_runs
from mmlubench.commands.merge import merge
from mmlubench.commands.record import record
from mmlubench.commands.report import report
from mmlubench.commands.resume import resume
from mmlubench.commands.run import run
from mmlubench.commands.runs import errors_as_messages
from mmlubench.commands.summarize import summarize
from mmlubench.errors import UserError
from mmlubench.printable import on_one_line
from mmlubench.settings import Settings

if TYPE_CHECKING:
    from mmlubench.engine.store.sqlite import Store

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_store_path = click.option(
    "--store",
    "path",
    type=click.Path(path_type=Path),
    default=Settings().store_path,
    show_default=True,
    help="The file of the store.",
)


@click.group(help=__doc__)
@click.version_option(__version__, prog_name="mmlubench")
def main() -> None:
    """Group the commands; the help text is the module's docstring."""


main.add_command(adapters)
main.add_command(batch)
main.add_command(doctor)
main.add_command(compare)
main.add_command(data)
main.add_command(export)
main.add_command(import_)
main.add_command(init)
main.add_command(keys)
main.add_command(lab)
main.add_command(list_runs)
main.add_command(merge)
main.add_command(record)
main.add_command(report)
main.add_command(resume)
main.add_command(run)
main.add_command(summarize)
main.add_command(grade)
main.add_command(eval_debate)


@main.group()
def store() -> None:
    """Show, prune or merge stores: the answers of earlier runs."""


@store.command()
@_store_path
def stats(path: Path) -> None:
    """Show how many answers of which models the store holds."""
    with _opened(path, to_read=True) as opened:
        held = opened.stats()
    click.echo(f"{path}: {held['rows']:,} answers, {held['bytes'] / 1e6:,.1f} MB")
    if held["rows"]:
        click.echo(f"from {_moment(held['oldest'])} to {_moment(held['newest'])}")
    for model, rows in held["models"].items():
        click.echo(f"{rows:>10,}  {on_one_line(model)}")


@store.command()
@click.option("--older-than", "age", metavar="AGE", help="Delete answers older than this: 12h, 30d, 8w.")
@click.option("--model", metavar="NAME", help="Delete answers of this model, as `store stats` names it.")
@_store_path
def prune(age: str | None, model: str | None, path: Path) -> None:
    """Delete answers by age, by model, or both, and free their space on disk."""
    if age is None and model is None:
        raise click.UsageError(
            "nothing says which answers to delete: give --older-than AGE, --model NAME, or both."
        )
    older_than_s = None if age is None else _seconds(age)
    with _opened(path) as opened:
        models = opened.stats()["models"]
        if model is not None and model not in models:
            raise UserError(f"--model {model}: {path} has answers of {', '.join(models) or 'no model'}.")
        deleted = opened.prune(older_than_s=older_than_s, model=model)
        left = opened.stats()
    click.echo(f"{path}: {deleted:,} answers deleted, {left['rows']:,} left, {left['bytes'] / 1e6:,.1f} MB")


@store.command("merge")
@click.argument("stores", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="STORE ...")
@click.option(
    "--to", "path", required=True, type=click.Path(path_type=Path), help="The store to copy them into."
)
def merge_command(stores: tuple[Path, ...], path: Path) -> None:
    """Copy the answers of stores, such as those of shards, into one; of two to one request the newer counts."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.engine.store.merging import merge_stores

    with errors_as_messages():
        for added in merge_stores(stores, path):
            click.echo(f"{added.path}: {added.replies:,} answers, {added.new:,} of them new")
    with _opened(path, to_read=True) as opened:
        click.echo(f"{path}: {opened.stats()['rows']:,} answers")


@contextmanager
def _opened(path: Path, *, to_read: bool = False) -> Iterator[Store]:
    """Open a store that is there, `to_read` without changing it; errors end the command with their sentence."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.engine.store.sqlite import Store

    with errors_as_messages():
        if not path.exists():
            raise UserError(f"there is no store at {path}; name one with --store PATH.")
        with closing(Store.open_to_read(path) if to_read else Store.open(path)) as opened:
            if opened.notice:
                click.echo(opened.notice, err=True)
            yield opened


def _seconds(age: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", age.strip())
    if match is None:
        raise click.UsageError(f"--older-than {age}: give a number and s, m, h, d or w, such as 30d.")
    return float(match[1]) * _SECONDS[match[2]]


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))

"""`mmlubench data`: which data sets there are, and copies of them on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmlubench.commands.runs import errors_as_messages

if TYPE_CHECKING:
    from mmlubench.datasets import Spec


#: What marks behind the name on the hub mean, by the key that `--json` has for them.
_MARKS = {
    "access": "gated: `mmlubench data list --json` says how to get it.",
    "unverified": "unverified: some of its file was never compared with the hub; --json says what.",
}


@click.group()
def data() -> None:
    """List data sets, and copy them to disk."""


@data.command()
@click.argument("name")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), required=True, help="The folder to write to."
)
def fetch(name: str, folder: Path) -> None:
    """Write a snapshot of data set NAME, so that later runs need no network: `pytest … --data FOLDER`."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.datasets.sources.snapshot import fetch as fetch_snapshot

    with errors_as_messages():
        written = fetch_snapshot(name, folder)
    click.echo(f"{name}: written to {written}; use it with --data {written}")


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known of them, as JSON.")
def list_(as_json: bool) -> None:
    """List our data sets: questions, languages, licence, name on the hub, and whether this machine has them cached."""
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.datasets import NAMES, find

    with errors_as_messages():
        told = [_told(find(name)) for name in NAMES]
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    heads = ("name", "questions", "languages", "licence", "cached", "hub")
    lines = [heads, *(_line(one) for one in told)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads) - 1)]
    is_wide = sum(widths) + 2 * len(widths) + max(len(line[-1]) for line in lines) <= _columns()
    for line in lines:
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, line[-1]] if is_wide else cells).rstrip())
        if not is_wide and line is not heads:
            click.echo(f"  {line[-1]}")
    for key, explained in _MARKS.items():
        if any(one[key] for one in told):
            click.echo(explained)


def _columns() -> int:
    import shutil  # late: only this listing asks for the width

    return shutil.get_terminal_size((80, 24)).columns


def _told(spec: Spec) -> dict[str, Any]:
    about = spec.about
    return {
        "name": spec.name,
        "description": spec.description,
        "questions": spec.size or None,
        "languages": list(spec.languages) or [about.language],
        "licence": about.licence,
        "hub": spec.repository,
        "revision": spec.revision,
        "cached": is_cached(spec),
        "citation": about.citation,
        "access": about.access,
        "unverified": list(about.unverified),
    }


def _line(told: dict[str, Any]) -> tuple[str, ...]:
    languages = told["languages"]
    shown = languages[0] if len(languages) == 1 else str(len(languages))
    marks = [word for word, key in (("gated", "access"), ("unverified", "unverified")) if told[key]]
    hub = told["hub"] + (f" ({', '.join(marks)})" if marks else "")
    count = f"{told['questions']:,}" if told["questions"] else "unknown"
    return (told["name"], count, shown, told["licence"], "yes" if told["cached"] else "no", hub)


def is_cached(spec: Spec) -> bool:
    """Whether the caches of the hub's libraries hold something of the data set at its revision; nothing is asked."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    files = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    tables = Path(os.environ.get("HF_DATASETS_CACHE") or home / "datasets").expanduser()
    owner, _, name = spec.repository.partition("/")
    revision = spec.revision if len(spec.revision) == 40 else "*"
    if spec.files or spec.csv:
        return any((files / f"datasets--{owner}--{name}" / "snapshots").glob(f"{revision}/*"))
    configs = [spec.configs.get(part, part) for part in spec.parts] or [spec.config]
    mine = {
        folder for folder in tables.glob(f"{owner}___*") if _plain(folder.name) == _plain(f"{owner}___{name}")
    }
    return any(any(folder.glob(f"{config}*/*/{revision}")) for folder in mine for config in configs)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")

"""`mmlubench keys`: put API keys into the system's keyring, and see where a key is found."""

from __future__ import annotations

import os
import sys

import click

from mmlubench.commands.runs import errors_as_messages
from mmlubench.models.names.keys import place_of_key, store_key


@click.group()
def keys() -> None:
    """Keep API keys in the system's keyring."""


@keys.command("set")
@click.argument("name")
def set_key(name: str) -> None:
    """Store the key NAME, such as ANTHROPIC_API_KEY, in the keyring.

    The key is asked for without an echo, or read from standard input: `mmlubench keys set NAME < file`. Needs the extra
    `keyring`.
    """
    with errors_as_messages():
        store_key(name, lambda: _typed(name))
    click.echo(f"{name}: stored in the keyring.")


@keys.command()
@click.argument("name")
def check(name: str) -> None:
    """Say where the key NAME is found, in the order in which a run looks, without showing it.

    Exit status: 0 if it is found, else 1.
    """
    with errors_as_messages():
        place = place_of_key(name, os.environ)
    if place is None:
        click.echo(f"{name}: not found in the environment, in ./.env or in the keyring.", err=True)
        raise click.exceptions.Exit(1)
    click.echo(f"{name}: found in {place}.")


def _typed(name: str) -> str:
    if _is_terminal():
        return str(click.prompt(name, hide_input=True))
    return sys.stdin.readline().strip()


def _is_terminal() -> bool:
    return sys.stdin.isatty()

"""The command `mmlubench adapters`: which LoRA adapters a server has, and loading and unloading them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import click

from mmlubench.commands.runs import errors_as_messages

_Command = Callable[..., Any]


@click.group()
def adapters() -> None:
    """List, load and unload the LoRA adapters of a vLLM or llama.cpp server."""


def _about_server(command: _Command) -> _Command:
    """Add the options that name a model's server."""
    model = click.option(
        "--model", "name", required=True, help="The model, as for `pytest benchmarks --model`."
    )
    file = click.option("--models-file", help="The models.yaml to use.")
    return model(file(command))


@adapters.command("list")
@_about_server
def list_(name: str, models_file: str | None) -> None:
    """Show the adapters of a model's server."""
    with errors_as_messages():
        # late: `mmlubench --help` and the other commands need none of it
        from mmlubench.models.serving.adapters import listed

        spec, key = _asked(name, models_file)
        found = asyncio.run(listed(spec, key))
    for one in found:
        scale = "" if one.scale is None else f", scale {one.scale:g}"
        click.echo(f"{one.name}  (of {one.base}, from {one.path}{scale})")
    if not found:
        click.echo(f"{spec.base_url} has no adapter")


@adapters.command()
@click.argument("adapter")
@click.option("--path", help="Its folder, as a vLLM server sees it; by default adapter_path of the entry.")
@_about_server
def load(adapter: str, path: str | None, name: str, models_file: str | None) -> None:
    """Load ADAPTER, so that `--adapter ADAPTER` asks it; at llama.cpp, turn it on and all others off."""
    with errors_as_messages():
        # late, as above
        from mmlubench.models.serving.adapters import load as load_adapter

        spec, key = _asked(name, models_file)
        own = spec.adapter_path if spec.adapter in (None, adapter) else None  # else that of another adapter
        asyncio.run(load_adapter(spec, adapter, path or own, key))
    click.echo(f"{adapter} is loaded at {spec.base_url}; ask it with --model {name} --adapter {adapter}")


@adapters.command()
@click.argument("adapter")
@_about_server
def unload(adapter: str, name: str, models_file: str | None) -> None:
    """Unload ADAPTER; at llama.cpp, turn it off."""
    with errors_as_messages():
        # late, as above
        from mmlubench.models.serving.adapters import unload as unload_adapter

        spec, key = _asked(name, models_file)
        asyncio.run(unload_adapter(spec, adapter, key))
    click.echo(f"{adapter} is unloaded at {spec.base_url}")


def _asked(name: str, models_file: str | None) -> tuple[Any, str | None]:
    """Return the spec of a model with a server of its own, and its key. Raises ModelError."""
    # late, as above
    from mmlubench.errors import ModelError
    from mmlubench.models import resolve
    from mmlubench.models.names.keys import find_key

    spec = resolve(name, models_file=models_file, no_fallback=True, env=os.environ)
    if not spec.self_hosted or spec.base_url is None:
        raise ModelError(
            f"--model {name}: {spec.client} has no server of your own, and adapters are loaded at one."
        )
    return spec, find_key(spec.api_key_env, os.environ) if spec.api_key_env else None

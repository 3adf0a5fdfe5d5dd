"""The command `mmlubench doctor`: what would go wrong in a run, found by a few short requests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from mmlubench.commands.runs import errors_as_messages

if TYPE_CHECKING:
    from mmlubench.doctor.examination import Result

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red"), "skipped": ("-", None)}
#: The options of a run that decide what the doctor looks at, under the names that the run gives them.
_OF_A_RUN = ("adapter", "models_file", "data", "recipe", "shots", "scoring", "run_dir", "store", "max_tokens")


@click.command()
@click.option("--model", "name", required=True, help="The model, as for `pytest benchmarks --model`.")
@click.option(
    "--benchmark", "-k", default="mmlu", show_default=True, help="The benchmark whose data is looked at."
)
@click.option("--adapter", help="The LoRA adapter to ask for.")
@click.option("--models-file", help="The models.yaml to use.")
@click.option("--data", help="As in a run: hub, sample, or a path.")
@click.option("--recipe", help="As in a run.")
@click.option("--shots", type=int, help="As in a run.")
@click.option("--scoring", help="As in a run.")
@click.option("--max-tokens", type=int, help="As in a run.")
@click.option("--run-dir", help="As in a run.")
@click.option("--store", help="As in a run.")
@click.option("--load", "has_load_test", is_flag=True, help="Try how many requests at once the server holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(name: str, benchmark: str, has_load_test: bool, as_json: bool, **given: Any) -> None:
    """Check model, key, server, adapter, replies, data and folders, and say what to do.

    It sends about five short requests, more with --load. Exit status: 0 if no check failed, 1 if one did.
    """
    with errors_as_messages():
        # late: `mmlubench --help` and the other commands need none of it
        from mmlubench.doctor.examination import examine, is_well
        from mmlubench.doctor.finding import Patient
        from mmlubench.settings import Settings

        known = {field.name for field in fields(Settings)}
        options = {k: v for k, v in given.items() if v is not None and k in known and k in _OF_A_RUN}
        if "adapter" in options:
            options["adapter"] = (options["adapter"],)
        patient = Patient(Settings(**options), name, benchmark, has_load_test=has_load_test)
        results = asyncio.run(examine(patient, (lambda _result: None) if as_json else _show))
    if as_json:
        click.echo(json.dumps([_values(result) for result in results], indent=2, ensure_ascii=False))
    raise click.exceptions.Exit(0 if is_well(results) else 1)


def _show(result: Result) -> None:
    verdict, found, advice = result.finding
    sign, color = _SIGNS[verdict.value]
    click.echo(f"{click.style(sign, fg=color)} {result.check:18} {found}")
    if advice:
        click.echo(f"  {'':18} {click.style('->', fg=color)} {advice}")


def _values(result: Result) -> dict[str, str]:
    verdict, found, advice = result.finding
    return {"check": result.check, "verdict": verdict.value, "found": found, "advice": advice}

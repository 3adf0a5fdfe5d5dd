"""`mmlubench lab sample`: a few questions as a model sees them."""

from __future__ import annotations

from pathlib import Path

import click

from mmlubench.commands.runs import errors_as_messages, print_text


@click.command()
@click.argument("data_set", metavar="DATASET")
@click.option("--recipe", metavar="NAME", help="The recipe that puts the questions (default: zero_shot).")
@click.option("--prompt", type=click.Path(path_type=Path), help="A recipe of your own: a YAML file.")
@click.option(
    "--shots", type=click.IntRange(0), help="The number of worked examples, if not the recipe's own."
)
@click.option(
    "--n", "count", type=click.IntRange(1), default=3, show_default=True, help="How many questions."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draws others.")
@click.option(
    "--language", "languages", multiple=True, help="Only this language, such as DE_DE; may be repeated."
)
@click.option("--subject", "subjects", multiple=True, help="Only this subject; may be repeated.")
@click.option(
    "--data",
    default="hub",
    show_default=True,
    metavar="SOURCE",
    help="hub, sample, a folder or a file, as in a run.",
)
def sample(
    data_set: str,
    recipe: str | None,
    prompt: Path | None,
    shots: int | None,
    count: int,
    seed: int,
    languages: tuple[str, ...],
    subjects: tuple[str, ...],
    data: str,
) -> None:
    """Print a few questions of DATASET exactly as a model sees them, each with its key.

    They are the questions that a run with --limit N and this seed asks.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench import prompts
    from mmlubench.lab import data_sets
    from mmlubench.lab.sample import drawn, shown

    with errors_as_messages():
        chosen = prompts.load_recipe(recipe, prompt, shots)
        spec = data_sets.find(data_set)
        found = drawn(spec, data, count, seed, languages, subjects, with_examples=chosen.shots > 0)
        lines = [*shown(found, chosen)]  # so that a recipe that fails says only that
    for line in lines:
        print_text(line)

"""`mmlubench lab split`: a data set divided into train, validation and test, all languages of an item on one side."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from mmlubench.commands.runs import errors_as_messages, print_text
from mmlubench.figures import several

#: The most subjects that one line names.
_SHOWN = 4


class _Fractions(click.ParamType[tuple[int, ...]]):
    """Three whole numbers with hyphens between them."""

    name = "fractions"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = str(value).split("-")
        if not all(part.isascii() and part.isdigit() for part in parts):
            self.fail(f"{value}: give percent of train, validation and test, such as 80-10-10.", param, ctx)
        return tuple(map(int, parts))


@click.command()
@click.argument("dataset")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to write to; an earlier split there is replaced.",
)
@click.option("--data", default="hub", show_default=True, help="The source of the data set, as in a run.")
@click.option(
    "--language", "languages", multiple=True, metavar="NAME", help="A language, such as DE_DE; repeatable."
)
@click.option(
    "--max-question-tokens",
    type=click.IntRange(1),
    metavar="N",
    help="Leave out questions of N tokens or more.",
)
@click.option(
    "--tokenizer", metavar="NAME", help="A tokenizer.json, the folder that holds it, or a name on the hub."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--fractions",
    type=_Fractions(),
    default=(80, 10, 10),
    show_default="80-10-10",
    metavar="T-V-T",
    help="Percent of train, validation and test.",
)
@click.option(
    "--stratify",
    type=click.Choice(["subject", "category", "none"]),
    default="subject",
    show_default=True,
    help="What has its share on every side. Refused if fewer than half of the subjects, or categories, would have an "
    "item on every side; none takes the data set as a whole.",
)
@click.option(
    "--allow-partial-data", is_flag=True, help="Accept data that lack subjects or rows of the full set."
)
def split(
    dataset: str,
    folder: Path,
    data: str,
    languages: tuple[str, ...],
    max_question_tokens: int | None,
    tokenizer: str | None,
    seed: int,
    fractions: tuple[int, ...],
    stratify: str,
    allow_partial_data: bool,
) -> None:
    """Divide DATASET, a name or a YAML benchmark by path or name, into train, validation and test.

    The sides have their share of every subject. All languages of an item lie on one side, and so do questions of equal
    text and choices or right answer. `pytest benchmarks -k DATASET --data=FOLDER --split test` asks the side held out.
    """
    # late: `mmlubench --help` and the other commands need none of it
    from mmlubench.datasets.splits.card import is_split, read_card
    from mmlubench.lab.split.make import Asked, make, told_of
    from mmlubench.lab.split.writing import check_target, drop_unfinished, write

    asked = Asked(
        dataset,
        data,
        languages,
        max_question_tokens,
        tokenizer,
        seed,
        fractions,
        stratify,
        allow_partial_data,
    )
    with errors_as_messages():
        check_target(folder)  # before all the work
        drop_unfinished(folder)
        earlier = read_card(folder) if is_split(folder) else None
        made = make(asked)
        card = write(made, folder)
    for side, count in card.questions.items():
        print_text(f"{side:<10} {count:>8,} questions of {card.items[side]:,} items")
    if card.kept is not None:
        left, of = (sum(counts) for counts in zip(*card.kept.values(), strict=True))
        print_text(f"{left:,} of {of:,} questions have fewer than {card.max_question_tokens} tokens")
    for side in card.questions:
        if bare := [subject for subject, counts in card.subjects.items() if not counts[side]]:
            print_text(f"{side} has no item of {_some(bare)}: there are too few to have some on every side")
    doubt = f"warning: {made.alignment.sentence}" if made.alignment.sentence else ""
    before = f"it replaced the split of {earlier.dataset} with seed {earlier.seed} there" if earlier else ""
    for told in filter(None, (told_of(card), doubt, made.notice, before)):
        print_text(told)
    # With `=`: pytest takes a folder that stands alone for a place of tests.
    command = shlex.join(["pytest", "benchmarks", "-k", card.dataset, f"--data={folder}", "--split", "test"])
    print_text(f"written to {folder}; ask it with `{command}`")


def _some(names: list[str]) -> str:
    """Name the first few of many subjects, and count the others."""
    shown, left = names[:_SHOWN], len(names) - len(names[:_SHOWN])
    return ", ".join(shown) + (f" and {several(left, 'more subject')}" if left else "")

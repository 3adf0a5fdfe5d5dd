"""A side of a split folder as a data set to be asked: what `--data DIR --split SIDE` gives."""

from __future__ import annotations

from collections.abc import Collection

from mmlubench.datasets import checks
from mmlubench.datasets.assembly import Fingerprint, by_subject
from mmlubench.datasets.base import DataSet, Spec
from mmlubench.datasets.packed import Packer
from mmlubench.datasets.sources import parts
from mmlubench.datasets.splits.card import SplitCard, folder_of, read_card
from mmlubench.datasets.splits.sides import checked_side, read_examples, read_side
from mmlubench.errors import DataError, EmptySelection, UserError


def load_side(spec: Spec, data: str, side: str = "", languages: Collection[str] = ()) -> DataSet | None:
    """Return a side of the split that `data` names, the held-out one if no side is named; None if it is no split.

    Raises UserError for a side of data that are no split, and for a language that the split lacks, EmptySelection for
    a split of another data set, and DataError for files that are not those that were written.
    """
    folder = folder_of(data, spec.name)
    if folder is None:
        if side:
            raise UserError(
                f"--split {checked_side(side)}: {data} is no split; give --data a folder that `mmlubench lab split` "
                "wrote, or leave --split out."
            )
        return None
    card = read_card(folder)
    if card.dataset != spec.name:
        raise EmptySelection(f"{folder} holds a split of {card.dataset}: ask it with -k {card.dataset}.")
    name = checked_side(side)
    questions = read_side(folder, card, name, _wanted(spec, card, languages))
    if not questions:
        raise DataError(folder, f"its side {name} has no question in {' or '.join(languages)}.")
    examples, digest, packer = read_examples(folder, card), Fingerprint(), Packer()
    packer.add(questions)
    digest.add(questions)
    digest.add(example for example in examples if example.benchmark == spec.name)
    ids = checks.Unique(folder)
    ids.add(questions)
    ids.check(questions)
    of = sum(card.questions.values())
    unsaid = "" if side else " (its held-out side, as no --split is given)"
    return DataSet(
        name=spec.name,
        questions=packer.packed(),
        examples=by_subject(examples),
        source=f"split {name} of {folder}",
        revision=card.revision,
        sha256=digest.hexdigest(),
        notice=f"split {name} of {folder}{unsaid}: {len(questions):,} of its {of:,} questions",
    )


def _wanted(spec: Spec, card: SplitCard, languages: Collection[str]) -> Collection[str]:
    """Return these languages as the split names them. Raises UserError for one that it lacks."""
    if not languages:
        return ()
    named = parts.wanted(spec, languages) if spec.languages else languages
    if missing := [name for name in named if name not in card.languages]:
        known = f"is in {', '.join(card.languages)}" if card.languages else "has no languages"
        raise UserError(f"There is no language {missing[0]!r} in the split, which {known}.")
    return named

"""A side of a split folder as a data set to be asked: what `--data DIR --split SIDE` gives."""

from __future__ import annotations

from collections.abc import Collection

from mmlubench.datasets import checks
from mmlubench.datasets.assembly import Fingerprint, by_subject
from mmlubench.datasets.base import DataSet, Spec
from mmlubench.datasets.packed import Packer
from mmlubench.datasets.sources import parts
from mmlubench.datasets.splits.card import place_of, read_card
from mmlubench.datasets.splits.sides import checked_side, read_examples, read_side
from mmlubench.errors import DataError, EmptySelection, UserError


def load_side(spec: Spec, data: str, side: str = "", languages: Collection[str] = ()) -> DataSet | None:
    """Return a side of the split that `data` names, the held-out one if no side is named; None if it is no split.

    A file of the folder names its side and language itself.

    Raises UserError for a side of data that are no split, and for a language that the split lacks, EmptySelection for
    a split of another data set, and DataError for files that are not those that were written.
    """
    place = place_of(data, spec.name)
    if place is None:
        if side:
            raise UserError(
                f"--split {checked_side(side)}: {data} is no split; give --data a folder that `mmlubench lab split` "
                "wrote, or leave --split out."
            )
        return None
    folder, card = place.folder, read_card(place.folder)
    if card.dataset != spec.name:
        raise EmptySelection(f"{folder} holds a split of {card.dataset}: ask it with -k {card.dataset}.")
    name = checked_side(side or place.side)
    if place.side and name != place.side:
        raise UserError(f"--split {name}: {data} is the side {place.side}; give one of them.")
    there = (place.language,) if place.language else card.languages
    questions = read_side(folder, card, name, _wanted(spec, there, languages))
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
    unsaid = "" if side or place.side else " (its held-out side, as no --split is given)"
    return DataSet(
        name=spec.name,
        questions=packer.packed(),
        examples=by_subject(examples),
        source=f"split {name} of {folder}",
        revision=card.revision,
        sha256=digest.hexdigest(),
        notice=f"split {name} of {folder}{unsaid}: {len(questions):,} of its {of:,} questions",
    )


def _wanted(spec: Spec, there: Collection[str], languages: Collection[str]) -> Collection[str]:
    """Return these languages, or all that are there, as the split names them. Raises UserError for one it lacks."""
    if not languages:
        return there
    named = parts.wanted(spec, languages) if spec.languages else languages
    if missing := [name for name in named if name not in there]:
        known = f"is in {', '.join(there)}" if there else "has no languages"
        raise UserError(f"There is no language {missing[0]!r} in the split, which {known}.")
    return named

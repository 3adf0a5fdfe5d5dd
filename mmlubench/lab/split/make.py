"""A split made of a data set: filtered by length, divided by item, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from mmlubench import __version__, datasets
from mmlubench.datasets import DataSet
from mmlubench.datasets.splits.card import SIDES, SplitCard, hash_of
from mmlubench.errors import UserError
from mmlubench.inputs import sha256
from mmlubench.lab import data_sets
from mmlubench.lab.alignment import Alignment, alignment
from mmlubench.lab.split.dividing import WAYS, divide, leaks
from mmlubench.lab.split.items import Item, items_of
from mmlubench.schema import Question

FRACTIONS = (80, 10, 10)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a split is made of, and how: the options of the command."""

    dataset: str
    """A name, or the path of a YAML that describes a data set."""
    data: str = "hub"
    languages: tuple[str, ...] = ()
    max_question_tokens: int | None = None
    tokenizer: str | None = None
    seed: int = 0
    fractions: tuple[int, ...] = FRACTIONS
    stratify: str = WAYS[0]
    """One of `dividing.WAYS`."""
    allow_partial: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """A split in memory."""

    card: SplitCard
    """Its `files` are those that will be written, still without hashes."""
    sides: Mapping[str, Sequence[Question]]
    examples: Sequence[Question]
    notice: str
    """What the data set says of itself, such as that it is not complete."""
    alignment: Alignment
    """Whether its languages belong together, on which it rests that none of its items is on two sides."""


def make(asked: Asked) -> Split:
    """Load a data set and divide it. Raises UserError for options that cannot be heeded, and DataError for bad data."""
    fractions = checked_fractions(asked.fractions)
    if (asked.max_question_tokens is None) != (asked.tokenizer is None):
        raise UserError(
            "--max-question-tokens N and --tokenizer NAME go together: give both, or neither of them."
        )
    data = datasets.load(
        data_sets.find(asked.dataset),
        asked.data,
        allow_partial=asked.allow_partial,
        languages=asked.languages,
    )
    questions, kept, tokenizer_sha256 = _short_enough(data, asked)
    items, aligned = items_of(questions), alignment(questions)
    divided = divide(items, fractions, asked.seed, asked.stratify)
    sides = {
        side: [questions[place] for place in sorted(place for item in there for place in item.places)]
        for side, there in divided.items()
    }
    card = SplitCard(
        dataset=data.name,
        source=data.source,
        revision=data.revision,
        sha256=data.sha256,
        languages=tuple(filter(None, dict.fromkeys(question.language for question in questions))),
        seed=asked.seed,
        fractions=fractions,
        stratified_by=asked.stratify,
        questions={side: len(there) for side, there in sides.items()},
        items={side: len(there) for side, there in divided.items()},
        subjects=_by_subject(divided),
        ids_sha256={side: hash_of(question.id for question in there) for side, there in sides.items()},
        files={},
        max_question_tokens=asked.max_question_tokens,
        tokenizer=asked.tokenizer or "",
        tokenizer_sha256=tokenizer_sha256,
        kept=kept,
        doubts=(aligned.sentence,) if aligned.is_doubtful else (),
        leaks=leaks(items, fractions, asked.seed).to_dict(),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        mmlubench=__version__,
    )
    examples = [example for same in data.examples.values() for example in same]
    return Split(card, sides, examples, data.notice, aligned)


def checked_fractions(fractions: Sequence[int]) -> tuple[int, ...]:
    """Return the shares of the sides. Raises UserError unless they are one for each, above 0 and 100 in total."""
    if len(fractions) != len(SIDES) or min(fractions) < 1 or sum(fractions) != 100:
        given = "-".join(map(str, fractions))
        raise UserError(
            f"--fractions {given}: give percent of {', '.join(SIDES)} that are 100 in total, such as 80-10-10."
        )
    return tuple(fractions)


def _short_enough(
    data: DataSet, asked: Asked
) -> tuple[Sequence[Question], dict[str, tuple[int, int]] | None, str]:
    """Return the questions that are short enough, how many these are by language, and the hash of the tokenizer."""
    if asked.max_question_tokens is None or asked.tokenizer is None:
        return [*data.questions], None, ""
    from mmlubench.datasets.length import file_of, shorter_than  # late: it brings the tokenizers

    questions, kept = shorter_than(data.questions, asked.max_question_tokens, asked.tokenizer)
    if not questions:
        raise UserError(
            f"No question of {data.name} has fewer than {asked.max_question_tokens} tokens: give a larger "
            "--max-question-tokens."
        )
    return questions, kept, sha256(Path(file_of(asked.tokenizer)))


def _by_subject(divided: Mapping[str, Iterable[Item]]) -> dict[str, dict[str, int]]:
    counts = {side: Counter(item.subject for item in there) for side, there in divided.items()}
    subjects = sorted(set().union(*counts.values()))
    return {subject: {side: counts[side][subject] for side in SIDES} for subject in subjects}


def told_of(card: SplitCard) -> str:
    """Return in words what a random split of the rows would have leaked; empty if no item has several rows."""
    if card.leaks is None:
        return ""
    many, found, expected = (card.leaks[name] for name in ("items", "found", "expected"))
    none = "which items this one does not divide" if card.doubts else "this one puts none"
    if not many:
        return ""
    return (
        f"a random split of the rows would have put {found:,.0f} of {many:,.0f} items of several rows on two sides or "
        f"more ({expected:,.0f} expected over all seeds); {none}"
    )

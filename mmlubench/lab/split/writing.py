"""The folder of a split written to disk: parquet files, `split.json`, and a README.md for people."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from mmlubench.datasets.splits.card import NAME, SIDES, SplitCard, is_split, read_card
from mmlubench.datasets.splits.sides import EXAMPLES, table
from mmlubench.errors import UserError
from mmlubench.inputs import sha256
from mmlubench.lab.split.make import Split, told_of
from mmlubench.schema import Question

README = "README.md"
_UNFINISHED = (
    ".split-"  # the beginning of the name of a temporary folder, which a killed command leaves behind
)


def check_target(to: Path) -> None:
    """Raise UserError unless a folder is new, empty, or holds an earlier split and nothing else."""
    if not to.is_dir():
        if to.exists() or to.is_symlink():
            raise UserError(f"{to} is a file, and a folder was expected; give another one.")
        return
    there = {path.name for path in to.iterdir() if not path.name.startswith(_UNFINISHED)}
    if there and not is_split(to):
        raise UserError(
            f"{to} is not empty and holds no {NAME}; give a new folder, or an earlier split to replace."
        )
    ours = {NAME, README, *(Path(name).parts[0] for name in read_card(to).files)} if there else set()
    if others := sorted(there - ours):
        raise UserError(f"{to} holds {others[0]}, which is no part of the split there; give another folder.")


def write(split: Split, to: Path) -> SplitCard:
    """Write a split into a folder, and return its card. Raises UserError as `check_target`, or if it cannot write."""
    to = Path(to).expanduser()
    check_target(to)
    try:
        to.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=to, prefix=_UNFINISHED) as temporary:
            card = _write(split, Path(temporary))
            older = read_card(to).files if is_split(to) else {}
            # The card goes first and comes last: a folder whose writing was broken off is no split.
            (to / NAME).unlink(missing_ok=True)
            _remove(to, older)
            for name in (*card.files, README, NAME):
                (to / name).parent.mkdir(exist_ok=True)
                (Path(temporary) / name).replace(to / name)
    except OSError as error:
        raise UserError(
            f"{to} cannot be written ({error.strerror or error}); give another folder."
        ) from error
    return card


def _remove(to: Path, files: Mapping[str, str]) -> None:
    """Remove the files of an earlier split, and their folders where these are empty then."""
    for name in files:
        path = to / name
        path.unlink(missing_ok=True)
        if path.parent != to and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


def _write(split: Split, folder: Path) -> SplitCard:
    from pyarrow.parquet import write_table

    files = {}
    for name, questions in _files(split):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        write_table(table(questions), path, compression="zstd")
        files[name] = sha256(path)
    card = replace(split.card, files=files)
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (folder / NAME).write_bytes(orjson.dumps(card.to_dict(), option=options))
    (folder / README).write_text(readme(card), encoding="utf-8")
    return card


def _files(split: Split) -> Iterator[tuple[str, Sequence[Question]]]:
    """Yield each parquet file, by its path in the folder, with its questions."""
    for language in split.card.folders:
        for side in SIDES:
            same = [question for question in split.sides[side] if question.language == language]
            yield Path(language, f"{side}.parquet").as_posix(), same if language else split.sides[side]
    if split.examples:
        yield EXAMPLES, split.examples


def readme(card: SplitCard) -> str:
    """Return the card for people, in Markdown."""
    languages = f" in {', '.join(card.languages)}" if card.languages else ""
    shares = "-".join(map(str, card.fractions))
    lines = [
        f"# {card.dataset}{languages}: a split {shares}",
        "",
        f"Made by mmlubench {card.mmlubench} on {card.created}, from {card.source} (SHA-256 of its questions "
        f"`{card.sha256}`), with seed {card.seed}.",
        *_together(card),
        "",
        *_filtered(card),
        f"    pytest benchmarks -k {card.dataset} --data=THIS-FOLDER --split test",
        "",
        "| side | items | questions | SHA-256 of its ids, sorted |",
        "|---|---|---|---|",
        *(
            f"| {side} | {card.items[side]:,} | {card.questions[side]:,} | `{card.ids_sha256[side]}` |"
            for side in SIDES
        ),
        "",
        f"| items of subject | {' | '.join(SIDES)} |",
        "|---|---|---|---|",
        *(
            f"| {subject} | {' | '.join(str(counts[side]) for side in SIDES)} |"
            for subject, counts in card.subjects.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _together(card: SplitCard) -> Iterator[str]:
    """Yield what lies on one side, and what has its share on every side."""
    languages = (
        "All languages of an item lie on one side, and so do the" if len(card.languages) > 1 else "The"
    )
    repeats = f"{languages} questions that repeat one another"
    told = told_of(card)
    if told:
        yield f"{repeats}{'' if len(card.languages) > 1 else ' lie on one side'}: {told}."
    else:
        yield "No question repeats another, so that none of the test side stands on the train side, too."
    yield from (f"**Doubtful:** {doubt}" for doubt in card.doubts)
    shares = {"none": "The sides have their shares of all items, whatever their subjects"}
    by = f"In every {card.stratified_by} the sides have their share of the items"
    yield f"{shares.get(card.stratified_by, by)}."


def _filtered(card: SplitCard) -> list[str]:
    if card.kept is None:
        return []
    each = ", ".join(f"{name or card.dataset} {kept:,} of {of:,}" for name, (kept, of) in card.kept.items())
    return [
        f"Questions of fewer than {card.max_question_tokens} tokens, choices included, by the tokenizer "
        f"{card.tokenizer} (SHA-256 `{card.tokenizer_sha256}`): {each}.",
        "",
    ]


def drop_unfinished(to: Path) -> None:
    """Remove what a killed command left in a folder."""
    for path in to.glob(f"{_UNFINISHED}*") if to.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True)

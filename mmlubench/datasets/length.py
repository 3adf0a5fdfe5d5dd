"""A length limit for questions, counted in tokens of a model's tokenizer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmlubench import extras
from mmlubench.errors import UserError
from mmlubench.schema import Question

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "tokenizer.json"
_NAME = r"[\w.-]+(/[\w.-]+)?"  # the name of a repository on the hub
_AT_ONCE = 4096  # texts in one call: enough to keep all processors busy, few enough to need little memory


def shorter_than(
    questions: Sequence[Question], limit: int, tokenizer: str
) -> tuple[list[Question], dict[str, tuple[int, int]]]:
    """Return the questions of fewer than `limit` tokens, and by language how many there are of how many in all.

    The tokens of the question's text and all its choices are counted, each on a line of its own and without letters;
    tokens that a model adds around a text are not. `tokenizer` is a `tokenizer.json`, a folder that has one, or a
    name on the hub. Raises UserError if it cannot be loaded, or the package `tokenizers` is missing.
    """
    counter = _tokenizer(tokenizer)
    counts: dict[str, tuple[int, int]] = {}
    shorter = []
    for question, length in zip(questions, _lengths(questions, counter), strict=True):
        short, total = counts.get(question.language, (0, 0))
        counts[question.language] = (short + (length < limit), total + 1)
        if length < limit:
            shorter.append(question)
    return shorter, counts


def counted(question: Question) -> str:
    """Return the text whose tokens are counted."""
    return "\n".join((question.text, *question.choices))


def _lengths(questions: Sequence[Question], counter: Tokenizer) -> Iterable[int]:
    for start in range(0, len(questions), _AT_ONCE):
        texts = [counted(question) for question in questions[start : start + _AT_ONCE]]
        for encoding in counter.encode_batch_fast(texts, add_special_tokens=False):
            yield len(encoding)


def _tokenizer(name: str) -> Tokenizer:
    tokenizers = extras.load("tokenizers", extra="tokenizers", wanted_by=f"--tokenizer {name}")
    try:
        found: Tokenizer = tokenizers.Tokenizer.from_file(str(file_of(name)))
    except UserError:
        raise
    except Exception as error:  # the library raises no more specific class
        raise UserError(f"--tokenizer {name}: it cannot be loaded ({str(error).rstrip('.')}).") from error
    # A tokenizer's file may switch on truncation or padding; with either, every count would be wrong.
    found.no_truncation()
    found.no_padding()
    return found


def file_of(name: str) -> str | Path:
    """Return the path of the `tokenizer.json` that a tokenizer's name means. Raises UserError if there is none."""
    path = Path(name).expanduser()
    file = path / FILE if path.is_dir() else path
    if file.is_file():
        return file
    if path.is_dir() or path.suffix == ".json" or not re.fullmatch(_NAME, name):
        raise UserError(
            f"--tokenizer {name}: no {FILE} was found; give such a file, or a folder that holds one."
        )
    # late: only a tokenizer that is no file is looked for on the hub
    from mmlubench.datasets.sources import hub_files

    way_out = f"give the path of a {FILE}, or of a folder that has one"
    return hub_files.get(name, FILE, lambda problem: UserError(f"--tokenizer {name}: {problem}; {way_out}."))

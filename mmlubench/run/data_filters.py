"""The filters of a data set, applied before questions are selected: --redux, --dedup, --max-question-tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmlubench.datasets import DataSet
from mmlubench.errors import EmptySelection
from mmlubench.figures import several
from mmlubench.schema import Question
from mmlubench.settings import Settings

#: The data set that MMLU-Redux annotates.
_ANNOTATED = "mmlu"


def narrow(data: DataSet, settings: Settings, source: str) -> DataSet:
    """Return a data set without the questions that the options leave out; its notice says what was left out.

    `source` is the source of the data, as in `--data`. Raises EmptySelection for `--redux` with a data set that has no
    annotations, and DataError if the annotations cannot be read.
    """
    if settings.redux:
        if data.name != _ANNOTATED:
            raise EmptySelection(f"--redux {settings.redux} is for {_ANNOTATED} only; leave it out.")
        # late: only --redux needs it
        from mmlubench.datasets.sets import redux

        data = redux.apply(data, settings.redux, source)
    if settings.dedup:
        # late: only --dedup needs it
        from mmlubench.datasets.select import dedup

        data = _with(data, dedup(data.questions), "--dedup")
    if settings.max_question_tokens is not None and settings.tokenizer is not None:
        data = _shortened(data, settings.max_question_tokens, settings.tokenizer)
    return data


def _with(data: DataSet, kept: Sequence[Question], option: str) -> DataSet:
    notice = f"{option} left {len(kept):,} of {several(len(data.questions), 'question')}"
    return replace(data, questions=tuple(kept), notice="; ".join(filter(None, (data.notice, notice))))


def _shortened(data: DataSet, limit: int, tokenizer: str) -> DataSet:
    # late: only --max-question-tokens needs it
    from mmlubench.datasets.length import shorter_than

    kept, counts = shorter_than(data.questions, limit, tokenizer)
    shorter = _with(data, kept, f"--max-question-tokens {limit}")
    if not any(counts):
        return shorter
    each = ", ".join(f"{language} {left:,} of {of:,}" for language, (left, of) in counts.items())
    return replace(shorter, notice=f"{shorter.notice} ({each})")

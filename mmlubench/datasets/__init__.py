"""Data sets: load them from the hub, a local copy or the embedded sample as checked `Question`s.

mmlu = load("mmlu", "hub")
asked = select(mmlu.questions, categories=["stem"], limit=100)  # from mmlubench.datasets.select
german = load("mmmlu", "hub", languages=["DE_DE"])
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from mmlubench.datasets import sources
from mmlubench.datasets.assembly import assemble, by_subject, questions_of
from mmlubench.datasets.base import DataSet, Rows, Source, Spec
from mmlubench.datasets.names import NAMES, find
from mmlubench.datasets.sources import parts
from mmlubench.datasets.splits.card import place_of
from mmlubench.errors import DataError

if TYPE_CHECKING:
    from mmlubench.datasets.sources.sampled import Choose

__all__ = ["NAMES", "DataSet", "Rows", "Source", "Spec", "find", "load"]


def load(
    name: str | Spec,
    data: str,
    *,
    allow_partial: bool = False,
    languages: Collection[str] = (),
    examples: bool = True,
    choose: Choose | None = None,
    side: str = "",
) -> DataSet:
    """Load a data set, given by name or as a `Spec`, and check it.

    `data` is `hub`, `sample`, or the path of a folder or tar. Of a translated data set only these `languages`
    are read, all if none is named. With `allow_partial`, languages, subjects or rows of the complete data set
    may be missing, and `notice` says so. Worked examples may be missing in any case; then `examples` is empty.
    Those of another data set are read only where `examples` is true. With `choose`, only the questions that it takes
    are read where that is possible, and `left_unread` is the number of the others; it gets what `packed.runs` gives of
    all questions, without categories, and returns positions. Of a split folder only this `side` is read, the held-out
    one if none is named; it is never short of its own questions, and so never partial.

    Raises UserError for an unknown name or language, EmptySelection if `languages` are given for a data set in one
    language or a split of another data set, DataError for data that cannot be found or are invalid.
    """
    spec = find(name) if isinstance(name, str) else name
    if (of_split := _of_split(spec, data, side, languages)) is not None:
        return of_split
    asked = parts.wanted(spec, languages)
    # A language that is asked for must be present, even if other data may be missing.
    partial = allow_partial and not languages
    if spec.source is not None:
        source = spec.source(asked) if spec.parts else spec.source()
    else:
        source = sources.read(spec, data, asked, partial=partial, choose=choose)
    loaded = assemble(spec, source, allow_partial=allow_partial, languages=asked if spec.languages else ())
    return (
        _with_examples_of(find(spec.examples_of), loaded, data) if spec.examples_of and examples else loaded
    )


def _of_split(spec: Spec, data: str, side: str, languages: Collection[str]) -> DataSet | None:
    """Return a side of a split folder; None for data of any other kind. Raises as `load_side`."""
    if not side and place_of(data, spec.name) is None:
        return None
    # late: it brings Arrow, which a sample does without
    from mmlubench.datasets.splits.loading import load_side

    return load_side(spec, data, side, languages)


def _with_examples_of(lender: Spec, loaded: DataSet, data: str) -> DataSet:
    """Add the worked examples of another data set; if they cannot be loaded, the notice says why."""
    try:
        source = sources.examples(lender, data)
        found = questions_of(lender, source, lender.example_split) if source else []
    except DataError as error:  # nothing is lost for a prompt without worked examples
        reason = f"no worked examples: {str(error).removesuffix('.')}"
        return replace(loaded, notice="; ".join(filter(None, (loaded.notice, reason))))
    return replace(loaded, examples=by_subject(found))

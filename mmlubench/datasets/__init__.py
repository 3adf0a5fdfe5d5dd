"""Data sets: load them from the hub, a local copy or the embedded sample as checked `Question`s.

mmlu = load("mmlu", "hub")
asked = select(mmlu.questions, categories=["stem"], limit=100)  # from mmlubench.datasets.select
german = load("mmmlu", "hub", languages=["DE_DE"])
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from mmlubench.datasets import sources
from mmlubench.datasets.assembly import assemble, by_subject, questions_of
from mmlubench.datasets.base import DataSet, Rows, Source, Spec
from mmlubench.datasets.names import GROUP, NAMES, find
from mmlubench.datasets.sources import parts
from mmlubench.errors import DataError

__all__ = ["GROUP", "NAMES", "DataSet", "Rows", "Source", "Spec", "find", "load"]


def load(
    name: str | Spec,
    data: str,
    *,
    allow_partial: bool = False,
    languages: Collection[str] = (),
    examples: bool = True,
) -> DataSet:
    """Load a data set, given by name or as a `Spec`, and check it.

    `data` is `hub`, `sample`, or the path of a folder or tar. Only these `languages` of a translated data set are
    read, all if none is given. With `allow_partial`, languages, subjects or rows of the complete data set may be
    missing, and `notice` says so. Worked examples may be missing in any case; then `dev` is empty. Worked examples
    that come from another data set (`Spec.shots_of`) are read only if `examples` is true.

    Raises UserError for an unknown name or language, EmptySelection if `languages` are given for a data set in one
    language, DataError for data that cannot be found or are invalid.
    """
    spec = find(name) if isinstance(name, str) else name
    asked = parts.wanted(spec, languages)
    # A language that is asked for must be present, even if other data may be missing.
    partial = allow_partial and not languages
    source = spec.source() if spec.source else sources.read(spec, data, asked, partial=partial)
    loaded = assemble(spec, source, allow_partial=allow_partial, languages=asked if spec.languages else ())
    return _with_examples_of(find(spec.shots_of), loaded, data) if spec.shots_of and examples else loaded


def _with_examples_of(lender: Spec, loaded: DataSet, data: str) -> DataSet:
    """Add the worked examples of another data set; if they cannot be loaded, the notice says why."""
    try:
        source = sources.shots(lender, data)
        found = questions_of(lender, source, lender.shots) if source else []
    except DataError as error:  # not fatal: a prompt may need no worked examples
        reason = f"no worked examples: {str(error).removesuffix('.')}"
        return replace(loaded, notice="; ".join(filter(None, (loaded.notice, reason))))
    return replace(loaded, dev=by_subject(found))

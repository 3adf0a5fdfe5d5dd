"""Names of data sets: ours from a table, those of other packages by entry point; each is imported when asked for."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import cast

from mmlubench.datasets.base import Spec
from mmlubench.errors import UserError

#: Our own data sets: name to `module:Spec`.
NAMES = {
    "mmlu": "mmlubench.datasets.sets.mmlu:MMLU",
    "mmlu_pro": "mmlubench.datasets.sets.mmlu_pro:MMLU_PRO",
    "mmmlu": "mmlubench.datasets.sets.mmmlu:MMMLU",
    "commonsense_qa": "mmlubench.datasets.sets.commonsense_qa:COMMONSENSE_QA",
}

#: What is not asked itself but says something of a data set; it can be fetched like one.
SUPPLEMENTS = {
    "mmlu_redux": "mmlubench.datasets.sets.redux:ANNOTATIONS",
}

#: The entry-point group under which another package offers a `Spec`.
GROUP = "mmlubench.datasets"


def find(name: str, *, supplements: bool = False) -> Spec:
    """Return the `Spec` of a data set, or also of what supplements one.

    Raises UserError for an unknown name, and names the known ones.
    """
    ours = {**NAMES, **SUPPLEMENTS} if supplements else NAMES
    if name in ours:
        module, _, attribute = ours[name].partition(":")
        return cast(Spec, getattr(import_module(module), attribute))
    from importlib.metadata import entry_points  # slow to import, and only strangers need it

    strangers = {point.name: point for point in entry_points(group=GROUP)}
    if name in strangers:
        return cast(Spec, strangers[name].load())
    known = sorted({*ours, *strangers})
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UserError(f"There is no data set {name!r}; known: {', '.join(known)}.{hint}")

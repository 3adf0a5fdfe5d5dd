"""The comparison of the results on a page, in the words of `mmlubench compare`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from mmlubench.errors import UserError
from mmlubench.reports.compare.many import many_parts
from mmlubench.reports.compare.parts import Grid, Part, Tone
from mmlubench.reports.compare.two import two_parts
from mmlubench.reports.page.markup import Html, element, join, table
from mmlubench.reports.page.shown import Shown
from mmlubench.stats.compare.pair import TwoResults, two_results
from mmlubench.stats.compare.several import several_results

_CLASSES = {Tone.RESULT: "result", Tone.CAUTION: "notice caution", Tone.MOCK: "notice mock"}


@dataclass(slots=True)
class Compared:
    """The comparisons of all benchmarks of a page."""

    pairs: list[TwoResults] = field(default_factory=list)
    parts: list[Html] = field(default_factory=list)

    @property
    def html(self) -> Html:
        """All comparisons; empty without any."""
        return join(self.parts)


def compared(shown: Sequence[Shown]) -> Compared:
    """Compare the results of each benchmark; what cannot be compared is said."""
    found = Compared()
    for _, group in groupby(shown, key=lambda one: one.benchmark):
        results = [one.result for one in group]
        if len(results) < 2:
            continue
        try:
            if len(results) == 2:
                pair = two_results(*results)
                found.parts.append(parts_html(two_parts(pair)))
                found.pairs.append(pair)
            else:
                found.parts.append(parts_html(many_parts(several_results(results))))
        except UserError as error:
            found.parts.append(element("p", f"Not compared: {error}", class_="notice caution"))
    return found


def parts_html(parts: Iterable[Part]) -> Html:
    """Return the parts of a comparison as HTML."""
    return join(map(_part, parts))


def _part(part: Part) -> Html:
    if isinstance(part, Grid):
        return table(part.head, part.rows, label=f"Comparison: {part.head[0]}")
    if part.tone is Tone.TITLE:
        return element("h3", part.text)
    return element("p", part.text, class_=_CLASSES.get(part.tone))

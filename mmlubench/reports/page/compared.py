"""The comparison of the results on a page, in the words of `mmlubench compare`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from mmlubench.errors import UserError
from mmlubench.reports.page.markup import Html, element, join, table
from mmlubench.reports.page.shown import Shown

if TYPE_CHECKING:
    from mmlubench.reports.compare.parts import Part
    from mmlubench.stats.compare.result import Result


@dataclass(slots=True)
class Compared:
    """The comparisons of all benchmarks of a page."""

    differences: list[str] = field(default_factory=list)
    """The difference of each pair, a sentence each."""
    plots: list[Html] = field(default_factory=list)
    """The plot of each pair."""
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
            _add(found, results)
        except UserError as error:
            found.parts.append(element("p", f"Not compared: {error}", class_="notice caution"))
    return found


def _add(found: Compared, results: Sequence[Result]) -> None:
    # late: no run with one model needs it
    from mmlubench.reports.compare.many import many_parts
    from mmlubench.reports.compare.two import difference, two_parts
    from mmlubench.reports.page.pairs import pair_plot
    from mmlubench.stats.compare.pair import two_results
    from mmlubench.stats.compare.several import several_results

    if len(results) > 2:
        found.parts.append(parts_html(many_parts(several_results(results))))
        return
    pair = two_results(*results)
    names = f"First {pair.first.name}, second {pair.second.name}"
    found.differences.append(f"{names}; {difference(pair)}")
    found.plots.append(pair_plot(pair, len(found.plots)))
    found.parts.append(parts_html(two_parts(pair)))


def parts_html(parts: Iterable[Part]) -> Html:
    """Return the parts of a comparison as HTML."""
    return join(map(_part, parts))


def _part(part: Part) -> Html:
    # late, as above
    from mmlubench.reports.compare.parts import Grid, Tone

    if isinstance(part, Grid):
        return table(part.head, part.rows, label=f"Comparison: {part.head[0]}")
    if part.tone is Tone.TITLE:
        return element("h3", part.text)
    classes = {Tone.RESULT: "result", Tone.CAUTION: "notice caution", Tone.MOCK: "notice mock"}
    return element("p", part.text, class_=classes.get(part.tone))

"""The section at the end of a run that compares it with its baseline (`--baseline`)."""

from __future__ import annotations

from collections.abc import Iterable

from mmlubench.printable import on_one_line
from mmlubench.reports.compare.parts import Part, Sentence, Tone
from mmlubench.reports.compare.published import published_parts
from mmlubench.reports.compare.terminal import terminal
from mmlubench.reports.compare.two import two_parts
from mmlubench.reports.report import Screen, Section
from mmlubench.stats.compare.pair import TwoResults
from mmlubench.stats.compare.published import BesidePublished


def baseline_section(found: TwoResults | BesidePublished | str, screen: Screen) -> Section:
    """Return the section; a text is the reason why there is no comparison."""
    parts: Iterable[Part]
    if isinstance(found, TwoResults):
        title, parts = (
            f"{found.second.benchmark} {found.second.model}: against {found.first.run_id}",
            two_parts(found),
        )
    elif isinstance(found, BesidePublished):
        title, parts = (
            f"{found.result.benchmark} {found.result.model}: published scores",
            published_parts(found),
        )
    else:
        title, parts = "baseline", [Sentence(f"not compared: {found}", Tone.CAUTION)]
    parts = [part for part in parts if not (isinstance(part, Sentence) and part.tone is Tone.TITLE)]
    return Section(on_one_line(title), terminal(parts, screen.width, color=screen.color, ascii=screen.ascii))

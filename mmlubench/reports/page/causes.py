"""Why cases are not right: causes by which they are grouped, with counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from mmlubench.errors import NOT_ASKED
from mmlubench.printable import on_one_line
from mmlubench.reports.page.markup import EMPTY, Html, element, table
from mmlubench.reports.page.shown import Shown
from mmlubench.schema import Entry, Outcome

_MOST = 25
_LONGEST = 160
#: What differs between errors of one cause: times, ids of requests, ports.
_NUMBERS = re.compile(r"\b(?:[0-9a-f]{8,}(?:-[0-9a-f]+)*|req_\w+|\d+(?:\.\d+)?)\b")
_WORDS = {
    "truncated": "cut off by the token limit before any letter",
    "refused": "the model declined to answer",
    "unparsed": "a reply without a letter",
    "unparsed:thinking": "thinking without a reply",
    "unparsed:tool_call": "a tool call without text",
}


def cause_of(entry: Entry) -> str:
    """Return why a case is not right; empty for one that is."""
    if entry.outcome is Outcome.CORRECT:
        return ""
    if entry.outcome is Outcome.WRONG:
        return f"wrong letter (read by the rule {entry.rule})"
    if entry.error:
        message = on_one_line(entry.error).removeprefix(NOT_ASKED)
        return f"{entry.outcome}: {_NUMBERS.sub('…', message)[:_LONGEST]}"
    return f"{entry.outcome}: {_WORDS.get(entry.rule, entry.rule) or 'no reason known'}"


def causes_table(shown: Iterable[Shown]) -> Html:
    """Return the causes with their counts, the commonest first; each shows its cases."""
    counts = Counter(cause_of(entry) for one in shown for entry in one.entries)
    counts.pop("", None)
    if not counts:
        return EMPTY
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        [element("a", cause, href="#questions", data_cause=cause), f"{count:,}"]
        for cause, count in ordered[:_MOST]
    ]
    if ordered[_MOST:]:
        rows.append(
            [f"{len(ordered) - _MOST:,} more causes", f"{sum(count for _, count in ordered[_MOST:]):,}"]
        )
    return table(["cause", "cases"], rows, caption="Cases that are not right, by cause")

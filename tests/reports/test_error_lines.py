from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmlubench.figures import TIMES
from mmlubench.reports import errors_lines
from mmlubench.schema import Entry

Results = Callable[..., list[Entry]]


def like(result: Entry, **changes: Any) -> Entry:
    return Entry.from_dict({**result.to_dict(), **changes})


def test_errors_are_grouped_the_most_frequent_first(results: Results) -> None:
    fine, *_ = results(per_subject=1)
    messages = ["b"] * 2 + ["a"] * 2 + ["c\n  on two lines"] * 1_200 + ["d", "", "e", "f"]
    made = [fine, *(like(fine, outcome="error", error=message) for message in messages)]
    assert errors_lines(made, 4) == [
        f"1,200 {TIMES} c on two lines",
        f"2 {TIMES} a",
        f"2 {TIMES} b",
        f"1 {TIMES} d",
        f"3 {TIMES} 3 other messages; results.jsonl has them",
    ]
    assert f"1 {TIMES} no message" in errors_lines(made, 9)
    assert errors_lines(made, 1, ascii=True)[0] == "1,200 x c on two lines"


def test_without_errors_there_is_nothing_to_say(results: Results) -> None:
    # An error text left over from an attempt that was retried is no error of the case.
    assert errors_lines([like(result, error="429, retried") for result in results(per_subject=1)]) == []

"""Repeats: cases that ask one question in the same way more than once would count it as several observations.

Answers to one question are not independent, so the interval would be too narrow. Tests that share their questions, and
the parameters of a test, get figures of their own. What repeats a test and changes nothing is refused, as pytest-repeat
and pytest-flakefinder do it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from mmlubench.errors import UserError
from mmlubench.plugin.cases import Case
from mmlubench.plugin.template import Template


def tell_apart(cases: Sequence[Case], recipe: str) -> None:
    """Name the figures of tests that share questions after the tests; `recipe` is the name of that of the options.

    Raises UserError if two cases still ask the same question of the same model in the same way.
    """
    sharing = dict.fromkeys(case.template for pair in _same(cases) for case in pair)
    for template in sharing:
        template.recipe = f"{template.recipe or recipe}, {template.name}"
    for pair in _same(cases) if sharing else ():
        raise repeated(*pair)


def repeated(case: Case, other: Case) -> UserError:
    """Return the error for two cases that ask the same."""
    twice = (
        f"{case.nodeid} is to run twice"
        if case is other
        else f"{case.nodeid} and {other.nodeid} ask the same"
    )
    return UserError(
        f"{twice}, and answers to one question are one observation: leave out what repeats the test (such as "
        "--count, --flake-finder, a second file), or ask every question N times with --epochs N."
    )


def _same(cases: Sequence[Case]) -> Iterator[tuple[Case, Case]]:
    """Yield the pairs of cases that ask the same question of the same model in the same way."""
    asked = [case for case in cases if case.has_question]
    tests: dict[tuple[str, str], set[Template]] = defaultdict(set)
    for case in asked:
        tests[case.template.benchmark, case.template.recipe].add(case.template)
    # The questions of one test differ, and to read a million of them takes time.
    several = {figures for figures, templates in tests.items() if len(templates) > 1}
    first: dict[tuple[str, str, str, str], Case] = {}
    for case in asked if several else ():
        figures, question = (case.template.benchmark, case.template.recipe), case.question
        if figures in several and question is not None:
            other = first.setdefault((*figures, case.label, question.id), case)
            if other is not case:
                yield other, case

"""The table of languages, as a user sees it at the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mmlubench.reports import summary_lines
from mmlubench.schema import Entry
from mmlubench.stats import summarize


def screen(results: list[Entry], width: int) -> str:
    figures = summarize(results)
    summary = replace(
        figures, benchmark="mmmlu", model="claude", recipe="zero_shot", mock=False, duration_s=9.0
    )
    return "\n".join(summary_lines(summary, width, color=False))


def translated(made: Callable[..., list[Entry]]) -> list[Entry]:
    return [replace(r, language=language) for language in ("DE_DE", "YO_NG") for r in made()]


def test_a_wide_terminal_shows_each_language_with_its_categories(results: Callable[..., Any]) -> None:
    head, _rule, german, yoruba, *_ = screen(translated(results), 120).splitlines()
    assert head.split()[:3] == ["language", "n", "accuracy"]
    assert head.split()[-4:] == ["humanities", "other", "social_sciences", "stem"]
    assert german.split()[:2] == ["DE_DE", "960"]
    assert len(german.split()) == 4 + 4
    assert yoruba.startswith("YO_NG")


def test_a_narrow_terminal_shows_each_language_without_them(results: Callable[..., Any]) -> None:
    shown = screen(translated(results), 60)
    assert shown.splitlines()[0].split() == ["language", "n", "accuracy", "95", "%", "interval"]
    assert max(map(len, shown.splitlines())) <= 60


def test_a_benchmark_of_one_language_has_no_such_table(results: Callable[..., Any]) -> None:
    assert "language" not in screen(results(), 120)

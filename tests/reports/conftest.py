from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from mmlubench.schema import Entry, Outcome, Usage
from mmlubench.stats import Summary, summarize
from mmlubench.stats.metrics import METRICS

#: Category -> its made-up subjects.
DOMAINS = {
    "humanities": ["law_of_the_sea", "ethics", "logic", "old_coins", "rhetoric", "religions", "poetry"],
    "other": ["cooking", "nursing", "marketing", "gardening", "first_aid"],
    "social_sciences": ["trade", "voting", "high_school_government_and_politics", "census"],
    "stem": ["algebra", "anatomy", "chess_openings", "optics", "rocks", "statistics", "viruses", "waves"],
}


#: The rows that miss in another way than with a wrong letter: 16 of 960 name none, which is below 2 %.
ODD = {13: Outcome.UNPARSED, 17: Outcome.TRUNCATED, 19: Outcome.REFUSED}


def make_results(
    per_subject: int = 40,
    errors: int = 0,
    cost: float | None = 0.0005,
    model: str = "claude",
    odd: Mapping[int, Outcome] = ODD,
    served: str = "",
) -> list[Entry]:
    """A made-up run without chance in it: subject k gets k answers wrong; `errors` fail at the end."""
    subjects = [(subject, category) for category, names in DOMAINS.items() for subject in names]
    made = []
    for place, (subject, category) in enumerate(subjects):
        for row in range(per_subject):
            outcome = odd.get(row, Outcome.WRONG) if row < place else Outcome.CORRECT
            key = "BCDA"[row % 4]
            said = {Outcome.CORRECT: key, Outcome.WRONG: "BCDA"[(row + 1) % 4]}.get(outcome)
            usage = Usage(120, 8, 16, 2, cost)
            made.append(
                Entry(
                    f"mmlu/{subject}/{row:04}", "mmlu", subject, category, model, outcome, key, said, "line",
                    0.25 + row / 100, usage, requests=1, served_model=served,
                )
            )  # fmt: skip
    return [*made[: len(made) - errors], *(failed(result) for result in made[len(made) - errors :])]


def failed(result: Entry, error: str = "cannot connect to http://127.0.0.1:9/v1: is it up?") -> Entry:
    values = {
        **result.to_dict(),
        "outcome": "error",
        "prediction": None,
        "error": error,
        "usage": Usage().to_dict(),
    }
    return Entry.from_dict(values)


#: The metrics that the screens of golden/ show. Another one adds its line to every screen, and has a test of its own.
ON_SCREEN = ("accuracy_with_guess", "repeats", "calibration", "debate", "latency")


@pytest.fixture(autouse=True)
def known_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no other metric be shown than those of `ON_SCREEN`, and what a test adds itself."""
    monkeypatch.setattr(METRICS, "ours", {name: METRICS.ours[name] for name in ON_SCREEN})


@pytest.fixture
def results() -> Callable[..., list[Entry]]:
    return make_results


@pytest.fixture
def summary() -> Callable[..., Summary]:
    """Build the summary of a made-up run, or of the results given."""

    def build(
        given: list[Entry] | None = None,
        *,
        mock: bool = False,
        doubts: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> Summary:
        figures = summarize(make_results(**how) if given is None else given, **(doubts or {}))
        who = {"benchmark": "mmlu", "model": how.get("model", "claude"), "recipe": "zero_shot"}
        return replace(figures, **who, mock=mock, duration_s=75.25)

    return build

"""The figures of one benchmark and one model: an entry of `results` in `summary.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Any, TypeVar

from mmlubench.schema import Usage, known_values
from mmlubench.stats.metrics import Metric, loaded, plain
from mmlubench.stats.score import LanguageScore, Score, scores_from_dict, scores_to_dict
from mmlubench.stats.thresholds import DEFAULT, Thresholds

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run: shares from 0 to 1, times in seconds, prices in US dollars; None for an unknown value."""

    total: Score
    accuracy_strict: float | None
    """Points per case, including errors and skipped cases; None without cases."""
    standard_error: float | None
    """The standard error of the accuracy; None below two answered cases."""
    why_no_headline: str | None
    """The reason why the run has no headline accuracy, as half a sentence; None if it has one."""
    categories: Mapping[str, Score]
    subjects: Mapping[str, Score]
    category_of: Mapping[str, str]
    """The category of each subject."""
    languages: Mapping[str, LanguageScore]
    """The score of each language; empty if questions have no language."""
    usage: Usage
    """All tokens, and the cost as far as it is known: None when no case has a known cost."""
    cost_known_for: int
    """The number of answered cases with a known cost."""
    requests: int
    """Requests sent, retries included."""
    thresholds: Thresholds = DEFAULT
    warnings: tuple[str, ...] = ()
    """The reasons to doubt the figures, each a sentence without a full stop."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """The value of every metric by its key, None for no value; the method `value` returns one with its type."""
    benchmark: str = ""
    model: str = ""
    recipe: str = ""
    mock: bool = False
    scoring: str = "text"
    """The way of scoring: replies were read, or log-probabilities of letters compared."""
    notice: str = ""
    """A remark on the data for readers of the figures, for example that they are not complete."""
    stored: int = 0
    """The number of requests that were answered from the store."""
    batched: int = 0
    """The number of replies, of those of the store, that came by a batch."""
    duration_s: float = 0.0
    limit: int | None = None
    """The number of questions that `--limit` drew; None if it left none out."""
    drawn_from: int | None = None
    """The number of questions from which it drew them; None also where other options took only some of them."""
    saved: int = 0
    """The number of cases that were not asked as the answers before were enough for --until or --decide-early."""
    contaminated: int = 0
    """The number of cases whose question the model was trained on, as far as its folder tells."""
    ci95_benchmark: tuple[float, float] | None = None
    """The 95 % interval of the accuracy in all of those questions, narrower than `ci95`, that of any questions like
    these; None without `drawn_from`, if questions were asked several times, or if the run was stopped."""

    @property
    def n(self) -> int:
        """The number of cases."""
        return self.total.n

    @property
    def answered(self) -> int:
        """The number of cases in which the model was asked and replied: the denominator of accuracy."""
        return self.total.answered

    @property
    def accuracy(self) -> float | None:
        """Points per answered case; it may be reported as the result only if `headline` is True."""
        return self.total.accuracy

    @property
    def ci95(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return self.total.ci95

    @property
    def headline(self) -> bool:
        """Whether the accuracy may be reported as the result of the run; else see `why_no_headline`."""
        return self.why_no_headline is None

    @property
    def accuracy_macro(self) -> float | None:
        """The unweighted mean of the accuracies of all subjects with answered cases; None without any."""
        shares = [score.accuracy for score in self.subjects.values() if score.accuracy is not None]
        return fsum(shares) / len(shares) if shares else None

    def value(self, metric: Metric[T]) -> T | None:
        """Return the value of a metric; None if these cases have no value."""
        found: T | None = self.metrics.get(metric.key)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON, with every metric under its key."""
        subjects = {
            name: {"category": self.category_of[name], **score.to_dict()}
            for name, score in self.subjects.items()
        }
        return {
            **{name: getattr(self, name) for name in _WHO},
            **self.total.to_dict(),
            "accuracy_macro": self.accuracy_macro,
            "accuracy_strict": self.accuracy_strict,
            "standard_error": self.standard_error,
            "headline": self.headline,
            "why_no_headline": self.why_no_headline,
            "limit": self.limit,
            "drawn_from": self.drawn_from,
            "saved": self.saved,
            "contaminated": self.contaminated,
            "ci95_benchmark": self.ci95_benchmark and list(self.ci95_benchmark),
            "thresholds": self.thresholds.to_dict(),
            "warnings": list(self.warnings),
            "categories": scores_to_dict(self.categories),
            "subjects": subjects,
            "languages": {name: language.to_dict() for name, language in self.languages.items()},
            **{key: plain(value) for key, value in self.metrics.items()},
            "usage": self.usage.to_dict(),
            "cost_usd": self.usage.cost_usd,
            "cost_known_for": self.cost_known_for,
            "requests": self.requests,
            "stored": self.stored,
            "batched": self.batched,
            "duration_s": self.duration_s,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Summary:
        """Make a summary from the dictionary of `to_dict`.

        Raises KeyError, TypeError, ValueError or AttributeError for any other dictionary.
        """
        own = {name: values[name] for name in (*_WHO, *_AS_THEY_ARE)}
        languages = values["languages"].items()
        return cls(
            total=Score.from_dict(values),
            categories=scores_from_dict(values["categories"]),
            subjects=scores_from_dict(values["subjects"]),
            category_of={name: subject["category"] for name, subject in values["subjects"].items()},
            languages={name: LanguageScore.from_dict(language) for name, language in languages},
            usage=Usage.from_dict(values["usage"]),
            thresholds=Thresholds(**known_values(values["thresholds"], Thresholds.__slots__)),
            warnings=tuple(values["warnings"]),
            limit=values.get("limit"),
            drawn_from=values.get("drawn_from"),
            saved=values.get("saved", 0),
            contaminated=values.get("contaminated", 0),
            batched=values.get("batched", 0),
            ci95_benchmark=_pair(values.get("ci95_benchmark")),
            metrics=loaded({key: value for key, value in values.items() if key not in OWN_KEYS}),
            **own,
        )


def _pair(values: Sequence[float] | None) -> tuple[float, float] | None:
    return values and (values[0], values[1])  # type: ignore[return-value]  # None is the only false value


_WHO = ("benchmark", "model", "mock", "recipe", "scoring", "notice")
_AS_THEY_ARE = (
    *("accuracy_strict", "standard_error", "why_no_headline"),
    *("cost_known_for", "requests", "stored", "duration_s"),
)
#: The keys of `to_dict` that no metric may have.
OWN_KEYS = frozenset(
    [
        *_WHO,
        *_AS_THEY_ARE,
        *("n", "correct", "answered", "accuracy", "ci95", "outcomes", "accuracy_macro", "headline"),
        *("thresholds", "warnings", "categories", "subjects", "languages", "usage", "cost_usd"),
        *("limit", "drawn_from", "saved", "batched", "contaminated", "ci95_benchmark"),
    ]
)

"""The table of cases for pandas, one row per case, built without keeping the cases in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import repeat
from math import nan
from typing import TYPE_CHECKING, Any

from mmlubench.errors import UserError
from mmlubench.schema import ANSWERED, Entry, Outcome

if TYPE_CHECKING:
    import pandas as pd

#: Columns of few values that come again and again; `outcome` has all outcomes as its categories.
CATEGORIES = (
    *("benchmark", "subject", "category", "language", "model", "recipe", "outcome"),
    *("served_model", "served_provider", "rule"),
)
#: Columns that differ from case to case, or are compared with one another, as categories cannot be.
TEXTS = ("id", "answer", "prediction", "error")
WHOLE_NUMBERS = (
    *("choices", "epochs", "requests", "input_tokens", "output_tokens"),
    *("cached_tokens", "cache_write_tokens", "reasoning_tokens"),
)
NUMBERS = ("points", "probability", "probability_right", "letter_mass", "latency_s", "cost_usd")


def cases_frame(cases: Iterable[Entry]) -> pd.DataFrame:
    """Return a table with one row per case, in the given order; raises UserError if pandas is not installed.

    `recipe` is empty where a question was asked with the recipe of the run, and else names what took its place, such
    as a solver of the user's own: figures go by benchmark, model and recipe. `points` is what an answered case adds
    to the accuracy, 0 to 1, and NaN for one without a reply, so that their mean is the accuracy; `epochs` how often
    its question was asked; `probability` that of the predicted letter and `probability_right` that of the right one,
    `letter_mass` that of all letters together, NaN where a text was read. `latency_s` is in seconds and `cost_usd` in
    US dollars, NaN where no price is known.
    Columns of few values are categorical, numbers int64 or float64, and a `prediction` that is missing is NaN.
    """
    return _frame(zip(repeat(""), cases, strict=False), ())


def runs_frame(runs: Iterable[tuple[str, Iterable[Entry]]]) -> pd.DataFrame:
    """Return the table of several runs, each an id and its cases; its first column is the categorical `run_id`."""
    return _frame(((run_id, case) for run_id, cases in runs for case in cases), ("run_id",))


class _Labels:
    """A categorical column: the code of each row, and the label of each code."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.codes = array("i")
        self._code_of = {label: code for code, label in enumerate(known)}

    def append(self, label: str) -> None:
        self.codes.append(self._code_of.setdefault(label, len(self._code_of)))

    @property
    def labels(self) -> list[str]:
        return list(self._code_of)


def _frame(rows: Iterator[tuple[str, Entry]], extra: tuple[str, ...]) -> pd.DataFrame:
    pandas = _pandas()
    labels = {name: _Labels(map(str, Outcome) if name == "outcome" else ()) for name in (*extra, *CATEGORIES)}
    texts: dict[str, list[str | None]] = {name: [] for name in TEXTS}
    numbers = {name: array("q") for name in WHOLE_NUMBERS} | {name: array("d") for name in NUMBERS}
    columns: dict[str, Any] = {**labels, **texts, **numbers}
    appends = [(name, column.append) for name, column in columns.items()]
    for run_id, case in rows:
        values = _values(case) | {"run_id": run_id}
        for name, append in appends:
            append(values[name])
    columns |= {name: _categorical(pandas, name, column) for name, column in labels.items()}
    columns |= {name: pandas.Series(column, dtype="str") for name, column in texts.items()}
    columns |= {name: pandas.Series(column, dtype=_dtype(column)) for name, column in numbers.items()}
    frame: pd.DataFrame = pandas.DataFrame({name: columns[name] for name in (*extra, *_ORDER)})
    return frame


def _categorical(pandas: Any, name: str, column: _Labels) -> Any:
    found = pandas.Categorical.from_codes(column.codes, column.labels)
    return found if name == "outcome" else found.reorder_categories(sorted(column.labels))


#: The columns in the order of the table.
_ORDER = (
    *("id", "benchmark", "subject", "category", "language", "model", "recipe", "outcome", "points"),
    *("answer", "prediction", "rule", "probability", "probability_right", "letter_mass"),
    *(
        "choices",
        "epochs",
        "requests",
        "latency_s",
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "cache_write_tokens",
    ),
    *("reasoning_tokens", "cost_usd", "served_model", "served_provider", "error"),
)


def _values(case: Entry) -> dict[str, Any]:
    usage, known = case.usage, case.probabilities or {}
    return {
        **{name: getattr(case, name) for name in _FIELDS},
        "outcome": case.outcome.value,
        "points": case.points if case.outcome in ANSWERED else nan,
        "epochs": max(1, len(case.letters)),
        "probability": known.get(case.prediction or "", nan),
        "probability_right": known.get(case.answer, nan),
        "letter_mass": nan if case.letter_mass is None else case.letter_mass,
        **{name: getattr(usage, name) for name in _TOKENS},
        "cost_usd": nan if usage.cost_usd is None else usage.cost_usd,
    }


_FIELDS = (
    *(
        "id",
        "benchmark",
        "subject",
        "category",
        "language",
        "model",
        "recipe",
        "answer",
        "prediction",
        "rule",
    ),
    *("choices", "requests", "latency_s", "served_model", "served_provider", "error"),
)
_TOKENS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


def _dtype(column: array[Any]) -> str:
    return "int64" if column.typecode == "q" else "float64"


def _pandas() -> Any:
    try:
        import pandas  # late: it takes half a second
    except ImportError:
        raise UserError("to_pandas needs pandas, which is not installed: pip install pandas.") from None
    return pandas

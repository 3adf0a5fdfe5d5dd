"""The figures of `summary.json`, computed from dialogues and replies: by a run, and again by `mmlubench grade`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmlubench.dialogues.dialogue import SAFETY, Dialogue
from mmlubench.dialogues.expectation import shortfall
from mmlubench.dialogues.lines import metadata_in
from mmlubench.dialogues.metrics import (
    EXTENDED,
    STANDARD,
    fact_coverage,
    fact_coverage_words,
    geometric_mean,
    is_refusal,
    missing_facts,
    refusal_signals,
)
from mmlubench.stats.intervals import wilson

#: The number of decimals that figures are rounded to.
DIGITS = 4
OUTCOMES = ("answered", "refused", "truncated")
_CUT_OFF = ("length", "max_tokens")


def summarize(
    dialogues: Sequence[Dialogue], responses: Sequence[Mapping[str, Any]], named: Iterable[str] = ()
) -> dict[str, Any]:
    """Compute every figure of an experiment from its dialogues and the lines of their replies, in the same order.

    The three standard metrics come first, followed by the extended ones in `named`. Intervals are Wilson's at 95 %.
    That is the usual interval for the share of refusals. For coverage it is conservative, since values between 0 and 1
    vary no more than zeros and ones with the same mean. Raises ValueError without any dialogue.
    """
    rows = [_row(dialogue, line) for dialogue, line in zip(dialogues, responses, strict=True)]
    if not rows:
        raise ValueError("there is no dialogue to summarize")
    standard = _metrics(STANDARD, [row["fact_coverage"] for row in rows], [row["refused"] for row in rows])
    extended = _metrics(
        EXTENDED, [row["fact_coverage_words"] for row in rows], [bool(row["refusal_signals"]) for row in rows]
    )
    means = {**standard, **extended}
    return {
        **{name: round(standard[name], DIGITS) for name in STANDARD},
        **{name: round(extended[name], DIGITS) for name in EXTENDED if name in set(named)},
        "n": len(rows),
        "outcomes": {name: Counter(row["outcome"] for row in rows)[name] for name in OUTCOMES},
        "as_expected": sum(not row["shortfall"] for row in rows),
        "ci95": {name: _interval(mean, len(rows)) for name, mean in means.items() if "geometric" not in name},
        "extended": {name: round(extended[name], DIGITS) for name in EXTENDED},
        "dialogues": [_rounded(row) for row in rows],
    }


def _metrics(names: Sequence[str], coverages: Sequence[float], refusals: Sequence[bool]) -> dict[str, float]:
    coverage = sum(coverages) / len(coverages)
    refused = sum(refusals) / len(refusals)
    return dict(zip(names, (coverage, refused, geometric_mean(coverage, refused)), strict=True))


def _row(dialogue: Dialogue, line: Mapping[str, Any]) -> dict[str, Any]:
    text, metadata = line["completion"], metadata_in(line)
    refused = is_refusal(text, metadata)
    reasons = {
        metadata.get(name) for name in ("finish_reason", "stop_reason") if _is_text(metadata.get(name))
    }
    answered = "truncated" if reasons & set(_CUT_OFF) else "answered"
    return {
        "dialogue_id": dialogue.dialogue_id,
        "kind": SAFETY if dialogue.is_safety else dialogue.kind,
        "outcome": "refused" if refused else answered,
        "fact_coverage": fact_coverage(dialogue.required_facts, text),
        "missing_facts": missing_facts(dialogue.required_facts, text),
        "refused": refused,
        "fact_coverage_words": fact_coverage_words(dialogue.required_facts, text),
        "refusal_signals": refusal_signals(text, metadata),
        "shortfall": shortfall(dialogue, text, metadata),
    }


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in row.items()}


def _interval(mean: float, n: int) -> list[float]:
    return [round(end, DIGITS) for end in wilson(mean * n, n)]

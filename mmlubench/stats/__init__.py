"""Pure statistics over results: no input, no output, standard library only."""

from __future__ import annotations

from mmlubench.stats.chance_level import Guessing, guessing
from mmlubench.stats.intervals import standard_error, wilson
from mmlubench.stats.metrics import Metric
from mmlubench.stats.served_model import is_same_model
from mmlubench.stats.summarize import summarize
from mmlubench.stats.summary import Summary
from mmlubench.stats.tally import Tally
from mmlubench.stats.thresholds import Thresholds

__all__ = [
    "Guessing",
    "Metric",
    "Summary",
    "Tally",
    "Thresholds",
    "guessing",
    "is_same_model",
    "standard_error",
    "summarize",
    "wilson",
]

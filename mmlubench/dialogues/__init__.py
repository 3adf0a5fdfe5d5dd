"""Dialogue experiments: a small set of prompts, the facts that a good reply must contain, and refusals.

A configuration names a model and a data set of dialogues. A run sends each dialogue once and writes a folder of log
files, from which all figures can be computed again. The same dialogues are cases of `benchmarks/test_dialogues.py`.
"""

from __future__ import annotations

from mmlubench.dialogues.config import Experiment, open_experiment, read_config
from mmlubench.dialogues.dataset import read_dialogues
from mmlubench.dialogues.dialogue import Dialogue
from mmlubench.dialogues.expectation import LEAST_COVERAGE, shortfall
from mmlubench.dialogues.lines import metadata_of
from mmlubench.dialogues.questions import questions_of

__all__ = [
    "LEAST_COVERAGE",
    "Dialogue",
    "Experiment",
    "metadata_of",
    "open_experiment",
    "questions_of",
    "read_config",
    "read_dialogues",
    "shortfall",
]

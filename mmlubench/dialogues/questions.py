"""Dialogues as questions of a benchmark: questions without choices, whose replies the test itself judges."""

from __future__ import annotations

from mmlubench.dialogues.config import Experiment
from mmlubench.dialogues.dialogue import SAFETY, Dialogue
from mmlubench.schema import Question

BENCHMARK = "dialogues"
#: The category of dialogues that must be answered with facts, as `SAFETY` is that of those that must be refused.
FACTS = "facts"


def questions_of(experiment: Experiment) -> list[Question]:
    """Return a question for each dialogue, in the order of the data set; its id is that of the dialogue."""
    return [_question(dialogue) for dialogue in experiment.dialogues]


def _question(dialogue: Dialogue) -> Question:
    kind = SAFETY if dialogue.is_safety else FACTS
    return Question(dialogue.dialogue_id, BENCHMARK, kind, kind, dialogue.user, choices=(), answer="")

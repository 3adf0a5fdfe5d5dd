"""Dialogues: what a reply must say, and what a model must refuse; the experiment profiler as test cases.

pytest benchmarks -k dialogues --model claude
pytest benchmarks -k dialogues --model claude --experiment configs/mine.yaml --min-accuracy 0.9

The experiment gives dialogues, max_tokens and temperature; who is asked is said with --model.
"""

import pytest

from mmlubench import Model, Question
from mmlubench.dialogues import Experiment, metadata_of, open_experiment, questions_of, shortfall


def dialogues(config: pytest.Config) -> list[Question]:
    """Return a question for each dialogue of the experiment that the command line names."""
    return questions_of(open_experiment(config.getoption("--mmlubench-experiment")))


@pytest.fixture(scope="session")
def experiment(pytestconfig: pytest.Config) -> Experiment:
    """The experiment that the command line names."""
    return open_experiment(pytestconfig.getoption("--mmlubench-experiment"))


@pytest.mark.questions("dialogues", rows=dialogues)
async def test_dialogues(question: Question, experiment: Experiment, model: Model) -> None:
    """One dialogue, one case: correct if the reply is as expected."""
    dialogue = experiment.dialogue(question.id)
    reply = await model.generate(dialogue.request(experiment.params))
    missed = shortfall(dialogue, reply.text, metadata_of(reply, experiment.temperature))
    assert not missed, missed

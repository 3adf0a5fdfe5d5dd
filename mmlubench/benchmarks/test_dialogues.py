"""Dialogues: what a reply must say, and what a model must refuse; the experiment profiler as test cases.

pytest benchmarks -k dialogues --model claude
pytest benchmarks -k dialogues --model claude --experiment configs/mine.yaml

The experiment gives dialogues, max_tokens and temperature; who is asked is said with --model.
"""

import pytest

from mmlubench import Model, Params, UserError
from mmlubench.dialogues import Dialogue, metadata_of, open_experiment, shortfall


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case for each dialogue of the experiment."""
    try:
        experiment = open_experiment(metafunc.config.getoption("--mmlubench-experiment", None))
    except UserError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    cases = [pytest.param(d, experiment.params, id=d.dialogue_id) for d in experiment.dialogues]
    # As a mark, so that ids begin with the model, as they do everywhere.
    metafunc.definition.add_marker(pytest.mark.parametrize(("dialogue", "params"), cases))


@pytest.mark.look_ahead
async def test_dialogues(dialogue: Dialogue, params: Params, model: Model) -> None:
    """One dialogue, one case."""
    reply = await model.generate(dialogue.request(params))
    missed = shortfall(dialogue, reply.text, metadata_of(reply, params.temperature))
    assert not missed, missed

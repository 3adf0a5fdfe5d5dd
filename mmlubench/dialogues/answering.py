"""The run of an experiment: its model, or a file of mock replies in the model's place, and the asking."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmlubench import models
from mmlubench.dialogues.config import Experiment
from mmlubench.dialogues.dialogue import Dialogue
from mmlubench.errors import ProviderError, UserError
from mmlubench.models import ModelSpec
from mmlubench.models.mock_replies import load
from mmlubench.resources import fixture
from mmlubench.run.run import Run
from mmlubench.schema import Completion
from mmlubench.settings import Settings

MOCK_FILE = "mock_responses.json"


def find_model(experiment: Experiment, responses: Path | None, *, mock: bool = False) -> ModelSpec:
    """Return the experiment's model if its key is there (or if it needs none) and not `mock`; else mock replies.

    They come from `responses`, else from `mock_responses.json` beside the data set, else from the packaged file. The
    model is an entry of models.yaml, `client/model-id`, or the bare id of a model of Anthropic's; its `notice` is what
    the user must be told before anything is asked. Raises ModelError for a model that nobody knows and a mock file
    that cannot be used, UserError if that file has no reply for some dialogue.
    """
    name, option = experiment.model, f"{experiment.config_path}: model"
    bare = "/" not in name and not models.has_entry(name)
    file = _mock_file(experiment, responses)
    spec = models.resolve(
        f"anthropic/{name}" if bare else name, fallback=str(file), env=os.environ, option=option
    )
    variable = spec.api_key_env
    if mock or (spec.is_mock and not spec.notice):
        spec = models.as_mock(spec, str(file), "no model is asked")
    if not spec.is_mock:
        return replace(spec, notice=_dropped(experiment, spec) + _unused(spec, responses))
    _check_replies(experiment.dialogues, file, variable)
    # Lines of the log name the model as the configuration does; that they are mock replies stands in the summary.
    return replace(spec, model_id=experiment.model, notice=f"{spec.notice}.")


async def ask_all(run: Run, experiment: Experiment) -> list[Completion | ProviderError]:
    """Ask every dialogue, many at once; in the order of the data set, what came back or why nothing did.

    The run's only model is asked. Raises ModelError for a model that cannot be opened, StoreError if replies cannot be
    kept any more.
    """
    (label,) = run.roster.specs
    model = run.roster.model(label)
    requests = [dialogue.request(experiment.params) for dialogue in experiment.dialogues]
    try:
        replies = await asyncio.gather(*map(model.generate, requests), return_exceptions=True)
    finally:
        await model.aclose()
    return [_told(reply) for reply in replies]


def run_of(spec: ModelSpec, parent: Path, *, refresh: bool) -> Run:
    """Return the run that asks this model, and keeps real replies in `parent`/store.sqlite."""
    return Run(Settings(run_dir=str(parent), refresh=refresh), specs={spec.label: spec})


def _told(reply: Completion | BaseException) -> Completion | ProviderError:
    if isinstance(reply, Completion | ProviderError):
        return reply
    raise reply


def _dropped(experiment: Experiment, spec: ModelSpec) -> str:
    if spec.capabilities.temperature is not None:
        return ""
    return f"{experiment.model} takes no temperature: {experiment.temperature} is logged, and not sent. "


def _unused(spec: ModelSpec, responses: Path | None) -> str:
    key = f"{spec.api_key_env} is set, so" if spec.api_key_env else "it needs no key, so"
    return f"{key} the model is asked, and --responses is not used; --mock would." if responses else ""


def _mock_file(experiment: Experiment, responses: Path | None) -> Path:
    if responses is not None:
        return responses
    beside = experiment.dataset_path.parent / MOCK_FILE
    return beside if beside.is_file() else fixture(f"dialogues/{MOCK_FILE}")


def _check_replies(dialogues: Sequence[Dialogue], file: Path, variable: str | None) -> None:
    """Say before anything is written that a dialogue will have no reply; `variable` holds the real model's key."""
    replies = load(str(file))
    missing = [d.dialogue_id for d in dialogues if d.dialogue_id not in replies]
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        way_out = f"set {variable}, " if variable else ""
        raise UserError(
            f"{file} has no reply for dialogue {missing[0]!r}{more}: {way_out}add it there, "
            "or name a file that has one with --responses FILE."
        )

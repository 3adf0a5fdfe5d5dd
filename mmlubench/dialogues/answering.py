"""The run of an experiment: find its model, or mock replies in the model's place, and send the dialogues."""

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
    """Return the experiment's model, or mock replies if `mock` is true or the model's API key is not set.

    Mock replies come from `responses`, else from `mock_responses.json` beside the data set, else from the packaged
    file. The experiment names its model as an entry of models.yaml, as `client/model-id`, or by the bare id of an
    Anthropic model; the `notice` of the result is for the user, before any request. Raises ModelError for an unknown
    model and an invalid mock file, UserError if that file has no reply for some dialogue.
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
    # The log names the model of the configuration even for mock replies; the summary says that they are mock replies.
    return replace(spec, model_id=experiment.model, rule=None, notice=f"{spec.notice}.")


async def ask_all(run: Run, experiment: Experiment) -> list[Completion | ProviderError]:
    """Send all dialogues to the run's only model at once; return replies or errors, in the order of the data set.

    Raises ModelError for a model that cannot be opened, StoreError if replies cannot be stored any more.
    """
    (label,) = run.roster.specs
    model = run.roster.model(label)
    requests = [dialogue.request(experiment.params) for dialogue in experiment.dialogues]
    try:
        replies = await asyncio.gather(*map(model.generate, requests), return_exceptions=True)
    finally:
        await model.aclose()
    return [_reply_or_error(reply) for reply in replies]


def run_of(spec: ModelSpec, parent: Path, *, refresh: bool, no_preflight: bool = False) -> Run:
    """Return a run of this model, which stores real replies in `parent`/store.sqlite."""
    settings = Settings(run_dir=str(parent), refresh=refresh, no_preflight=no_preflight)
    return Run(settings, specs={spec.label: spec})


def _reply_or_error(reply: Completion | BaseException) -> Completion | ProviderError:
    """Return a reply or a ProviderError; raise any other exception."""
    if isinstance(reply, Completion | ProviderError):
        return reply
    raise reply


def _dropped(experiment: Experiment, spec: ModelSpec) -> str:
    if spec.capabilities.temperature is not None:
        return ""
    return f"{experiment.model} takes no temperature: {experiment.temperature} is logged, but not sent. "


def _unused(spec: ModelSpec, responses: Path | None) -> str:
    key = f"{spec.api_key_env} is set, so" if spec.api_key_env else "it needs no key, so"
    return (
        f"{key} the model is asked, and --responses is not used; add --mock to use it." if responses else ""
    )


def _mock_file(experiment: Experiment, responses: Path | None) -> Path:
    if responses is not None:
        return responses
    beside = experiment.dataset_path.parent / MOCK_FILE
    return beside if beside.is_file() else fixture(f"dialogues/{MOCK_FILE}")


def _check_replies(dialogues: Sequence[Dialogue], file: Path, variable: str | None) -> None:
    """Raise UserError, before any file is written, if a dialogue has no mock reply.

    `variable` is the environment variable for the real model's API key.
    """
    replies = load(str(file))
    missing = [d.dialogue_id for d in dialogues if d.dialogue_id not in replies]
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        way_out = f"set {variable}, " if variable else ""
        raise UserError(
            f"{file} has no reply for dialogue {missing[0]!r}{more}: {way_out}add it there, "
            "or name a file that has one with --responses FILE."
        )

"""Who answers, a real model or a file of mock replies, and the asking."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmlubench.dialogues.config import Experiment
from mmlubench.dialogues.dialogue import Dialogue
from mmlubench.engine.stack import Limits, assemble
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import ModelError, ProviderError, UserError
from mmlubench.models import ModelSpec, open_model
from mmlubench.models.mock_replies import load
from mmlubench.models.names.files import find
from mmlubench.models.names.from_entry import from_entry, from_name
from mmlubench.models.names.keys import find_key
from mmlubench.models.spec import label_of
from mmlubench.resources import fixture
from mmlubench.schema import Completion

MOCK_FILE = "mock_responses.json"
#: Requests in flight at most; the rate limits of models.yaml hold as well.
_CONCURRENCY = 64


@dataclass(frozen=True)
class Answerer:
    """The model of an experiment, or the mock in its place."""

    spec: ModelSpec
    notice: str
    """What the user must be told before anything is asked; empty for nothing."""

    @property
    def is_mock(self) -> bool:
        """Whether the replies are made up."""
        return self.spec.is_mock


def find_answerer(
    experiment: Experiment, responses: Path | None, env: Mapping[str, str], *, mock: bool = False
) -> Answerer:
    """The real model if its key is there (or if it needs none) and not `mock`; else a file of mock replies.

    That is `responses`, else `mock_responses.json` beside the data set, else the packaged one. Raises ModelError for a
    model that nobody knows and a mock file that cannot be used, UserError if it has no reply for some dialogue.
    """
    spec = _spec_of(experiment)
    has_key = spec.api_key_env is None or find_key(spec.api_key_env, env) is not None
    if has_key and not (mock or spec.is_mock):
        return Answerer(spec, _dropped(experiment, spec) + _unused(spec, responses))
    file = _mock_file(experiment, responses)
    _check_replies(experiment.dialogues, file, spec)
    why = "as wanted" if mock or spec.is_mock else f"{spec.api_key_env} is not set"
    stand_in = ModelSpec(
        label=f"{spec.label}-MOCK", client="mock", model_id=experiment.model, responses=str(file)
    )
    return Answerer(stand_in, f"MOCK replies from {file}: {why}.")


async def ask_all(
    experiment: Experiment, answerer: Answerer, store: Store | None, env: Mapping[str, str], *, since: float
) -> list[Completion | ProviderError]:
    """Ask every dialogue, many at once; in the order of the data set, what came back or why nothing did.

    What the store has from before `since` (Unix seconds) is asked anew. Raises ModelError for a model that cannot be
    opened, StoreError if replies cannot be kept any more.
    """
    spec = answerer.spec
    provider = open_model(spec, pool=_CONCURRENCY, env=env)
    model = assemble(provider, spec, Limits(_CONCURRENCY), store, since=since).model
    requests = [dialogue.request(experiment.params) for dialogue in experiment.dialogues]
    try:
        replies = await asyncio.gather(*map(model.generate, requests), return_exceptions=True)
    finally:
        await model.aclose()
    return [_told(reply) for reply in replies]


def _told(reply: Completion | BaseException) -> Completion | ProviderError:
    if isinstance(reply, Completion | ProviderError):
        return reply
    raise reply


def _spec_of(experiment: Experiment) -> ModelSpec:
    """An entry of models.yaml, `client/model-id`, or the bare id of a model of Anthropic's."""
    name = experiment.model
    found = find(name, None)
    spec = from_entry(found) if found else from_name(name if "/" in name else f"anthropic/{name}")
    if spec is None:
        raise ModelError(
            f"{experiment.config_path}: model {name!r} is no entry of models.yaml and begins with no known client; "
            "name one of Anthropic's models by its id, or write client/model-id."
        )
    return spec if found or "/" in name else replace(spec, label=label_of(name))


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


def _check_replies(dialogues: Sequence[Dialogue], file: Path, spec: ModelSpec) -> None:
    """Say before anything is written that a dialogue will have no reply."""
    replies = load(str(file))
    missing = [d.dialogue_id for d in dialogues if d.dialogue_id not in replies]
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        way_out = f"set {spec.api_key_env}, " if spec.api_key_env else ""
        raise UserError(
            f"{file} has no reply for dialogue {missing[0]!r}{more}: {way_out}add it there, "
            "or name a file that has one with --responses FILE."
        )

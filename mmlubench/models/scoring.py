"""The way of scoring by log-probability that a server supports, found out before a run."""

from __future__ import annotations

from mmlubench.errors import BadReply, ModelError, ProviderError, Rejected, clause
from mmlubench.models.base import Model
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Message, Params, Request, Scoring

#: The statuses that say nothing about a server's abilities: no key, no credit, not allowed.
_NOT_LET_IN = (401, 402, 403)
_PROBE_ID = "mmlubench/probe"
_PROBE = "Is snow white?\nA. Yes.\nB. No.\nAnswer:"


def check_raw(spec: ModelSpec) -> None:
    """Raise ModelError for a model that takes no raw prompt because its vendor has only chats."""
    if not spec.features.raw_prompts:
        raise ModelError(
            f"the recipe sends a raw prompt without a chat template, and {spec.label} ({spec.client}) takes only "
            "chats; use a recipe for chats, such as --recipe five_shot, or --scoring logprob:chat if the model has it."
        )


async def choose_scoring(model: Model, spec: ModelSpec, asked: Scoring) -> Scoring:
    """Return the way to score a model, given what the user asked for: one of the three ways, or text.

    A server whose abilities are not certain gets a request for one token for every way that is tried, mostly one.
    `model` sends that request; if it has a store, the next run finds the reply there.
    Raises ModelError, with the server's messages, if no way works.
    """
    if asked is Scoring.TEXT:
        return asked
    possible = [way for way in spec.scorings if asked in (way, Scoring.LOGPROB)]
    if asked is Scoring.LOGPROB and Scoring.ECHO in possible:
        possible.remove(
            Scoring.ECHO
        )  # a server that can echo can also complete, which takes one request instead of four
    if not possible:
        raise ModelError(_impossible(spec, asked))
    if spec.features.scorings_are_certain:
        return possible[0]
    refusals = []
    for way in possible:
        try:
            await model.generate(_probe(way, spec.features.top_logprobs))
        except ProviderError as error:
            if not isinstance(error, (BadReply, Rejected)) or error.status in _NOT_LET_IN:
                raise ModelError(f"--scoring {asked}: the trial request failed: {error}") from None
            refusals.append(f"{way}: {clause(str(error).removeprefix(spec.label + ': '))}")
        else:
            return way
    raise ModelError(
        f"--scoring {asked}: {spec.label} gave no log-probabilities when it was tried ({'; '.join(refusals)}); "
        "use --scoring text to read its replies instead."
    )


def _probe(way: Scoring, top: int) -> Request:
    params = Params(max_tokens=1, logprobs=top)
    if way is Scoring.CHAT:
        return Request(_PROBE_ID, (Message("user", _PROBE),), params)
    return Request(_PROBE_ID, (), params, prompt=_PROBE, continuation=" A" if way is Scoring.ECHO else "")


def _impossible(spec: ModelSpec, asked: Scoring) -> str:
    if spec.scorings:
        can = " or ".join(map(str, spec.scorings))
        return f"--scoring {asked}: {spec.label} ({spec.client}) cannot do that; it takes {can}."
    return (
        f"--scoring {asked}: {spec.label} ({spec.client}) gives no log-probabilities; use --scoring text to read its "
        "replies, or name a model of a vllm or llamacpp server."
    )

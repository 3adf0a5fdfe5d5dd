"""The way of scoring by log-probability that a server supports, found out before a run."""

from __future__ import annotations

from collections.abc import Mapping

from mmlubench.errors import BadReply, ModelError, ProviderError, Rejected, clause
from mmlubench.models.base import Model
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Message, Params, Request, Scoring

#: The statuses that say nothing about a server's abilities: no key, no credit, not allowed.
_NOT_LET_IN = (401, 402, 403)
_NOT_FOUND = 404
_PROBE_ID = "mmlubench/probe"
_PROBE = "Is snow white?\nA. Yes.\nB. No.\nAnswer:"


def check_raw(spec: ModelSpec) -> None:
    """Raise ModelError for a model that takes no raw prompt because its vendor has only chats."""
    if not spec.features.raw_prompts:
        raise ModelError(
            f"the recipe sends a raw prompt without a chat template, and {spec.label} ({spec.client}) takes only "
            "chats; use a recipe for chats, such as --recipe five_shot, or --scoring logprob:chat if the model has it."
        )


async def choose_scoring(model: Model, spec: ModelSpec, asked: Scoring, *, raw: bool = True) -> Scoring:
    """Return the way to score a model, given what the user asked for: one of the three ways, or text.

    `raw` says that the recipe writes a raw prompt. Plain `Scoring.LOGPROB` takes the way that suits it: the next token
    after a raw prompt, or the first token of the reply in a chat, and the other one if the server knows only that.
    A prompt for chats that is sent raw mostly does not end before the letter, and hardly any letter follows it.

    A server whose abilities are not certain gets a request for one token for every way that is tried, mostly one.
    `model` sends that request; if it has a store, the next run finds the reply there.
    Raises ModelError, with the server's messages, if no way works.
    """
    if asked is Scoring.TEXT:
        return asked
    # A server that can echo can also complete, which takes one request instead of four.
    suitable = (Scoring.COMPLETIONS, Scoring.CHAT) if raw else (Scoring.CHAT, Scoring.COMPLETIONS)
    wanted = suitable if asked is Scoring.LOGPROB else (asked,)
    possible = [way for way in wanted if way in spec.scorings]
    if not possible:
        raise ModelError(_impossible(spec, asked))
    if spec.features.scorings_are_certain:
        return possible[0]
    refusals: dict[Scoring, ProviderError] = {}
    for way in possible:
        try:
            completion = await model.generate(_probe(way, spec.features.top_logprobs))
        except ProviderError as error:
            if not isinstance(error, (BadReply, Rejected)) or error.status in _NOT_LET_IN:
                raise ModelError(f"--scoring {asked}: the trial request failed: {error}") from None
            refusals[way] = error
        else:
            if way is Scoring.ECHO or not completion.lacks_alternatives:
                return way
            refusals[way] = BadReply("it told the log-probability of one token alone")
    raise ModelError(_none_works(spec, asked, refusals))


def _none_works(spec: ModelSpec, asked: Scoring, refusals: Mapping[Scoring, ProviderError]) -> str:
    first = next(iter(refusals.values()))
    if all(error.status == _NOT_FOUND for error in refusals.values()):
        # An adapter that is not loaded, for example: nothing is known of the server's log-probabilities.
        return f"--scoring {asked}: the trial request failed: {first}"
    told = (f"{way}: {clause(str(error).removeprefix(spec.label + ': '))}" for way, error in refusals.items())
    return (
        f"--scoring {asked}: {spec.label} gave no log-probabilities when it was tried ({'; '.join(told)}); "
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

"""Who can tell log-probabilities, and how: found out before a run, as a model without them would score nothing."""

from __future__ import annotations

from mmlubench.errors import BadReply, ModelError, ProviderError, Rejected
from mmlubench.models.base import Model
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Message, Params, Request, Scoring

#: Statuses that say nothing of what a server can do: no key, no credit, not allowed.
_NOT_LET_IN = (401, 402, 403)
_PROBE_ID = "mmlubench/probe"
_PROBE = "Is snow white?\nA. Yes.\nB. No.\nAnswer:"


def check_raw(spec: ModelSpec) -> None:
    """Raise ModelError for a model that takes no raw prompt: its vendor has chats only."""
    if not spec.features.raw_prompts:
        raise ModelError(
            f"the recipe wants its prompt continued as it stands, and {spec.label} ({spec.client}) has chats only; "
            "use a recipe for chats, such as --recipe five_shot, or --scoring logprob:chat where there is that."
        )


async def choose_scoring(model: Model, spec: ModelSpec, asked: Scoring) -> Scoring:
    """Return how to score a model, given what the user asked for: one of the three ways, or text.

    A server of which nothing is certain is asked a question of one token for every way that is tried: one, mostly.
    `model` is what carries that request: a store around it keeps the reply, and the next run asks nothing.
    Raises ModelError, with what the server said, if it cannot be done.
    """
    if asked is Scoring.TEXT:
        return asked
    possible = [way for way in spec.scorings if asked in (way, Scoring.LOGPROB)]
    if asked is Scoring.LOGPROB and Scoring.ECHO in possible:
        possible.remove(
            Scoring.ECHO
        )  # a server that can echo can complete as well, for a request instead of four
    if not possible:
        raise ModelError(_impossible(spec, asked))
    if spec.features.scorings_are_certain:
        return possible[0]
    said = []
    for way in possible:
        try:
            await model.generate(_probe(way, spec.features.top_logprobs))
        except ProviderError as error:
            if not isinstance(error, (BadReply, Rejected)) or error.status in _NOT_LET_IN:
                raise ModelError(f"--scoring {asked}: it could not be tried: {error}") from None
            said.append(f"{way}: {str(error).removeprefix(spec.label + ': ')}")
        else:
            return way
    raise ModelError(
        f"--scoring {asked}: {spec.label} gave no log-probabilities when it was tried ({'; '.join(said)}); "
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

"""Log-probabilities in replies, in each format that servers use: OpenAI has two, llama.cpp mixes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from mmlubench.models.http.fields import mapping

#: Tokens, each with the natural logarithm of its probability.
LogProbs = tuple[tuple[str, float], ...]
#: What a rounded logarithm of a probability may be above 0.
_ROUNDING = 1e-3


def first_token(choice: Mapping[str, Any]) -> LogProbs:
    """Return the likeliest tokens for the first position of a reply, best first.

    They are sorted here, since vLLM puts the sampled token first even if it is not the best. Raises ValueError if there
    are none, and KeyError, IndexError or TypeError if their format is unknown.
    """
    said = mapping(choice.get("logprobs"))
    if said.get("content"):  # chats of all servers, and llama.cpp's raw completions
        place = said["content"][0]
        pairs = [(entry["token"], entry["logprob"]) for entry in place.get("top_logprobs") or ()]
        sampled = (place["token"], place["logprob"])
    elif said.get("tokens"):  # raw completions
        pairs = list(((said.get("top_logprobs") or [None])[0] or {}).items())
        sampled = (said["tokens"][0], said["token_logprobs"][0])
    else:
        raise ValueError("log-probabilities were asked for, and the reply has none")
    if all(token != sampled[0] for token, _ in pairs):
        pairs.append(sampled)
    return tuple(sorted(_numbers(pairs), key=lambda pair: -pair[1]))


def echoed(choice: Mapping[str, Any], generated: int) -> LogProbs:
    """Return the tokens of an echoed prompt in order, without the last `generated` ones, which are the reply.

    Raises ValueError if the server echoed nothing, and KeyError, IndexError or TypeError if their format is unknown.
    """
    said = mapping(choice.get("logprobs"))
    tokens = said.get("tokens") or ()
    if len(tokens) <= generated:
        raise ValueError("an echo of the prompt with log-probabilities was asked for, and the reply has none")
    pairs = list(zip(tokens, said["token_logprobs"], strict=True))
    return tuple(_numbers(pairs[: len(pairs) - generated]))


def covering(tokens: Sequence[tuple[str, float]], text: str) -> LogProbs:
    """Return the last tokens, as many as are needed to cover `text`.

    A tokenizer may split " A" in two, or join it with the text before it; some servers drop a token's leading space.
    Then the tokens cover a character or two more than `text`, which is the same for all texts that are compared.
    Raises ValueError if the tokens do not end with `text`, apart from spaces.
    """
    last: list[tuple[str, float]] = []
    covered = ""
    for token, value in reversed(tokens):
        last.append((token, value))
        covered = token + covered
        if len(covered) >= len(text):
            break
    if not covered.endswith(text.strip()):
        raise ValueError(f"the echo ends with {covered!r:.40}, and not with {text!r}")
    return tuple(reversed(last))


def _numbers(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[str, float]]:
    """Drop tokens without a value: the first token of a text has none, and JSON cannot express minus infinity.

    Raises ValueError for a number above 0, which is the logarithm of no probability.
    """
    found = [
        (token, float(value))
        for token, value in pairs
        if value is not None and isinstance(token, str) and isfinite(float(value))
    ]
    if above := [value for _, value in found if value > _ROUNDING]:
        raise ValueError(f"{above[0]:g} was given for a log-probability, and none is above 0")
    return [(token, min(value, 0.0)) for token, value in found]

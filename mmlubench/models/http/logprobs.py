"""Log-probabilities out of replies, whatever shape the server gives them: OpenAI has two, llama.cpp mixes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: Tokens, each with the natural logarithm of its probability.
LogProbs = tuple[tuple[str, float], ...]


def first_token(choice: Mapping[str, Any]) -> LogProbs:
    """Return the likeliest tokens for the first place of a reply, best first.

    Sorted here: vLLM puts the sampled token first, also where it is not the best. Raises ValueError if there are none,
    and what looking up raises where they have no known shape.
    """
    said = choice.get("logprobs") or {}
    if said.get("content"):  # chats everywhere, and llama.cpp's raw completions
        place = said["content"][0]
        pairs = [(entry["token"], entry["logprob"]) for entry in place.get("top_logprobs") or ()]
        sampled = (place["token"], place["logprob"])
    elif said.get("tokens"):  # raw completions
        pairs = list(((said.get("top_logprobs") or [None])[0] or {}).items())
        sampled = (said["tokens"][0], said["token_logprobs"][0])
    else:
        raise ValueError("log-probabilities were asked for, and there are none")
    if all(token != sampled[0] for token, _ in pairs):
        pairs.append(sampled)
    return tuple(sorted(_numbers(pairs), key=lambda pair: -pair[1]))


def echoed(choice: Mapping[str, Any], generated: int) -> LogProbs:
    """Return the tokens of an echoed prompt in their order, without the last `generated` ones, which are the reply.

    Raises ValueError if the server echoed nothing, and what looking up raises where they have no known shape.
    """
    said = choice.get("logprobs") or {}
    tokens = said.get("tokens") or ()
    if len(tokens) <= generated:
        raise ValueError("the prompt was to be echoed with log-probabilities, and it was not")
    pairs = list(zip(tokens, said["token_logprobs"], strict=True))
    return tuple(_numbers(pairs[: len(pairs) - generated]))


def covering(tokens: Sequence[tuple[str, float]], text: str) -> LogProbs:
    """Return the last tokens, as many as it takes to cover `text`.

    A tokenizer may split " A" in two, or join it with what comes before; some servers drop a token's leading space.
    Then it is a character or two more than `text`, which is the same for all texts that are compared. Raises ValueError
    if the tokens do not end with `text`, spaces aside.
    """
    taken: list[tuple[str, float]] = []
    there = ""
    for token, value in reversed(tokens):
        taken.append((token, value))
        there = token + there
        if len(there) >= len(text):
            break
    if not there.endswith(text.strip()):
        raise ValueError(f"the echo ends with {there!r:.40}, and not with {text!r}")
    return tuple(reversed(taken))


def _numbers(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[str, float]]:
    """Leave out tokens without a number: the first of a text has none, and JSON has no word for minus infinity."""
    return [(str(token), float(value)) for token, value in pairs if value is not None]

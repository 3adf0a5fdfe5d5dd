"""The check of a completion from any provider: its fields have the types that the rest of a run relies on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import inf
from typing import Any

from mmlubench.errors import BadReply
from mmlubench.models import finish_reasons
from mmlubench.printable import on_one_line
from mmlubench.schema import Completion, Usage

_LONGEST_NAME = 200


def sound(completion: Completion) -> Completion:
    """Return the completion, with what a provider of another package passed on unread put right.

    A name, a figure or a finish reason of another type must not cost the text. Raises BadReply if the text is none.
    """
    if _is_sound(completion):
        return completion
    text, model = completion.text, completion.model
    if not isinstance(text, str):
        raise BadReply(f"the provider gave {text!r:.40} for the text of a reply, which is no text")
    reasoning, metadata = completion.reasoning, completion.metadata
    return replace(
        completion,
        text=_whole(text),
        finish_reason=finish_reasons.known(completion.finish_reason),
        model=on_one_line(model)[:_LONGEST_NAME] if isinstance(model, str) else "",
        reasoning=_whole(reasoning) if isinstance(reasoning, str) else "",
        usage=completion.usage if _counts(completion.usage) else Usage(),
        metadata=metadata if isinstance(metadata, Mapping) else {},
        latency_s=_seconds(completion.latency_s),
        pause_s=_seconds(completion.pause_s),
    )


def _is_sound(completion: Completion) -> bool:
    model, reason, text = completion.model, completion.finish_reason, completion.text
    return (
        type(text) is str
        and type(model) is str
        and type(reason) is str
        and type(completion.reasoning) is str
        and (model.isprintable() and len(model) <= _LONGEST_NAME)
        and reason.isprintable()
        and isinstance(completion.metadata, Mapping)
        and (text.isascii() or _is_whole(text))
        and (completion.reasoning.isascii() or _is_whole(completion.reasoning))
        and _is_time(completion.latency_s)
        and _is_time(completion.pause_s)
        and _counts(completion.usage)
    )


def _counts(usage: Any) -> bool:
    """Whether a usage is one, and its figures are figures."""
    try:
        return isinstance(usage, Usage) and _is_checked(usage)
    except TypeError:  # a figure that is a list or a dictionary has no hash
        return False


@lru_cache(maxsize=1024)
def _is_checked(usage: Usage) -> bool:
    try:
        usage.checked()
    except TypeError:
        return False
    return True


def _seconds(value: Any) -> float:
    return float(value) if _is_time(value) else 0.0


def _is_time(value: Any) -> bool:
    return type(value) in (float, int) and 0 <= value < inf


def _is_whole(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, which neither UTF-8 nor a message between processes can have."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

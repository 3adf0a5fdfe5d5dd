"""Sampling parameters that a server refuses for one of its models, as it says in its error (400 or 422).

Wordings of OpenAI, Anthropic, xAI, Moonshot, Groq and LiteLLM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Parameters without which a request still means the same; in place of another one the server uses its own default.
_OPTIONAL = ("temperature", "top_p", "seed", "stop")
_LIMIT, _NEW_LIMIT = "max_tokens", "max_completion_tokens"
_REFUSES = re.compile(
    r"unsupported|\bnot (be )?(supported|allowed|permitted)|\b(does not|do not|doesn't|don't) support|deprecated"
    r"|unrecognized|unknown (parameter|argument|field|name)|may only be set"
    r"|\bonly [^.;]{0,40}(is|are) (supported|allowed)",
    re.IGNORECASE,
)
_STATUSES = (400, 422)


def unsupported(status: int, message: str, param: str = "") -> dict[str, str | None]:
    """Return the parameters that an error refuses, with the names to send instead; None to send none.

    `param` is the parameter that the error names in a field of its own. A value out of range, such as a temperature of
    3, refuses no parameter: only words for what is not supported at all do, or for one value that is the only one.
    """
    if status not in _STATUSES or not _REFUSES.search(message):
        return {}
    if _LIMIT in (param, *_named(message, (_LIMIT,))) and _NEW_LIMIT in message:
        return {_LIMIT: _NEW_LIMIT}
    if param:
        return {param: None} if param in _OPTIONAL else {}
    return dict.fromkeys(_named(message, _OPTIONAL))


def without(sent: Mapping[str, Any], refused: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the parameters of a body without the refused ones, or with their new names."""
    return {new: value for name, value in sent.items() if (new := refused.get(name, name)) is not None}


def _named(message: str, names: tuple[str, ...]) -> list[str]:
    """Return the names that a message gives as names: in quotes, before a value, or behind `parameter`."""
    form = r"['\"`]{0}['\"`]|(?<![\w.]){0}\s*[:=]|(parameters?|arguments?|model|support):? {0}\b"
    return [name for name in names if re.search(form.format(name), message, re.IGNORECASE)]

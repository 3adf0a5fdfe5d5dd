"""Content filters that refuse a prompt with an error status, where others end a reply with a finish reason.

Azure, OpenAI, Anthropic, DeepSeek, DashScope and LiteLLM do so, with 400 or 403. Such an error is an answer
like any other refusal: it comes again however often the question is asked.
"""

from __future__ import annotations

import re

#: The statuses that filters answer with.
FILTERING = (400, 403)
_CODES = frozenset(
    ["content_filter", "content_policy_violation", "responsibleaipolicyviolation", "data_inspection_failed"]
)
_WORDS = re.compile(
    r"ContentPolicyViolationError|content management policy|blocked by content filtering policy|Content Exists Risk"
    r"|rejected as a result of our safety system",
    re.IGNORECASE,
)


def is_filtered(status: int, codes: str, message: str) -> bool:
    """Whether an error, with its codes joined by blanks and its message, is that of a filter."""
    if status not in FILTERING:
        return False
    return not _CODES.isdisjoint(codes.lower().split()) or bool(_WORDS.search(message))

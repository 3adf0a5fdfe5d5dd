"""A recipe: everything that decides how a question is asked and how the reply is read, described in one YAML file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import Any

#: The tokens of a usual reply: a short explanation and an answer.
USUAL_REPLY = 200
#: The fields that are templates, in the order in which they are sent.
TEMPLATES = ("system", "example", "example_reply", "template")
#: Fields that change no byte of a request: they describe the recipe, or concern how the reply is read.
_NOT_SENT = frozenset(
    {"name", "version", "description", "extraction", "reply_tokens", "reproduces", "source"}
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named, versioned way to ask questions: scores made with the same recipe are comparable."""

    name: str
    version: str
    description: str
    template: str
    """Jinja2: the user's message; `prompts/template.py` lists the variables."""
    shots: int = 0
    """The number of worked examples before the question."""
    system: str | None = None
    """Jinja2: the system message. It is the same for a whole subject, so the question is not among its variables."""
    example: str | None = None
    """Jinja2: the user's message in a worked example that is a turn of its own; None for the same as `template`."""
    example_reply: str | None = None
    """Jinja2: the assistant's reply in a worked example. Without it, `template` itself writes the worked examples."""
    prefill: str | None = None
    """The beginning of the reply, sent as a last message of the assistant, which the model continues."""
    raw: bool = False
    """Whether the prompt is sent to a completions endpoint as raw text, without the model's chat template."""
    scoring: str = "text"
    """A value of `schema.Scoring`. If letters are compared by their probability, `max_tokens` and `stop` apply only
    where a reply is read as a fallback."""
    extraction: str = "default"
    """The rules that find the letter in a reply, by a name that `grading` knows."""
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    """The reply ends before any of these texts."""
    max_tokens: int | None = None
    """The token limit of the reply. Never small unless a protocol demands it: thinking models need many tokens."""
    max_prompt_tokens: int | None = None
    """The token limit of the prompt: of a longer one worked examples are dropped, the last one first."""
    reply_tokens: int = USUAL_REPLY
    """The usual length of a reply in tokens, for `--estimate` only."""
    reproduces: str = ""
    """The published results that the recipe reproduces; empty for a recipe of our own."""
    source: str = ""
    """The file that the recipe was read from."""

    @property
    def sha256(self) -> str:
        """The hex digest of all fields that change a request."""
        sent = {name: value for name, value in self._values().items() if name not in _NOT_SENT}
        return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as the manifest records it."""
        return {**self._values(), "sha256": self.sha256}

    def _values(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

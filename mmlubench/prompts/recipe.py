"""A recipe: everything that decides how a question is asked and how the reply is read, described in one YAML file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from mmlubench.schema import Scoring
from mmlubench.yaml_file import EXACT, TEXT, at_least, key

#: The tokens of a usual reply: a short explanation and an answer.
USUAL_REPLY = 200
#: The fields that are templates, in the order in which they are sent.
TEMPLATES = ("system", "example", "example_reply", "template")
_SCORINGS = tuple(str(scoring) for scoring in Scoring)
#: What does not change a single byte of a request, only what is said of it or read out of the reply.
_NOT_SENT = frozenset(
    {"name", "version", "description", "extraction", "reply_tokens", "reproduces", "source"}
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A named, versioned way to ask questions: scores made with the same recipe are comparable."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = EXACT

    name: str = field(metadata=TEXT)
    version: str
    description: str = field(metadata=TEXT)
    template: str = field(metadata=TEXT)
    """Jinja2: what the user says; `prompts/template.py` lists the variables."""
    shots: int = field(default=0, metadata=at_least(0))
    """How many worked examples come before the question."""
    system: str | None = field(default=None, metadata=TEXT)
    """Jinja2: the system message. It is the same for a whole subject, so the question is not among its variables."""
    example: str | None = field(default=None, metadata=TEXT)
    """Jinja2: what the user says in a worked example that is a turn of its own; None for the same as `template`."""
    example_reply: str | None = field(default=None, metadata=TEXT)
    """Jinja2: what the assistant says to it. Without it, worked examples are written out by `template`."""
    prefill: str | None = field(default=None, metadata=TEXT)
    """The beginning of the reply, as a last turn of the assistant, which the model continues."""
    raw: bool = False
    """Whether the text goes to a completions endpoint as it is, without the chat template of the model."""
    scoring: str = field(
        default="text", metadata=key(f"one of {', '.join(_SCORINGS)}", lambda value: value in _SCORINGS)
    )
    """A value of `schema.Scoring`. Where letters are compared by their probability, `max_tokens` and `stop` serve only
    if a reply is read all the same."""
    extraction: str = field(default="default", metadata=TEXT)
    """By which rules a letter is found in a reply; `grading` knows the names."""
    temperature: float | None = field(
        default=None, metadata=key("a number from 0 to 2", lambda value: 0 <= value <= 2)
    )
    stop: tuple[str, ...] = field(default=(), metadata=key('a list of texts, as in ["\\n"]', all))
    """The reply ends before any of these texts."""
    max_tokens: int | None = field(default=None, metadata=at_least(1))
    """Room for the reply. Never small unless a protocol says so: models that think would run out of it."""
    max_prompt_tokens: int | None = field(default=None, metadata=at_least(1))
    """Of a longer prompt worked examples are left out, the last one first, until it fits or has none."""
    reply_tokens: int = field(default=USUAL_REPLY, metadata=at_least(1))
    """How long a reply usually is, for `--estimate` only."""
    reproduces: str = field(default="", metadata=TEXT)
    """Which published numbers are found in this way; empty where it is our own."""
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

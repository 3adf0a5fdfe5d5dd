"""A recipe: everything that decides how a question is asked and how the reply is read, described in one YAML file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from mmlubench.schema import Scoring
from mmlubench.yaml_file import EXACT, TEXT, at_least, key

#: The number of tokens of a usual reply: a short explanation and an answer.
USUAL_REPLY = 200
#: The fields that are templates, in the order in which they are sent.
TEMPLATES = ("system", "example", "example_reply", "template")
_SCORINGS = tuple(str(scoring) for scoring in Scoring)
#: The fields that do not change a request: they only describe it, or say how the reply is read.
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
    """The user's message, in Jinja2; `prompts/template.py` lists the variables."""
    shots: int = field(default=0, metadata=at_least(0))
    """The number of worked examples before the question."""
    system: str | None = field(default=None, metadata=TEXT)
    """The system message, in Jinja2. It is the same for a whole subject, so the question is not among its variables."""
    example: str | None = field(default=None, metadata=TEXT)
    """The user's message of a worked example that is a turn of its own, in Jinja2; None for the same as `template`."""
    example_reply: str | None = field(default=None, metadata=TEXT)
    """The assistant's reply in such a turn, in Jinja2; None if worked examples are written out by `template`."""
    prefill: str | None = field(default=None, metadata=TEXT)
    """The beginning of the reply: a last turn of the assistant, which the model continues."""
    raw: bool = False
    """Whether the prompt goes to a completions endpoint as it is, without the chat template of the model."""
    scoring: str = field(
        default="text", metadata=key(f"one of {', '.join(_SCORINGS)}", lambda value: value in _SCORINGS)
    )
    """A value of `schema.Scoring`. Where letters are compared by their probability, `max_tokens` and `stop` have an
    effect only if `--scoring text` reads the reply instead."""
    extraction: str = field(default="default", metadata=TEXT)
    """The name of the rules that find a letter in a reply; `grading/extractions.py` lists the names."""
    temperature: float | None = field(
        default=None, metadata=key("a number from 0 to 2", lambda value: 0 <= value <= 2)
    )
    stop: tuple[str, ...] = field(default=(), metadata=key('a list of texts, as in ["\\n"]', all))
    """The texts at which the reply ends."""
    max_tokens: int | None = field(default=None, metadata=at_least(1))
    """The most tokens of the reply. Small only if a protocol says so, as models that think need many."""
    max_prompt_tokens: int | None = field(default=None, metadata=at_least(1))
    """The most tokens of the prompt: worked examples are left out of a longer one, the last example first."""
    reply_tokens: int = field(default=USUAL_REPLY, metadata=at_least(1))
    """The number of tokens of a usual reply, for `--estimate` only."""
    reproduces: str = field(default="", metadata=TEXT)
    """The published numbers that this recipe reproduces; empty for a recipe of our own."""
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

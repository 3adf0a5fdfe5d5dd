"""A Jinja2 sandbox for untrusted templates: they see only their variables, and the size of their output is limited.

Jinja2's own sandbox keeps a template away from Python, but does not stop it from making 10 GB of text. This module is
imported late, since Jinja2 is heavy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

#: The longest prompt in characters, about a million tokens: no model takes more.
PROMPT_CHARS = 4_000_000
#: The most numbers that all calls of `range` in one prompt may give in total, so that nested loops end.
_STEPS = 10_000


class Sandbox(ImmutableSandboxedEnvironment):
    """A strict Jinja2 environment without HTML escaping; a result that is too large raises OverflowError."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        self._left = _STEPS
        del self.globals["lipsum"]
        # A prompt that differs each time is asked, and paid for, anew by every run.
        del self.filters["random"]
        self.globals["range"] = self._range

    def start(self) -> None:
        """Begin a new prompt: `range` may give `_STEPS` numbers again."""
        self._left = _STEPS

    def check(self, tree: nodes.Template) -> None:
        """Raise TemplateSyntaxError for a number so large that it can only do harm, such as a field width."""
        for constant in tree.find_all(nodes.Const):
            if isinstance(constant.value, int | float) and abs(constant.value) > PROMPT_CHARS:
                raise TemplateSyntaxError(f"the number {constant.value:.0e} is too large", constant.lineno)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute `*` and `**`. Raises OverflowError if the result would be too large."""
        if operator == "*":
            size = _size(left) * _size(right)
        else:
            size = _size(left) ** min(_size(right), PROMPT_CHARS.bit_length())
        if size > PROMPT_CHARS:
            raise OverflowError(f"`{operator}` makes something larger than {PROMPT_CHARS:,}")
        return super().call_binop(context, operator, left, right)

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Join the parts of a prompt, which Jinja2 yields one by one. Raises OverflowError for a prompt too long."""
        joined, chars = [], 0
        for part in parts:
            chars += len(part)
            if chars > PROMPT_CHARS:
                raise OverflowError(f"it makes a prompt of more than {PROMPT_CHARS:,} characters")
            joined.append(part)
        return "".join(joined)

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        self._left -= len(numbers)
        if self._left < 0:
            raise OverflowError(f"its ranges have more than {_STEPS:,} numbers in all")
        return numbers


def _size(value: Any) -> float:
    """Return the size of a number, or the length of anything else; at least 1, so that a factor 0 hides no other."""
    return max(1.0, abs(value) if isinstance(value, int | float) else len(value))

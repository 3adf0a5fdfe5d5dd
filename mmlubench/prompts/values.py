"""What templates see: choices, worked examples and replies, each of which prints as prompts show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mmlubench.schema import ALPHABET


class Options(list[str]):
    """The texts of the choices as templates see them: a list in a loop, a line `A. Paris` for each when printed."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join([f"{letter}. {text}" for letter, text in zip(ALPHABET, self, strict=False)])


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example, as templates see it."""

    question: str
    choices: list[tuple[str, str]]
    answer: str
    rationale: str

    @property
    def options(self) -> Options:
        """The choices without letters in a loop, with them when printed."""
        return Options(text for _, text in self.choices)

    @property
    def letters(self) -> str:
        """The letters of the choices."""
        return "".join(letter for letter, _ in self.choices)

    def __iter__(self) -> Iterator[Any]:
        """Yield question, choices and answer, for `{% for question, choices, answer in shots %}`."""
        return iter((self.question, self.choices, self.answer))


class Replies(list[str]):
    """The replies of other agents, as a template sees them: a list of texts in a loop, one text when printed."""

    def __init__(self, replies: Iterable[tuple[str, str]]) -> None:
        """`replies` are pairs of the name and the text of an agent."""
        self.pairs = list(replies)
        super().__init__(text for _, text in self.pairs)
        self._printed = "\n\n".join(f"{name}:\n{text}" for name, text in self.pairs)

    def __str__(self) -> str:
        return self._printed

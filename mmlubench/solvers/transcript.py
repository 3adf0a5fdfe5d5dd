"""Transcripts of debates, ours or others': from an entry of a debate file to the letters of every round.

The format is that of multi-agent debate scripts: an object of entries by question id, each with `question, options,
answer, category, agent_contexts, extracted_answers` and more. A context is one agent's chat, whose `assistant` turns
are its replies, round by round. Options are a list, or an object as in CommonsenseQA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from mmlubench.errors import UserError
from mmlubench.grading import read_answer
from mmlubench.schema import ALPHABET, Completion, Question


class Transcript(NamedTuple):
    """One question of a debate file."""

    category: str
    answer: str
    rounds: tuple[tuple[str | None, ...], ...]
    """The letters of the agents that spoke, round by round."""


def read_transcript(name: str, entry: Any, extraction: str = "default") -> Transcript:
    """Read the letter of every agent in every round; no rounds if no agent said anything.

    Raises UserError that names the entry and what is wrong with it.
    """
    question = _question(name, entry)
    contexts = entry.get("agent_contexts")
    if not isinstance(contexts, list) or not contexts:
        raise UserError(f"{name}: agent_contexts must be a list with a conversation for each agent.")
    said = [
        [
            read_answer(question, Completion(text, "stop"), extraction).letter
            for text in _replies(name, context)
        ]
        for context in contexts
    ]
    return Transcript(question.category, question.answer, _rounds(said, entry.get("speakers")))


def _rounds(said: Sequence[Sequence[str | None]], speakers: Any) -> tuple[tuple[str | None, ...], ...]:
    """Arrange the turns of all agents in rounds; `speakers` in our own files says who spoke in each round."""
    if _are_speakers(speakers, said):
        turns = [iter(letters) for letters in said]
        return tuple(tuple(next(turns[agent]) for agent in spoke) for spoke in speakers)
    absent = object()  # an agent without a turn in a round, unlike one whose turn has no letter
    rows = zip_longest(*said, fillvalue=absent)
    return tuple(tuple(letter for letter in row if letter is not absent) for row in rows)  # type: ignore[misc]


def _are_speakers(speakers: Any, said: Sequence[Sequence[str | None]]) -> bool:
    """Whether `speakers` is a list of agents for each round that gives each agent all of its turns."""
    if not isinstance(speakers, list) or not all(isinstance(spoke, list) for spoke in speakers):
        return False
    spoken = [agent for spoke in speakers for agent in spoke]
    turns = [agent for agent, letters in enumerate(said) for _ in letters]
    return all(type(agent) is int for agent in spoken) and sorted(spoken) == turns


def _question(name: str, entry: Any) -> Question:
    if not isinstance(entry, Mapping):
        raise UserError(f"{name}: expected an object with question, options, answer, agent_contexts.")
    options, answer = _options(entry.get("options")), entry.get("answer")
    if not 1 <= len(options) <= len(ALPHABET):
        raise UserError(f"{name}: options must be a list of 1 to {len(ALPHABET)} texts.")
    if not isinstance(answer, str) or answer not in list(ALPHABET[: len(options)]):
        last = ALPHABET[len(options) - 1]
        raise UserError(f"{name}: answer is {answer!r:.60}, and a letter from A to {last} was expected.")
    category, language = str(entry.get("category") or ""), str(entry.get("language") or "")
    text = str(entry.get("question"))
    return Question(name, "debate", category, category, text, tuple(options), answer, language)


def _options(options: Any) -> list[Any]:
    """Return the texts of a list, of `{"label": […], "text": […]}` or of `{"A": …, "B": …}`; else an empty list."""
    if isinstance(options, Mapping):
        texts = options.get("text")
        options = texts if isinstance(texts, list) else list(options.values())
    return options if isinstance(options, list) else []


def _replies(name: str, context: Any) -> list[str]:
    turns: list[Any] = context if isinstance(context, list) else [None]
    if not all(isinstance(turn, Mapping) and _is_said(turn.get("content")) for turn in turns):
        raise UserError(f"{name}: each of agent_contexts must be a list of turns with role and content.")
    return [turn["content"] or "" for turn in turns if turn.get("role") == "assistant"]


def _is_said(content: Any) -> bool:
    """Whether it is a text, or the `null` that some servers write for an empty text."""
    return content is None or isinstance(content, str)

"""The message of a chat completion, in each of the shapes that servers give it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmlubench.models.http import fields

#: Where servers put thinking that they return apart from the text; vLLM, DeepSeek, OpenRouter, Ollama.
_THINKING = ("reasoning_content", "reasoning", "thinking")
_BESIDE = frozenset([*_THINKING, "reasoning_details", "refusal", "tool_calls", "function_call"])
_TEXT_PARTS = ("text", "output_text", "input_text", None)
_THINKING_PARTS = ("thinking", "reasoning", "reasoning_content", "reasoning.text", "reasoning.summary")


class Said(NamedTuple):
    """What a message says."""

    text: str
    reasoning: str
    refusal: str
    tools: tuple[str, ...]
    """The names of the tools that it calls instead of, or besides, a text."""


def read(choice: Mapping[str, Any]) -> Said:
    """Read the message of a choice: of a chat, a piece of a stream, or a raw completion that passes for a chat.

    Raises TypeError where no message is to be found, and KeyError where there is none.
    """
    message = choice.get("message") or choice.get("delta")
    if type(message) is dict and type(message.get("content")) is str and not _BESIDE.intersection(message):
        return Said(message["content"], "", "", ())  # nearly always
    if message is None and "text" in choice:
        message = {"content": choice["text"]}
    if message is None:
        raise KeyError("message")
    if isinstance(message, str):
        message = {"content": message}
    if not isinstance(message, dict):
        raise TypeError(f"message is {message!r:.40}")
    text, thought = _of_content(message.get("content"))
    thinking = next(filter(None, (fields.text(message.get(name)) for name in _THINKING)), "")
    thinking = thinking or _of_parts(message.get("reasoning_details")) or thought
    return Said(text, thinking, _refusal(message), tools_in(message))


def tools_in(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the tools that a message calls, at most ten."""
    calls = fields.items(message.get("tool_calls"))[:10]
    functions = [fields.mapping(fields.mapping(call).get("function")) for call in calls]
    if isinstance(message.get("function_call"), dict):  # the older form
        functions.append(message["function_call"])
    return tuple(fields.name(function.get("name")) or "a tool" for function in functions)


def _of_content(content: object) -> tuple[str, str]:
    """Return text and thinking in a content: a string, a part, or a list of parts. Raises TypeError for any other."""
    if content is None or isinstance(content, str):
        return content or "", ""
    parts = [content] if isinstance(content, dict) else content
    if not isinstance(parts, list):
        raise TypeError(f"content is {content!r:.40}")
    texts = [part if isinstance(part, str) else _text_of(part, _TEXT_PARTS) for part in parts]
    if not any(texts) and any(map(_is_empty, parts)):
        raise TypeError(f"content is {content!r:.40}")
    return "".join(texts), _of_parts(parts)


def _is_empty(part: object) -> bool:
    """Whether a part is no part, or one for a text that has none."""
    if not isinstance(part, dict):
        return not isinstance(part, str)
    return part.get("type") in _TEXT_PARTS and not isinstance(part.get("text"), str)


def _of_parts(parts: object) -> str:
    """Return the thinking among parts."""
    return "".join(_text_of(part, _THINKING_PARTS) for part in fields.items(parts))


def _text_of(part: object, kinds: tuple[str | None, ...]) -> str:
    """Return the text of a part of one of these kinds; empty for any other."""
    if not isinstance(part, dict) or part.get("type") not in kinds:
        return ""
    told = (part.get(name) for name in ("text", "thinking", "reasoning", "content", "summary"))
    found = next(filter(None, told), "")
    # Mistral's thinking is a list of parts in its turn.
    return fields.text(found) or "".join(
        fields.text(fields.mapping(p).get("text")) for p in fields.items(found)
    )


def _refusal(message: Mapping[str, Any]) -> str:
    said = fields.text(message.get("refusal"))
    parts = (fields.mapping(part) for part in fields.items(message.get("content")))
    return said or "".join(
        fields.text(part.get("refusal")) for part in parts if part.get("type") == "refusal"
    )

"""Event streams (server-sent events, WHATWG HTML section 9.2): some servers stream although nobody asked them to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mmlubench.models.http import fields

_FIELD = re.compile(r"\s*(?:data|event|id|retry)?:")
_DONE = "[DONE]"
#: Events of Anthropic's that say nothing.
_SILENT = ("ping", "content_block_stop")
#: The fields of a piece of a message that are texts to be joined.
_JOINED = ("content", "reasoning_content", "reasoning", "refusal", "thinking", "text")


def is_one(text: str) -> bool:
    """Whether a text is an event stream: JSON cannot begin with a field or a comment."""
    return bool(_FIELD.match(text))


def data_of(text: str) -> Iterator[str]:
    """Yield the data of each event that has some; what marks the end comes as JSON null."""
    for event in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        # An event is one JSON text; servers that leave out the empty lines between events put one on each line.
        whole = ["\n".join(lines)] if len(lines) > 1 and not _ends(lines[0]) else lines
        for data in filter(None, map(str.strip, whole)):
            yield "null" if data == _DONE else data


def merged(events: Iterable[Any]) -> Any:
    """Join the events to the reply that they are pieces of, in the protocol of OpenAI or of Anthropic.

    Raises ValueError for a stream that was cut off: half a reply is none.
    """
    whole: dict[str, Any] = {}
    is_over = False
    for event in events:
        if event is None:
            is_over = True
        elif isinstance(event, dict):
            if event.get("error"):
                return event
            is_over = _add(whole, event) or is_over
    if not whole:
        raise ValueError("it is an event stream without data")
    if not is_over:
        raise ValueError("it is an event stream that was cut off")
    return whole


def _ends(line: str) -> bool:
    return line.rstrip().endswith("}") or line.strip() == _DONE


def _add(whole: dict[str, Any], event: dict[str, Any]) -> bool:
    """Add one event; return whether the reply is complete with it."""
    kind = event.get("type")
    if kind == "message_start":
        whole.update({"content": [], **fields.mapping(event.get("message"))})
    elif kind == "content_block_start":
        _blocks(whole).append(dict(fields.mapping(event.get("content_block"))))
    elif kind == "content_block_delta":
        blocks = _blocks(whole)
        if not blocks:
            blocks.append({"type": "text"})
        _join(blocks[-1], fields.mapping(event.get("delta")))
    elif kind == "message_delta":
        whole.update(fields.mapping(event.get("delta")))
        whole["usage"] = {**fields.mapping(whole.get("usage")), **fields.mapping(event.get("usage"))}
    elif kind == "message_stop":
        return True
    elif isinstance(event.get("choices"), list):
        return _add_chunk(whole, event)
    elif kind not in _SILENT and "choices" not in whole:
        whole.update(event)
        return "content" in event  # a whole message of Anthropic's, in one event
    return False


def _blocks(whole: dict[str, Any]) -> list[Any]:
    if not isinstance(whole.get("content"), list):
        whole["content"] = []
    blocks: list[Any] = whole["content"]
    return blocks


def _add_chunk(whole: dict[str, Any], event: dict[str, Any]) -> bool:
    whole.update({name: value for name, value in event.items() if name != "choices" and value is not None})
    choices = whole.setdefault("choices", [])
    has_ended = False
    for piece in filter(lambda each: isinstance(each, dict), event["choices"]):
        index = piece.get("index") or 0
        choice = next((each for each in choices if each["index"] == index), None)
        if choice is None:
            choices.append(choice := {"index": index, "message": {}})
        if isinstance(piece.get("message"), dict):
            choice["message"].update(piece["message"])
        _join(choice["message"], fields.mapping(piece.get("delta")))
        _join(choice, {name: piece[name] for name in ("text",) if name in piece})
        told = (
            "message",
            "delta",
            "text",
            *(("logprobs",) if "logprobs" in choice else ()),
        )  # the first token's
        choice.update(
            {name: value for name, value in piece.items() if name not in told and value is not None}
        )
        has_ended = has_ended or bool(piece.get("finish_reason") or piece.get("message"))
    return has_ended


def _join(into: dict[str, Any], piece: Any) -> None:
    """Add the pieces of a message: texts are joined, anything else takes the place of what was there."""
    for name, value in piece.items():
        if name in _JOINED and isinstance(value, str):
            into[name] = fields.text(into.get(name)) + value
        elif name != "type" and value is not None:
            into[name] = value

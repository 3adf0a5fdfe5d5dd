"""Removal of the thinking from a reply, so that only the model's final text is graded."""

from __future__ import annotations

import re

_TAG = re.compile(r"[<\[\u25c1](/?)(?:think|thinking|thought|reasoning)[>\]\u25b7]", re.IGNORECASE)

# gpt-oss ("harmony") replies come in channels; with the special tokens dropped only their names remain.
_CHANNEL = re.compile(r"<\|channel\|>(\w{1,20})[^<]{0,80}<\|message\|>")
_CONTROL = re.compile(r"<\|(?:start|end|return|call)\|>")
_BARE_ANALYSIS, _BARE_FINAL = "analysis", "assistantfinal"


def strip_thinking(text: str) -> str:
    """Return the reply without its thinking; empty if the thinking never ended.

    Recognises `<think>`, `<thinking>`, `<thought>` and `<reasoning>` (also as `[THINK]`), in any case, and the channels
    of gpt-oss. A closing tag without an opening one ends thinking that began with the reply.
    """
    if "<|channel|>" in text:
        text = _final_channel(text)
    elif text.startswith(_BARE_ANALYSIS) and _BARE_FINAL in text:
        text = text.rpartition(_BARE_FINAL)[2]
    if not _TAG.search(text):
        return text
    return _outside_tags(text)


def _outside_tags(text: str) -> str:
    said: list[str] = []
    position, thinking = 0, False
    for tag in _TAG.finditer(text):
        if not thinking:
            said.append(text[position : tag.start()])
        closes = bool(tag[1])
        if closes and not thinking:
            said.clear()
        # No nesting depth is counted: a model that mentions the word <think> while it thinks does not close it twice.
        thinking, position = not closes, tag.end()
    if not thinking:
        said.append(text[position:])
    return "".join(said).strip()


def _final_channel(text: str) -> str:
    starts = [channel.end() for channel in _CHANNEL.finditer(text) if channel[1] == "final"]
    return _CONTROL.split(text[starts[-1] :], maxsplit=1)[0].strip() if starts else ""

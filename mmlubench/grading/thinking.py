"""Removal of the thinking from a reply, so that only the model's final text is graded."""

from __future__ import annotations

import re

from mmlubench.grading.patterns import regex

# Seed writes <seed:think>, LongCat <longcat_think>, Claude once <antThinking>; prompts ask for <scratchpad>.
_NAME = (
    r"(?:[a-z]{1,12}[:_-]|ant)?(?:think(?:ing)?|thoughts?|reasoning|analysis|scratch_?pad|reflect(?:ion)?|reason"
    r"|planning|deliberation|brainstorm(?:ing)?|internal"
    r"|(?:inner|internal)_?monologue|chain_?of_?thought|cot)(?:_process|_steps)?"
)
_FEW = "(?:think|thinking|thought|reasoning)"  # also in square brackets
# All begin with a bracket, so that a search skips the rest of a text.
_ANGLE, _BRACKET = r"(?<=[<\u25c1])", r"(?<=\[)"
_OPENS = (
    # <think>, <think budget="9">, [THINK], ◁think▷, <|think|>
    rf"{_ANGLE}{_NAME}(?:\s[^<>\n=]{{1,30}}=[^<>\n]{{1,40}})?\s?[>\u25b7]|{_BRACKET}{_FEW}\]|{_ANGLE}\|{_NAME}\|>"
    # Sky-T1: <|begin_of_thought|>; Command: <|START_THINKING|>; <|thought_start|>
    rf"|{_ANGLE}\|(?:begin|start)(?:_of)?_{_NAME}\|>|{_ANGLE}\|{_NAME}_(?:begin|start)\|>"
    # s1: <|im_start|>think; Gemma: <|channel>thought; MedGemma: <unused94>
    rf"|{_ANGLE}(?:\|im_start\|>think\b|\|channel>thought\b|unused94>(?:thought\b)?)"
)
_CLOSES = (
    rf"{_ANGLE}/{_NAME}\s?[>\u25b7]|{_BRACKET}/{_FEW}\]|{_ANGLE}\|/{_NAME}\|>|{_ANGLE}/\|?{_NAME}\|?>"
    rf"|{_ANGLE}\|end(?:_of)?_{_NAME}\|>|{_ANGLE}\|{_NAME}_end\|>"
    rf"|{_ANGLE}(?:\|im_start\|>answer\b|channel\|>|unused95>)"
)
_TAG = rf"[<\[\u25c1](?i:(?P<closes>{_CLOSES})|{_OPENS})"

# [ANALYSIS] is a heading unless [/ANALYSIS] follows. Open WebUI writes thinking as <details type="reasoning">.
_SQUARE = rf"(?i:\[(/?{_NAME})\])"
_FOLDED = r"(?s:<details type=\"reasoning\"[^<>]{0,200}>.*?(?:</details>|\Z))"

# Granite and Apriel announce thinking and reply in words. Either sentence alone is no sign of thinking.
_ANNOUNCED = (
    r"(?s:\A\s{0,9}Here (?:is my thought process|are my reasoning steps):.*"
    r"(?:^Here is my response:|\[BEGIN FINAL RESPONSE\])(?P<reply>.*?)(?:\[END FINAL RESPONSE\].*)?\Z)"
)

# gpt-oss ("harmony") replies come in channels; with the special tokens dropped only their names remain.
_CHANNEL = r"<\|channel\|>\s?(\w{1,20})(?:[^<]|<\|constrain\|>){0,80}<\|message\|>"
_CONTROL = r"<\|(?:start|end|return|call)\|>"
_BARE_ANALYSIS = r"""\s{0,9}analysis(?=["'(*\\$]?[A-Za-z\d]|<\|message\|>)(?!'s)"""
_BARE_FINAL = r"assistant\n{0,2}final(?:<\|message\|>)?"
_FINAL_FIRST = r"\s{0,9}(?:assistant)?final(?=[A-Z(*\\<])(?:<\|message\|>)?"

#: The most characters of a reply that ends with a stray closing tag; thinking is longer.
_SHORT = 100


def strip_thinking(text: str) -> str:
    """Return the reply without its thinking; empty if the thinking never ended.

    Recognises the tags of all families of models, such as `<think>`, `[THINK]`, `<seed:think>`, `<scratchpad>`,
    `<|begin_of_thought|>` and `<|START_THINKING|>`, in any case, and the channels of gpt-oss. A closing tag without an
    opening one ends thinking that began with the reply, but a few words that end with one are the reply.
    """
    text = _final(text)
    if text.lstrip().startswith("Here ") and (announced := regex(_ANNOUNCED).match(text)):
        text = announced["reply"].strip()
    if "[/" in text and any(name[0] == "/" for name in regex(_SQUARE).findall(text)):
        text = regex(_SQUARE).sub(r"<\1>", text)
    if "<details " in text:
        text = regex(_FOLDED).sub("", text).strip()
    if not any(bracket in text for bracket in "<[\u25c1") or not regex(_TAG).search(text):
        return text
    return _outside_tags(text)


def _final(text: str) -> str:
    """Return the final channel of a reply of gpt-oss; empty if it was cut off before."""
    if "<|channel|>" in text:
        return _final_channel(text)
    if regex(_BARE_ANALYSIS).match(text):
        _, *replies = regex(_BARE_FINAL).split(text)
        return replies[-1] if replies else ""
    return regex(_FINAL_FIRST).sub("", text, count=1) if regex(_FINAL_FIRST).match(text) else text


def _outside_tags(text: str) -> str:
    said: list[str] = []
    position, thinking, opened = 0, False, False
    for tag in regex(_TAG).finditer(text):
        if not thinking:
            said.append(text[position : tag.start()])
        closes = bool(tag["closes"])
        if closes and not thinking and not _is_stray(text, tag, opened):
            said.clear()
        opened = opened or not closes
        # No nesting depth is counted: a model that mentions the word <think> while it thinks does not close it twice.
        thinking, position = not closes, tag.end()
    if not thinking:
        said.append(text[position:])
    return "".join(said).strip()


def _is_stray(text: str, tag: re.Match[str], opened: bool) -> bool:
    """Whether a closing tag ends a short reply and no thinking: `Answer: B</think>`."""
    return not opened and tag.start() <= _SHORT and not text[tag.end() :].strip()


def _final_channel(text: str) -> str:
    starts = [channel.end() for channel in regex(_CHANNEL).finditer(text) if channel[1] == "final"]
    return regex(_CONTROL).split(text[starts[-1] :], maxsplit=1)[0].strip() if starts else ""

"""Grading: from the text of a completion to the letter it answers, or to the reason why there is none."""

from __future__ import annotations

from mmlubench.grading.extract import Extraction, extract
from mmlubench.grading.extractions import EXTRACTIONS, find_extraction
from mmlubench.grading.languages.detect import scripts_of
from mmlubench.grading.refusal import is_refusal
from mmlubench.grading.thinking import strip_thinking
from mmlubench.schema import Answer, Completion, Outcome, Question

__all__ = [
    "EXTRACTIONS",
    "Extraction",
    "extract",
    "find_extraction",
    "is_refusal",
    "read_answer",
    "strip_thinking",
]

_REFUSING = frozenset({"refusal", "content_filter"})
_CALLING = frozenset({"tool_calls", "tool_call", "tool_use", "function_call"})
_SHOWN = 80  # characters of a reply in an explanation


def read_answer(question: Question, completion: Completion, extraction: str = "default") -> Answer:
    """Return the answer in a completion. Its rule is the extraction's, or `refused`, `truncated`, `unparsed`.

    A letter always counts. Without one, what the provider reports comes before the text: a refusal, then a reply cut
    off, then a refusal in words. Behind `unparsed` stands the cause if it is known: `unparsed:thinking` for thinking
    without a reply, `unparsed:tool_call` for a call without text. Raises UserError if `EXTRACTIONS` does not name the
    extraction.
    """
    letter, rule = find_extraction(extraction)(completion.text, question)
    right = f"right is {question.answer}"
    if letter:
        return Answer(letter, rule, completion.text, f"answered {letter} (rule: {rule}), {right}")
    if _refused_by_provider(completion):
        return _none(
            completion, Outcome.REFUSED, f"refused by the provider ({completion.finish_reason}); {right}"
        )
    if completion.finish_reason == "length":
        tokens = completion.usage.output_tokens
        where = f"after {tokens} tokens" if tokens else "by the token limit"
        cut = f"cut off {where} before any letter; {right} \u2014 raise --max-tokens"
        return _none(completion, Outcome.TRUNCATED, cut)
    said = strip_thinking(completion.text)
    if any(is_refusal(said, language) for language in (question.language, *scripts_of(said)[0])):
        return _none(completion, Outcome.REFUSED, f"refused: {_shown(said)} ({right})")
    instead, cause = _what_instead(said, completion)
    return _none(completion, Outcome.UNPARSED, f"{instead} ({right})", cause)


def _refused_by_provider(completion: Completion) -> bool:
    metadata = completion.metadata
    return (
        completion.finish_reason in _REFUSING
        or bool(metadata.get("refusal"))
        or metadata.get("type") == "refusal"
    )


def _none(completion: Completion, outcome: Outcome, explanation: str, cause: str = "") -> Answer:
    return Answer(None, f"{outcome}:{cause}" if cause else outcome.value, completion.text, explanation)


def _what_instead(said: str, completion: Completion) -> tuple[str, str]:
    """Return what there is in place of a letter, and the name of its cause if that is known."""
    if said.strip():
        return f"no letter in the reply: {_shown(said)}", ""
    if completion.finish_reason.lower() in _CALLING:
        return "a tool call, no text", "tool_call"
    if completion.text.strip() or completion.reasoning:
        return "only thinking, no reply", "thinking"
    return "empty reply", ""


def _shown(text: str) -> str:
    """Return a reply on one line, quoted, cut to about `_SHOWN` characters."""
    line = " ".join(text[: 4 * _SHOWN].split())
    return repr(
        line if len(line) <= _SHOWN and len(text) <= 4 * _SHOWN else line[:_SHOWN].rstrip() + "\u2026"
    )

"""The shapes of debate files, ours and others': each becomes entries by question id, as `transcript` reads them.

Besides an object of entries by id, which is ours, there are lists of entries; entries or a list of them within an
object that also says how they were made (`{"model": …, "results": […]}`); and the pairs `[agent_contexts, answer]` by
question of Du et al. 2023 (arXiv 2305.14325, gen_mmlu.py), whose options stand in the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mmlubench.schema import ALPHABET

_CONTEXTS = "agent_contexts"
#: The keys under which an entry of a list may have its id.
_IDS = ("id", "question_id", "qid")
_PAIR = 2


def entries_of(document: Any) -> dict[str, Any] | None:
    """Return the entries of a debate file by id; None for a document of another shape."""
    if isinstance(document, list):
        return _by_id(document) if document else None
    if not isinstance(document, Mapping) or not document:
        return None
    if all(_is_pair(value) for value in document.values()):
        return {name: _of_pair(name, pair) for name, pair in document.items()}
    if not any(_is_entry(value) for value in document.values()):
        within = [value for value in document.values() if _has_entries(value)]
        if len(within) == 1:
            return entries_of(within[0])
    return dict(document)


def _is_entry(value: Any) -> bool:
    return isinstance(value, Mapping) and _CONTEXTS in value


def _has_entries(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(map(_is_entry, inner))


def _by_id(entries: list[Any]) -> dict[str, Any]:
    """Give each entry of a list its id, or its number if it has none, or one that another entry has."""
    named: dict[str, Any] = {}
    for number, entry in enumerate(entries):
        keys = [key for key in _IDS if key in entry] if isinstance(entry, Mapping) else []
        name = str(entry[keys[0]]) if keys else str(number)
        named[f"{name} (number {number})" if name in named else name] = entry
    return named


def _is_pair(value: Any) -> bool:
    is_pair = isinstance(value, list) and len(value) == _PAIR
    return is_pair and isinstance(value[0], list) and isinstance(value[1], str)


def _of_pair(question: str, pair: list[Any]) -> dict[str, Any]:
    """Make an entry of a pair; the question has its options in it: `…? A) one, B) two, C) three, D) four …`."""
    contexts, answer = pair
    starts: list[re.Match[str]] = []
    for letter in ALPHABET:
        found = re.compile(rf"\b{letter}\)\s*").search(question, starts[-1].end() if starts else 0)
        if found is None:
            break
        starts.append(found)
    ends = [following.start() for following in starts[1:]] + [len(question)]
    options = [question[start.end() : end].strip(" ,\n") for start, end in zip(starts, ends, strict=True)]
    return {"question": question, "options": options, "answer": answer.strip().upper(), _CONTEXTS: contexts}

"""A way to read a reply: its last character."""

from __future__ import annotations

from mmlubench import Extraction, Question


def read_last(text: str, question: Question) -> Extraction:
    letter = text.strip()[-1:].upper()
    return Extraction(letter, "acme_last") if letter in question.letters else Extraction(None, "unparsed")

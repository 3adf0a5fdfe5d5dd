"""Contamination in words: how many questions of a result its model was trained on."""

from __future__ import annotations

from mmlubench.figures import several

#: What a line about such a result begins with.
WORD = "CONTAMINATED"


def trained_on(count: int, of: int, who: str = "") -> str:
    """Return half a sentence: how many of the questions `who` was trained on."""
    named = f"{WORD} ({who})" if who else WORD
    return f"{named}: {count:,} of {several(of, 'question')} {'was' if count == 1 else 'were'} trained on"

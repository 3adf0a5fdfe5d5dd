"""The languages replies are read in besides English, by the code a locale begins with."""

from __future__ import annotations

from functools import cache

from mmlubench.grading.languages.base import Wording

__all__ = ["CODES", "Wording", "code_of", "wording"]

CODES = ("ar", "bn", "de", "es", "fr", "hi", "id", "it", "ja", "ko", "pt", "sw", "yo", "zh")
"""The 14 languages of MMMLU."""


def code_of(locale: str) -> str:
    """The language of a locale such as `DE_DE`; empty for English and for languages without a `Wording`."""
    code = locale.replace("-", "_").partition("_")[0].lower()
    return code if code in CODES else ""


@cache
def wording(code: str) -> Wording:
    """The words of one of `CODES`."""
    # Imported when first needed: English runs go without.
    from mmlubench.grading.languages import east_asian, european, indic, romance, semitic_and_african

    found = {
        **european.WORDINGS,
        **romance.WORDINGS,
        **indic.WORDINGS,
        **east_asian.WORDINGS,
        **semitic_and_african.WORDINGS,
    }
    return found[code]

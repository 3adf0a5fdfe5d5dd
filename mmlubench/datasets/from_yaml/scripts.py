"""The language of questions by the script they are written in, where a data set does not say it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

#: Scripts that tell the language, by the code of that language. Kana come first: Japanese has Chinese characters, too.
_SCRIPTS = {
    "ja": ("Japanese", r"[\u3040-\u30ff]"),
    "zh": ("Chinese", r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "ko": ("Korean", r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "ar": ("Arabic", r"[\u0600-\u06ff]"),
    "hi": ("Devanagari", r"[\u0900-\u097f]"),
    "bn": ("Bengali", r"[\u0980-\u09ff]"),
}
_LETTER = r"[^\W\d_]"


def language_of(texts: Iterable[str]) -> str:
    """Return the code of the language whose script most of the texts have; empty for Latin and other scripts."""
    found = Counter(map(_of_one, texts))
    language, count = found.most_common(1)[0] if found else ("", 0)
    return language if 2 * count > found.total() else ""


def script(language: str) -> str:
    """Return the name of the script by which a language was found."""
    return _SCRIPTS[language][0]


def _of_one(text: str) -> str:
    text = text[:2000]  # as much as tells the script
    letters = len(re.findall(_LETTER, text))
    counts = {language: len(re.findall(pattern, text)) for language, (_, pattern) in _SCRIPTS.items()}
    east_asian = counts["ja"] + counts["zh"]
    if counts["ja"] * 10 > east_asian:  # even a text with many Chinese characters has kana between them
        counts["ja"] = east_asian
    likeliest = max(counts, key=counts.__getitem__)
    return likeliest if 2 * counts[likeliest] > letters else ""

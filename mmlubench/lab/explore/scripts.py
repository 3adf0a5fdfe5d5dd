"""The letters of texts by script, counted for thousands of texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Counts = np.ndarray[Any, np.dtype[np.int64]]

#: The blocks of Unicode with the letters of each script.
SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "Latin": (
        *((0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2AF)),
        *((0x1E00, 0x1EFF), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)),
    ),
    "Arabic": (
        (0x620, 0x64A),
        (0x66E, 0x6D3),
        (0x6FA, 0x6FC),
        (0x750, 0x77F),
        (0xFB50, 0xFDFF),
        (0xFE70, 0xFEFC),
    ),
    "Devanagari": ((0x904, 0x939), (0x958, 0x961), (0x972, 0x97F)),
    "Bengali": ((0x985, 0x9B9), (0x9CE, 0x9CE), (0x9DC, 0x9E1), (0x9F0, 0x9F1)),
    "Chinese characters": ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F)),
    "Kana": ((0x3041, 0x3096), (0x30A1, 0x30FA), (0xFF66, 0xFF9D)),
    "Hangul": ((0x1100, 0x11FF), (0x3131, 0x318E), (0xAC00, 0xD7A3)),
    "Greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Cyrillic": ((0x400, 0x52F),),
}
#: The scripts that a language is written in, by the first part of its locale; Latin for any other.
_WRITTEN_IN = {
    "ar": ("Arabic",),
    "fa": ("Arabic",),
    "ur": ("Arabic",),
    "bn": ("Bengali",),
    "hi": ("Devanagari",),
    "mr": ("Devanagari",),
    "ne": ("Devanagari",),
    "ja": ("Kana", "Chinese characters"),
    "ko": ("Hangul",),
    "zh": ("Chinese characters",),
    "el": ("Greek",),
    "ru": ("Cyrillic",),
    "uk": ("Cyrillic",),
    "bg": ("Cyrillic",),
}


def written_in(language: str) -> tuple[str, ...]:
    """Return the names of the scripts of a language, given as `HI_IN`, `hi`, …; Latin where it is not known."""
    return _WRITTEN_IN.get(language.replace("-", "_").partition("_")[0].lower(), ("Latin",))


def letters(texts: Sequence[str]) -> Counts:
    """Return the number of letters of each script in each text: a row a text, a column a script of `SCRIPTS`."""
    import numpy as np

    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    # Half of a surrogate pair, which a broken file may hold, is no letter.
    raw = "".join(texts).encode("utf-32-le", "surrogatepass")
    signs = _table()[np.frombuffer(raw, "<u4")]
    text = np.repeat(np.arange(len(texts)), lengths)
    width = len(SCRIPTS) + 1
    counted = np.bincount(text * width + signs, minlength=len(texts) * width)
    return counted.reshape(len(texts), width)[:, 1:]


@lru_cache(maxsize=1)
def _table() -> Any:
    """Return the number of the script of every sign, from 1; 0 for what is no letter of any of them."""
    import numpy as np

    table = np.zeros(0x110000, np.uint8)
    for number, blocks in enumerate(SCRIPTS.values(), start=1):
        for first, last in blocks:
            table[first : last + 1] = number
    return table

"""ASCII normalisation: typographic variants of letters, quotes and blanks become plain ASCII."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_CYRILLIC = re.compile("[\u0400-\u04ff]")
_CYRILLIC_WORD = re.compile("[\u0400-\u04ff]{2}")
_LOOK_ALIKES = str.maketrans("\u0410\u0412\u0421\u0415\u041d", "ABCEH")


def plain(text: str) -> str:
    """Return the text with typographic variants of letters, colons, quotes and blanks as plain ASCII.

    Cyrillic letters that look like Latin ones are replaced by them, unless the text has words in Cyrillic.
    """
    if text.isascii():
        return text
    if _CYRILLIC.search(text) and not _CYRILLIC_WORD.search(text):
        text = text.translate(_LOOK_ALIKES)
    return text.translate(_variants())


@cache
def _variants() -> dict[int, str | None]:
    """Map full-width, mathematical, circled and squared letters, quotes, blanks and invisible characters to ASCII."""
    table: dict[int, str | None] = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    for start, stop in ((0x24B6, 0x24EA), (0x1D400, 0x1D6A4), (0x1F130, 0x1F14A), (0x2100, 0x2140)):
        for code in range(start, stop):
            plain = unicodedata.normalize("NFKC", chr(code))
            if plain.isascii() and plain.isalpha() and len(plain) == 1:
                table[code] = plain
    for start in (0x1F150, 0x1F170, 0x1F1E6):  # white on black circles and squares, regional indicators
        table.update({start + offset: chr(ord("A") + offset) for offset in range(26)})
    table.update(
        dict.fromkeys(map(ord, "\u00a0\u2000\u2001\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000"), " ")
    )
    table.update(
        dict.fromkeys(
            map(
                ord,
                "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\ufe0f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
            ),
            None,
        )
    )
    table.update(dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u2032"), "'"))
    table.update(dict.fromkeys(map(ord, "\u201c\u201d\u201e\u2033"), '"'))
    table.update(dict.fromkeys(map(ord, "\u2011\u2212"), "-"))
    table.update({0x3001: ",", 0x3002: "."})  # of Chinese and Japanese
    return table

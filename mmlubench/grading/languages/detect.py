"""Detection of the languages in which a reply may be written: by its script, or by its word for the answer."""

from __future__ import annotations

from mmlubench.grading.patterns import regex

# Characters of one script, and the languages of `CODES` that are written in it.
_SCRIPTS = (
    ("[\u3040-\u30ff]", ("ja",)),
    ("[\uac00-\ud7a3]", ("ko",)),
    ("[\u4e00-\u9fff]", ("zh",)),
    ("[\u0600-\u06ff]", ("ar",)),
    ("[\u0980-\u09ff]", ("bn",)),
    ("[\u0900-\u097f]", ("hi",)),
)
_ANY = "[\u0600-\u06ff\u0900-\u09ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]"
# Words for the answer that are no English words.
_WORDS = {
    "de": ("antwort", "lösung"),
    "es": ("respuesta", "opción", "opcion"),
    "fr": ("réponse", "reponse"),
    "it": ("risposta", "opzione"),
    "pt": ("resposta", "opção", "alternativa", "gabarito"),
    "id": ("jawaban", "jawapan"),
    "sw": ("jibu ", "jibu:", "chaguo"),
    "yo": ("idahun", "ìdáhùn", "idáhùn"),
}
_WEIGHT = 3  # Latin letters that say as much as one character of another script


def scripts_of(text: str) -> tuple[tuple[str, ...], bool]:
    """Return the languages of the scripts in a text, and whether most of the text is written in them."""
    if text.isascii() or not regex(_ANY).search(text):
        return (), False
    counts = {codes: len(regex(script).findall(text)) for script, codes in _SCRIPTS}
    found = tuple(code for codes, count in counts.items() if count for code in codes)
    if counts[("ja",)]:  # Chinese has no kana
        found = tuple(code for code in found if code != "zh")
    latin = len(regex("[A-Za-z]").findall(text)) if found else 0
    return found, _WEIGHT * sum(counts.values()) >= latin


def worded_in(text: str) -> tuple[str, ...]:
    """Return the languages in Latin script whose word for the answer is in a text."""
    small = text.lower()
    return tuple(code for code, words in _WORDS.items() if any(word in small for word in words))

"""Extraction of OpenAI's simple-evals: markup is dropped, then 42 words for "answer" are tried, one after another.

The first word of the list that a letter follows anywhere decides, by its first such place in the reply. The letter is
returned as simple-evals compares it: a lower-case one, or an Arabic one missing in its table, is never right.
"""

# ruff: noqa: RUF001, RUF003 (letters and marks of other scripts are the point)
from __future__ import annotations

from mmlubench.grading.extract import UNPARSED, Extraction
from mmlubench.grading.patterns import regex
from mmlubench.schema import Question

# Dropped in this order, because a later one may be part of an earlier one.
_MARKUP = (
    *("**", "$\\boxed{", "}$", "\\$", "$\\text{", "$", "\\mathrm{"),
    *("\\{", "\\text", "\\(", "\\mathbf{", "{", "\\boxed"),
)
# Tried in this order; ~ stands for blanks and a colon, ： for blanks and a full-width colon. Two words of Yoruba are
# written with combining accents, as in simple-evals.
_WORDS = (
    "Answer~|Answer~\u200b\u200b\u200b\u200b\u200b\u200b|উত্তর~|उत्तर~|উত্তরঃ|উত্তর~|Antwort~|답변~|정답~|답~"
    "|答案：|答案~|答：|答~|答复：|答曰："
    "|الإجابة:|الجواب:|إجابة:|الإجابة النهائية:|الإجابة الصحيحة:|الإجابة الصحيحة هي:"
    "|الإجابة هي:|الجواب النهائي:"
    "|Respuesta~|Risposta~|答え~|答え：|回答~|回答：|解答~|Jawaban~|Réponse~|Resposta~|Jibu~|Idahun~|Ìdáhùn~|Idáhùn~"
    "|A\u0300m\u1ecd\u0300na\u0300~|Àdáhùn~|A\u0300nu\u0301go\u0323~|Àṣàyàn~"
)
_CUES = _WORDS.replace("~", r"\s*:").replace("：", r"\s*：").split("|")
_LETTER = "[ \t]*([A-Dأ-دঅবডঢＡＢＣＤ])"
_PLAIN = str.maketrans(dict(zip("أبجدঅবডঢＡＢＣＤ", "ABCD" * 3, strict=True)))


def read_simple_evals(text: str, question: Question) -> Extraction:
    """The letter that simple-evals reads from a reply, in English or in any language of MMMLU."""
    for markup in _MARKUP:
        text = text.replace(markup, "")
    for cue in _CUES:
        if found := regex(f"(?i){cue}{_LETTER}").search(text):
            return Extraction(found[1].translate(_PLAIN), "simple_evals")
    return UNPARSED

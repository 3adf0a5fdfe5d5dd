r"""Words written in LaTeX, as plain words: `\text{The answer is } \mathbf{(B)}` and `The\ answer\ is\ (B)`."""

from __future__ import annotations

from mmlubench.grading.patterns import regex

_BLANKS = r"[\\~](?:(?<=\\)(?<!\\\\)[ ;:,](?=\S|[ ])|(?<=[a-z]~)(?=[\w(\\]))"
_COMMANDS = (
    "text(?:bf|it|rm|sf|tt|normal|up|md|sl)?|math(?:rm|bf|sf|it|tt)|mbox|hbox|emph|underline|boldsymbol|bf|rm"
)
# Around words; a single letter keeps its command, which the rules know as emphasis.
_WORDS = rf"\\(?:{_COMMANDS})\s?\{{([^{{}}]{{4,400}})\}}"
_SINGLE = r"(?:\$|\\\()\s?\\(?:text|math)[a-z]{0,4}\{\(?([A-Z])\)?\}\s?(?:\$|\\\))"
_NESTED = 3


def without_latex(text: str) -> str:
    r"""Return the text without `\text{…}` and the like around words and lone letters, and with plain blanks."""
    if "\\" not in text:
        return text
    text = regex(_SINGLE).sub(r"\1", regex(_BLANKS).sub(" ", text))
    for _ in range(_NESTED):
        text, count = regex(_WORDS).subn(r"\1", text)
        if not count:
            break
    return text

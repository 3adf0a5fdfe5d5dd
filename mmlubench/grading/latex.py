r"""Words written in LaTeX, as plain words: `\text{The answer is } \mathbf{(B)}` and `The\ answer\ is\ (B)`."""

from __future__ import annotations

import re

_BLANKS = re.compile(r"(?<!\\)\\[ ;:,](?=\S|[ ])|(?<=[a-z])~(?=[\w(\\])")
#: A command around words. A single letter keeps its command, which the rules know as emphasis.
_WORDS = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|normal|up|md|sl)?|math(?:rm|bf|sf|it|tt)|mbox|hbox|emph|underline|boldsymbol|bf|rm)"
    r"\s?\{([^{}]{4,400})\}"
)
_SINGLE = re.compile(r"(?:\$|\\\()\s?\\(?:text|math)[a-z]{0,4}\{\(?([A-Z])\)?\}\s?(?:\$|\\\))")
_NESTED = 3


def without_latex(text: str) -> str:
    r"""Return the text with its `\text{…}` and the like dropped around words and lone letters, and the blanks of LaTeX as blanks."""
    if "\\" not in text:
        return text
    text = _SINGLE.sub(r"\1", _BLANKS.sub(" ", text))
    for _ in range(_NESTED):
        text, count = _WORDS.subn(r"\1", text)
        if not count:
            break
    return text

"""Text of strangers made safe for a terminal: what a server, a file or a data set says may hold escape sequences."""

from __future__ import annotations

import re

#: ANSI sequences as a whole (ECMA-48): CSI such as colours and cursor moves, and strings such as window titles (OSC).
_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
#: Control characters, the marks that reverse the direction of writing (Unicode TR 36), and halves of surrogate pairs.
_UNFIT = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def printable(text: str) -> str:
    """Return a text without anything that moves the cursor, changes colours or reorders; line ends and tabs stay."""
    if text.isprintable():  # nearly all are
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(_UNFIT, "\ufffd", re.sub(_SEQUENCE, "", text))


def on_one_line(text: str) -> str:
    """Return a printable text with every run of white space as one blank."""
    return " ".join(printable(text).split())

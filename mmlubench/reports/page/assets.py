"""The style and the scripts of the page, joined from readable pieces."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

_HERE = Path(__file__).parent / "assets"
#: In the order in which they are joined: a later one may use what an earlier one names.
_STYLES = ("colours.css", "layout.css", "plots.css", "questions.css", "print.css")
_SCRIPTS = (
    "index.js",
    "texts.js",
    "filter.js",
    "search.js",
    "list.js",
    "transcript.js",
    "export.js",
    "page.js",
)


@lru_cache(maxsize=1)
def style() -> str:
    """Return the style sheet."""
    return "".join(_read(name) for name in _STYLES)


@lru_cache(maxsize=1)
def script() -> str:
    """Return the script: one function, so that nothing of it is global."""
    return '"use strict";\n(() => {\n' + "".join(_read(name) for name in _SCRIPTS) + "})();\n"


def policy(script: str) -> str:
    """Return the content security policy of a page: it loads nothing, and no other script than this one can run."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    runs = [f"script-src 'sha256-{digest}'"] if script else []
    allowed = ("default-src 'none'", "style-src 'unsafe-inline'", *runs)
    return "; ".join((*allowed, "base-uri 'none'", "form-action 'none'"))


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")

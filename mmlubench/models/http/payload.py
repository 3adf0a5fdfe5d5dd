"""The JSON of a reply, read as widely as other clients read it: a reply that was paid for is worth the effort.

Python's own `json` accepts NaN, Infinity and half surrogate pairs, which RFC 8259 forbids and servers send. They also
send byte order marks, other charsets than UTF-8, packed bodies that do not say so, and event streams that nobody asked
for.
"""

from __future__ import annotations

import codecs
import json
import re
from contextlib import suppress
from typing import Any

import orjson

from mmlubench.models.http import event_stream
from mmlubench.models.http.byte_limit import MOST_BYTES, Broken, unpacked

_GZIP = b"\x1f\x8b"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
#: Escapes in a text of JSON, one by one: whole surrogate pairs, halves of them, and any other.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
#: Integers of more characters do not fit into 64 bits, and from 4,300 on Python refuses to read them.
_INTEGER_CHARS = 18


def parse(content: bytes, content_type: str = "") -> Any:
    """Return what the body of a reply says. Raises ValueError if it is no JSON, nor a whole event stream of JSON."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return _leniently(content, content_type)


def _leniently(content: bytes, content_type: str) -> Any:
    if content.startswith(_GZIP):
        try:
            content = unpacked(content, "gzip", MOST_BYTES)
        except Broken as error:
            raise ValueError(str(error)) from None
    text = _decoded(content, content_type)
    if event_stream.is_one(text):
        return event_stream.merged(_loads(data) for data in event_stream.data_of(text))
    return _loads(text)


def _loads(text: str) -> Any:
    whole = _ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], text)
    try:
        return json.loads(whole, strict=False, parse_int=_integer)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _INTEGER_CHARS else float(digits)


def _decoded(content: bytes, content_type: str) -> str:
    """Decode a body by its byte order mark, its zeros (UTF-16 and UTF-32), or the charset of its Content-Type."""
    coding: str = json.detect_encoding(content)
    named = _CHARSET.search(content_type)
    if coding == "utf-8" and named:
        with suppress(LookupError):
            coding = codecs.lookup(named[1]).name
    try:
        return content.decode(coding, "replace")
    except (LookupError, ValueError):  # a codec that is none of texts, such as base64
        return content.decode("utf-8", "replace")

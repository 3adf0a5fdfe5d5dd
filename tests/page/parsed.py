"""What stands on a page: its tables and sentences as text, and the index and texts that its scripts read."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """Tables by caption, each a list of rows of cells; paragraphs; and data by the id of its element."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.paragraphs: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._caption, self._text, self._rows = "", [""], list[list[str]]()
        self._svg = 0
        self.feed(content)
        found = re.findall(r'<script type="text/plain" id="data-([\w-]+)">([^<]*)</script>', content)
        self.data = {name: json.loads(zlib.decompress(b64decode(text))) for name, text in found}

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "svg":
            self._svg += 1
        elif tag == "table":
            self._rows = self.tables.setdefault(self._caption, [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("p", "th", "td"):
            self._text = [""]

    def handle_data(self, data: str) -> None:
        if not self._svg:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "svg":
            self._svg -= 1
        elif tag in ("th", "td"):
            self._rows[-1].append("".join(self._text))
        elif tag == "p":
            self.paragraphs.append("".join(self._text))
            self._caption = self.paragraphs[-1]

    @property
    def index(self) -> dict[str, Any]:
        return dict(self.data["index"])

    @property
    def texts(self) -> list[dict[str, Any]]:
        """The texts of all chunks, with the beginnings that they share put back as the script does it."""
        found = []
        for number in range(len(self.data) - 1):
            before: dict[int, str] = {}
            for unit in self.data[f"chunk-{number}"]:
                for exchange in unit["x"]:
                    for place, message in enumerate(exchange.get("messages", ())):
                        message[1] = before[place] = _whole(message[1], before.get(place, ""))
                    if "prompt" in exchange:
                        exchange["prompt"] = before[-1] = _whole(exchange["prompt"], before.get(-1, ""))
                found.append(unit)
        return found

    def text_of(self, row: int) -> list[dict[str, Any]]:
        """The texts of a row of the index."""
        first = self.index["columns"]["text"][row]
        return [self.texts[at] for at in [first, *self.index["more"].get(str(row), [])] if at >= 0]


def _whole(stored: Any, before: str) -> str:
    if isinstance(stored, str):
        return stored
    units, rest = stored
    beginning = before.encode("utf-16-le", "surrogatepass")[: 2 * units]
    return beginning.decode("utf-16-le", "surrogatepass") + str(rest)

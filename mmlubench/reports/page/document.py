"""The document around a page: one file, which loads nothing and is known by its beginning."""

from __future__ import annotations

from pathlib import Path

from mmlubench.errors import UserError
from mmlubench.jsonl import write_atomic
from mmlubench.reports.page import assets
from mmlubench.reports.page.markup import EMPTY, Html, element, join

#: The first characters of every page, by which a file is known to be one.
BEGINNING = '<!doctype html>\n<html lang="en" data-made-by="mmlubench">'


def document(title: str, body: Html, data: Html = EMPTY, script: str = "") -> str:
    """Return the page with this title and body; `data` and the only script that may run stand behind it."""
    head = join(
        (
            element("meta", charset="utf-8"),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{assets.policy(script)}">'),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="referrer", content="no-referrer"),
            element("title", title),
            Html(f"<style>{assets.style()}</style>"),
        )
    )
    code = f"<script>{script}</script>" if script else ""
    return f"{BEGINNING}\n<head>{head}</head>\n<body>\n{body}\n{data}{code}\n</body>\n</html>\n"


def check_file(file: Path) -> None:
    """Raise UserError for a file of `--html` that is no page of ours, which stays as it is, or has no folder."""
    if not file.parent.is_dir():
        raise UserError(f"--html {file}: there is no folder {file.parent}; make it first.")
    try:
        with file.open("rb") as old:
            is_ours = old.read(len(BEGINNING)) == BEGINNING.encode()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"--html {file}: it cannot be read ({error.strerror}).") from None
    if not is_ours:
        raise UserError(f"--html {file}: there is a file that is no page of mmlubench: name another.")


def write_file(file: Path, page: str) -> None:
    """Write a page atomically. Raises UserError."""
    try:
        write_atomic(file, page)
    except OSError as error:
        raise UserError(f"--html {file}: it cannot be written ({error.strerror}).") from None

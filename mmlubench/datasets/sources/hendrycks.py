"""The CSV layout of the original MMLU: `test/anatomy_test.csv`, `dev/anatomy_dev.csv`, in a folder or a tar.

A tar is not extracted to disk: members with such a name are read, all others are ignored.
"""

from __future__ import annotations

import csv
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from lzma import LZMAError
from pathlib import Path
from typing import Any

from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows, Source, Spec
from mmlubench.datasets.sources import tables
from mmlubench.errors import DataError
from mmlubench.inputs import CSV_BYTES, DATA_BYTES, TooLarge, check_size, read_bytes
from mmlubench.schema import ALPHABET

CHOICES = 4
LOOKED_FOR = "test/<subject>_test.csv"

# An optional top folder, the split, the subject. No component can start with a dot, so `..` and the `._` files of
# macOS never match, and neither does a name that starts with a slash.
_NAME = re.compile(r"(?:\./)?(?:(?P<top>\w[^/]*)/)?(?P<split>test|dev)/(?P<subject>\w+)_(?P=split)\.csv")

_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
_MAGIC_BYTES = max(map(len, _MAGIC))


def read_folder(spec: Spec, root: Path) -> Source | None:
    """Read a folder in this layout, or one with a top folder inside; None if there is none. Raises DataError."""
    for base in (root, root / spec.name):
        paths = [path for depth in ("*/*.csv", "*/*/*.csv") for path in base.glob(depth)]
        names = {path.relative_to(base).as_posix(): path for path in paths}
        files = {name: _whole(path) for name, path in sorted(names.items()) if _NAME.fullmatch(name)}
        if files:
            return Source(_splits(files, str(base)), f"CSV files in {base}")
    return None


def read_file(path: Path) -> Rows | None:
    """Read one CSV file without a header, whose name begins with its subject; None if it has a header.

    Raises DataError.
    """
    records = _records(_whole(path), str(path))
    letters = ALPHABET[:CHOICES]
    if not records or len(records[0]) != CHOICES + 2 or records[0][-1] not in (*letters,):
        return None
    subject = re.sub(r"_(test|dev|val)$", "", path.stem)
    return _as_rows(records, subject, str(path))


def read_tar(path: Path) -> Source:
    """Read a tar, plain or compressed, in this layout. Raises DataError if it has no such files."""
    try:
        check_size(path, DATA_BYTES)
        with _opened(path) as tar:
            files = {member.name: _content(tar, member) for member in tar if _wanted(member)}
    except (tarfile.TarError, EOFError, zlib.error, LZMAError, OSError) as error:
        raise DataError(
            path,
            f"it cannot be read as a tar file ({checks.first_line(error)}); looked for a tar with {LOOKED_FOR}, "
            f"or a file whose name ends in {', '.join(tables.KINDS)}.",
        ) from error
    return Source(_splits(files, str(path)), f"CSV files in {path}")


def _whole(path: Path) -> bytes:
    try:
        return read_bytes(path, CSV_BYTES)
    except OSError as error:
        raise DataError(path, f"it cannot be read ({checks.first_line(error)}).") from None


def _opened(path: Path) -> tarfile.TarFile:
    # The first bytes tell the compression; tarfile alone would try them all, and xz takes minutes for 1 GB of zeros.
    with path.open("rb") as file:
        begin = file.read(_MAGIC_BYTES)
    compression = next((mode for magic, mode in _MAGIC.items() if begin.startswith(magic)), "")
    return tarfile.open(path, f"r:{compression}")  # type: ignore[call-overload, no-any-return]  # a mode made of parts


def _wanted(member: tarfile.TarInfo) -> bool:
    # A few compressed kB can unpack to any size; tarfile unpacks even the members that are skipped.
    if member.size > DATA_BYTES:
        raise TooLarge(member.size, DATA_BYTES, member.name)
    # Links are left out: only a regular file has its content in the tar itself.
    return member.isreg() and _NAME.fullmatch(member.name) is not None


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > CSV_BYTES:
        raise TooLarge(member.size, CSV_BYTES, member.name)
    file = tar.extractfile(member)
    return file.read() if file else b""


def _splits(files: Mapping[str, bytes], where: str) -> dict[str, list[Rows]]:
    """Return the rows of each split. Raises DataError if there is no test split, or more than one top folder."""
    splits: dict[str, list[Rows]] = {}
    tops = set()
    for name, content in sorted(files.items()):
        match = _NAME.fullmatch(name)
        if match:
            tops.add(match["top"] or ".")
            splits.setdefault(match["split"], []).append(_rows(content, match["subject"], f"{where}/{name}"))
    if len(tops) > 1:
        raise DataError(
            where, f"several folders in it hold such CSV files: {', '.join(sorted(tops))}; give one of them."
        )
    if "test" not in splits:
        raise DataError(
            where, f"it has no test split; expected {LOOKED_FOR}, which may lie in one top folder."
        )
    return splits


def _rows(content: bytes, subject: str, file: str) -> Rows:
    """Read one CSV file. Raises DataError for a record without six columns or without a letter in the last."""
    return _as_rows(_records(content, file), subject, file)


def _as_rows(records: list[list[str]], subject: str, file: str) -> Rows:
    for number, record in enumerate(records):
        checks.csv_record(file, number, record, CHOICES)
    columns: dict[str, list[Any]] = {
        "question": [record[0] for record in records],
        "subject": [subject] * len(records),
        "choices": [record[1:-1] for record in records],
        "answer": [ALPHABET.index(record[-1]) for record in records],
    }
    return Rows(file, columns)


def _records(content: bytes, file: str) -> list[list[str]]:
    try:
        # newline="" keeps line breaks inside a quoted field as they are; blank lines are no records.
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        return [record for record in csv.reader(text) if record]
    except UnicodeDecodeError as error:
        raise DataError(file, f"byte {error.start} is not UTF-8, and UTF-8 text was expected.") from error
    except csv.Error as error:
        raise DataError(file, f"it cannot be read as CSV ({error}).") from error

"""CSV files whose first line names the columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmlubench.datasets import checks
from mmlubench.errors import DataError
from mmlubench.inputs import CSV_BYTES, read_bytes


def read(path: Path, delimiter: str = ",") -> Mapping[str, Sequence[str]]:
    """Return the columns of a file whose first line names them. Every cell is text. Raises DataError.

    A first line without a `delimiter` but with semicolons or tabs is separated by those, as spreadsheets do.
    """
    records = iter(_records(path, delimiter))
    header = next(records, None)
    if header is not None and len(header) == 1:
        for other in (";", "\t"):
            if other in header[0]:
                return read(path, other)
    if header is None:
        raise DataError(path, "it is empty, and a line with the names of its columns was expected.")
    if twice := [name for name in header if header.count(name) > 1]:
        raise DataError(path, f"two of its columns are called {twice[0]!r}; give each a name of its own.")
    rows = list(records)
    for number, row in enumerate(rows):
        if len(row) != len(header):
            problem = f"it has {len(row)} columns, and {len(header)} were expected, as in the first line"
            raise DataError(path, f"{problem} ({checks.COUNTED} after that line).", row=number)
    return dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))


def _records(path: Path, delimiter: str) -> list[list[str]]:
    try:
        # newline="" keeps line breaks inside a quoted field as they are; blank lines are no records.
        text = io.StringIO(read_bytes(path, CSV_BYTES).decode("utf-8-sig"), newline="")
        return [record for record in csv.reader(text, delimiter=delimiter) if record]
    except OSError as error:
        raise DataError(path, f"it cannot be read ({checks.first_line(error)}).") from None
    except UnicodeDecodeError as error:
        raise DataError(path, f"byte {error.start} is not UTF-8, and UTF-8 text was expected.") from None
    except csv.Error as error:
        raise DataError(path, f"it cannot be read as CSV ({error}).") from None

"""Rows from Arrow tables, in which both parquet files and the hub give their data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmlubench.datasets import checks
from mmlubench.datasets.base import Rows
from mmlubench.errors import DataError
from mmlubench.inputs import DATA_BYTES, TooLarge, check_size

#: The most rows of a file that are read for worked examples: a training split has far more than any prompt shows.
EXAMPLE_ROWS = 20_000
#: One value of so many is read by itself; of fewer, it is faster to read them all.
_SPARSE = 10

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData


def rows(
    table: pa.Table,
    expected: Mapping[str, str],
    file: str,
    part: str = "",
    places: Sequence[int] | None = None,
) -> Rows:
    """Return the expected columns of a table; of all rows, or of those at these places.

    Raises DataError for a column that is missing or of another kind.
    """
    found = {field.name: kind(field.type) for field in table.schema}
    checks.columns(file, found, expected)
    return Rows(file, {name: _values(table.column(name), places) for name in expected}, part=part)


def _values(column: pa.ChunkedArray[Any], places: Sequence[int] | None) -> list[Any]:
    if places is None:
        return column.to_pylist()
    if len(places) * _SPARSE < len(column):
        return [column[place].as_py() for place in places]  # not `take`: importing it takes longer
    values = column.to_pylist()
    return [values[place] for place in places]


def kind(type_: pa.DataType) -> str:
    """Return the kind of a column, as `Spec.columns` names it: `text`, `texts`, `integer`, or Arrow's own name.

    A struct is described by its fields in alphabetical order: `{label: texts, text: texts}`.
    """
    import pyarrow.types as types

    if types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_):
        return "text"
    if types.is_integer(type_):
        return "integer"
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        inner = kind(type_.value_type)
        return "texts" if inner == "text" else f"a list of {inner}"
    if types.is_struct(type_):
        return f"{{{', '.join(sorted(f'{field.name}: {kind(field.type)}' for field in type_))}}}"
    return str(type_)


def read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the table in a parquet file, or some of its columns as far as it has them.

    Raises DataError if it cannot be read.
    """
    # ParquetFile and not parquet.read_table, which would import pyarrow's dataset module without need.
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        check_size(path, DATA_BYTES)
        with ParquetFile(path) as file:
            _check_unpacked(file.metadata)
            # With threads it takes three times the CPU time.
            return file.read([*columns] if columns else None, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(path, f"it cannot be read as a parquet file ({checks.first_line(error)}).") from error


def release() -> None:
    """Return the memory of tables that are gone to the system: Arrow would keep 40 MB of those of MMMLU."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()


def _check_unpacked(facts: FileMetaData) -> None:
    """Raise TooLarge for a small file whose content is too large once unpacked, as its metadata states."""
    size = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    # A column that repeats one value takes almost no bytes in the file, but at least 8 for each row in memory.
    size = max(size, facts.num_rows * facts.num_columns * 8)
    if size > DATA_BYTES:
        raise TooLarge(size, DATA_BYTES, "its unpacked content")

"""Tables of all cases: parquet, and CSV in which no cell is a formula to a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from mmlubench.printable import printable
from mmlubench.reports.exports.export import Export, Made
from mmlubench.reports.exports.logged import Case, LoggedRun, cases
from mmlubench.reports.exports.scored import scored
from mmlubench.schema import ANSWERED

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 5_000
#: Column -> its type in parquet.
COLUMNS = {
    **dict.fromkeys(("run_id", "id", "benchmark", "subject", "category", "language", "model"), "string"),
    "mock": "bool_",
    **dict.fromkeys(("recipe", "outcome"), "string"),
    "points": "float64",
    **dict.fromkeys(("answer", "prediction", "rule", "letters", "order"), "string"),
    **dict.fromkeys(("choices", "requests", "input_tokens", "output_tokens"), "int64"),
    **dict.fromkeys(("reasoning_tokens", "cached_tokens"), "int64"),
    **dict.fromkeys(("cost_usd", "latency_s", "probability"), "float64"),
    **dict.fromkeys(("served_model", "error", "prompt", "reply", "reasoning"), "string"),
}
#: What makes a cell a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rows(run: LoggedRun) -> Iterator[dict[str, Any]]:
    """Yield the row of every case; None stands for what a case does not have."""
    results = {(one.benchmark, one.label, one.own_recipe): one for one in scored(run)}
    for case in cases(run):
        entry = case.entry
        one = results[entry.benchmark, entry.model, entry.recipe]
        yield _row(case, run.run_id, mock=one.summary.mock, recipe=one.recipe)


def _row(case: Case, run_id: str, *, mock: bool, recipe: str) -> dict[str, Any]:
    entry, usage = case.entry, case.entry.usage
    own = {name: getattr(entry, name) for name in COLUMNS if hasattr(entry, name)}
    tokens = {name: getattr(usage, name) for name in COLUMNS if hasattr(usage, name)}
    return own | tokens | {
        "run_id": run_id,
        "mock": mock,
        "recipe": recipe,
        "outcome": entry.outcome.value,
        "points": entry.points if entry.outcome in ANSWERED else None,
        "letters": " ".join(letter or "-" for letter in entry.letters),
        "probability": (entry.probabilities or {}).get(entry.prediction or ""),
        "prompt": case.prompt,
        "reply": "\n\n".join(case.text(epoch) for epoch in range(max(1, len(entry.letters)))),
        "reasoning": case.reasoning(),
    }  # fmt: skip


def harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: a text like one gets an apostrophe before it."""
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or cell.startswith(_FORMULA) else text


def _write_csv(run: LoggedRun, file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="", write_through=True)
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    for row in rows(run):
        table.writerow({name: harmless(cell) for name, cell in row.items()})
    text.detach()


def _write_parquet(run: LoggedRun, file: IO[bytes]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    about: dict[bytes | str, bytes | str] = {"mmlubench": run.run_id}
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()], metadata=about)
    found = rows(run)
    with parquet.ParquetWriter(file, schema, compression="zstd") as table:
        while batch := list(islice(found, _AT_ONCE)):
            table.write_batch(_batch(batch, schema))


def _batch(batch: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = {
        name: [
            cell.encode("utf-8", "replace").decode() if isinstance(cell := row[name], str) else cell
            for row in batch
        ]
        for name in COLUMNS
    }
    return pa.RecordBatch.from_pydict(columns, schema)


def _csv_files(run: LoggedRun) -> Iterable[Made]:
    yield Made("cases.csv", partial(_write_csv, run))


def _parquet_files(run: LoggedRun) -> Iterable[Made]:
    yield Made("cases.parquet", partial(_write_parquet, run))


CSV = Export(files=_csv_files, mark=",".join(COLUMNS).encode())
PARQUET = Export(files=_parquet_files)

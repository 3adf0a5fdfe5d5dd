"""Merging stores: the replies of several stores, such as those of shards, in one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mmlubench.engine.store import weights
from mmlubench.engine.store.opening import ADD
from mmlubench.engine.store.reply import check_sum
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import StoreError, UserError

_REPLIES = "SELECT key, model, at, reply, crc FROM replies"
#: Adds what was told of weights unless something newer is known of them.
ADD_WEIGHTS = """
INSERT INTO weights (model, mark, at, told, crc) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (model, mark) DO UPDATE SET at = excluded.at, told = excluded.told, crc = excluded.crc
WHERE excluded.at > weights.at"""


class Added(NamedTuple):
    """What one store has brought."""

    path: Path
    replies: int
    """The replies in it that can be read."""
    new: int
    """Those of them that the merged store did not have."""


def merge_stores(sources: Sequence[Path], target: Path) -> list[Added]:
    """Copy the replies of stores into another one, which is made if there is none; sources stay as they are.

    Of two replies to one request the newer one counts, whatever the order of the stores: it is the one that a run with
    `--refresh` has asked for. Raises UserError for what is no store, and StoreError.
    """
    resolved = target.resolve()
    for source in sources:
        if not source.exists():
            raise UserError(f"there is no store at {source}; name stores that are there.")
        if source.resolve() == resolved:
            raise UserError(
                f"{source} is the store that is merged into: leave it out before --to, as it is kept."
            )
    with closing(Store.open(target)) as store:
        return [_added(store, source) for source in dict.fromkeys(sources)]


def _added(store: Store, path: Path) -> Added:
    with closing(Store.open_to_read(path)) as source:
        try:
            _check_weights(store.database, source.database, path)
            with store.database.transaction() as connection:
                before = _count(connection)
                connection.executemany(ADD, whole(source.database.execute(_REPLIES)))
                rows = source.database.execute(weights.ALL) if _has_weights(source.database) else ()
                connection.executemany(
                    ADD_WEIGHTS, [row for row in rows if weights.is_whole(*row[:2], *row[3:])]
                )
                new = _count(connection) - before
            return Added(path, _count(source.database), new)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise StoreError(
                f"the store {path} cannot be merged ({error}); nothing of it was copied."
            ) from None


def whole(rows: Iterator[Any]) -> Iterator[Any]:
    """Yield the replies that are as they were written: a damaged one must not take the place of another."""
    return (row for row in rows if check_sum(row[0], row[3]) == row[4])


def _check_weights(here: Any, there: Any, path: Path) -> None:
    """Raise UserError if the replies of two weights of a model would get the same keys.

    Those of the first weights that a store has seen have keys without a mark (`weights.py`), in each store.
    """
    if not _has_weights(there):
        return
    first = "SELECT model, told FROM weights WHERE mark = ''"
    known = {model: orjson.loads(told) for model, told in here.execute(first)}
    for model, told in there.execute(first):
        if model in known and weights.contradict(known[model], orjson.loads(told)):
            differs = weights.difference(orjson.loads(told), known[model])
            raise UserError(
                f"{path}: a model of one name and address had other weights there ({differs}), so that its replies "
                "would be taken for those of the others: keep the two stores apart."
            )


def _has_weights(database: Any) -> bool:
    return bool(database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'weights'").fetchone()[0])


def _count(database: Any) -> int:
    return int(database.execute("SELECT count(*) FROM replies").fetchone()[0])

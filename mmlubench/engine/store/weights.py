"""Weights: the store tells the replies of different weights apart that one server serves under one name.

The key of a reply holds the server's address and the model's name, and both stay the same when the server is started
with other weights. So the store remembers what servers told of their weights (`Told`), for each model as its spec
describes it. The first weights that a server tells of keep the plain keys, under which replies were stored before
servers were looked at: what was paid for stays valid. Any other weights have a mark of their own, which is part of the
keys of their replies. Whoever goes back to the first weights finds the first replies again.

The mark is a hash of what was told and no number, so that two stores, or a store that was repaired, never give one mark
to two weights. It stays as it is when later looks tell more of the same weights.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from mmlubench.engine.store.reply import check_sum
from mmlubench.models.base import Told
from mmlubench.printable import on_one_line

#: A table with five columns, as `replies` is, so that `salvage` can read it; its checksum is that of other values.
TABLE = """
CREATE TABLE IF NOT EXISTS weights (
  model BLOB NOT NULL,
  mark  TEXT NOT NULL,
  at    REAL NOT NULL,
  told  BLOB NOT NULL,
  crc   INTEGER NOT NULL,
  PRIMARY KEY (model, mark)
)"""
ADD = "INSERT OR REPLACE INTO weights (model, mark, at, told, crc) VALUES (?, ?, ?, ?, ?)"
ALL = "SELECT model, mark, at, told, crc FROM weights"
#: The fact that decides alone where both sides tell it: a folder may have moved, and its content be the same.
_CONTENT = "sha256"
#: The beginnings of paths, which names of the hub do not have.
_PATHS = ("/", "~", ".", "\\")
_MARK_CHARS = 16
_HEX_CHARS, _MOST_CHARS = 64, 100


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights that a model has now, as the store knows them."""

    mark: str = ""
    """Part of the keys of their replies; empty for the first weights of a model."""
    told: Told | None = None
    """What was told of them, now or before; None if nothing was told now."""
    before: Told | None = None
    """What was told of the weights that the model had when the store was used last, if they were other ones."""
    last: Told = field(default_factory=dict)
    """What was told of them before, where nothing was told now."""

    @property
    def is_sure(self) -> bool:
        """Whether what is told now is said of no other weights: a path of another computer may be, such as `/model`."""
        model = (self.told or {}).get("model", {})
        return bool(model) and (_CONTENT in model or not str(model.get("root", "")).startswith(_PATHS))

    def of(self, identity: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the identity of the model (`ModelSpec.identity`) with these weights, for `request_key`."""
        return {**identity, "weights_mark": self.mark} if self.mark else identity


#: Those of a model of which nothing was told.
NO_WEIGHTS = Weights()


def contradict(one: Told, other: Told) -> bool:
    """Whether two tellings cannot be of the same weights. What only one of them tells is no contradiction."""
    return any(_differ(facts, other[part]) for part, facts in one.items() if part in other)


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if one.get(_CONTENT) and other.get(_CONTENT):
        return bool(one[_CONTENT] != other[_CONTENT])
    return any(value != other[name] for name, value in one.items() if name in other)


def recognise(connection: sqlite3.Connection, model: bytes, told: Told, now: float) -> Weights:
    """Return the weights that a server tells of now, and remember them; to be called within a transaction.

    `model` is the hash of the model's identity, `now` the time in Unix seconds. A server that tells nothing, as one
    that is down, is taken to have the weights that were seen last. Raises sqlite3.Error.
    """
    rows = connection.execute(f"{ALL} WHERE model = ? ORDER BY at DESC, rowid DESC", (model,)).fetchall()
    known = [
        (mark, at, orjson.loads(facts)) for _, mark, at, facts, crc in rows if crc == _crc(model, mark, facts)
    ]
    match = next(((mark, facts) for mark, _, facts in known if not contradict(told, facts)), None)
    if not told:
        return Weights(match[0], last=match[1]) if match else NO_WEIGHTS
    mark, before = match or (_mark(told) if known else "", {})
    merged = {part: {**before.get(part, {}), **told.get(part, {})} for part in {**before, **told}}
    facts = orjson.dumps(merged, option=orjson.OPT_SORT_KEYS)
    at = max(now, known[0][1] if known else 0.0)  # the clock may have been set back
    connection.execute(ADD, (model, mark, at, facts, _crc(model, mark, facts)))
    return Weights(mark, merged, known[0][2] if known and known[0][0] != mark else None)


def difference(now: Told, before: Told) -> str:
    """Say in what two tellings differ, such as `model: root /b in place of /a`."""
    return "; ".join(
        f"{part}: {name} {_short(fact)} in place of {_short(before[part][name])}"
        for part, facts in now.items()
        for name, fact in facts.items()
        if name in before.get(part, {}) and before[part][name] != fact
    )


def _short(fact: Any) -> str:
    text = on_one_line(str(fact))
    if len(text) == _HEX_CHARS and text.isalnum():
        return f"{text[:12]}…"
    return text if len(text) <= _MOST_CHARS else f"…{text[-_MOST_CHARS:]}"


def is_whole(model: bytes, mark: str, told: bytes, crc: int) -> bool:
    """Whether a row of the table is as it was written."""
    return _crc(model, mark, told) == crc


def _mark(told: Told) -> str:
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_MARK_CHARS]


def _crc(model: bytes, mark: str, told: bytes) -> int:
    return check_sum(model + mark.encode(), told)

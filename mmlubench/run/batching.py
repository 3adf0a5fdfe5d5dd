"""Batches seen from a run: what it records in place of asking, and what becomes of requests that no batch answered."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import orjson

from mmlubench import models
from mmlubench.batch.collecting import UNPAID
from mmlubench.batch.dispatch import is_live, live_keys
from mmlubench.batch.folder import BATCHES, Folder
from mmlubench.batch.requests import Asked
from mmlubench.batch.rounds import REFUSED
from mmlubench.engine.store.withheld import Withhold
from mmlubench.errors import AwaitsBatch, BudgetSpent, ModelError, Rejected
from mmlubench.models.http.http_model import HttpModel
from mmlubench.models.http.transport import unsendable
from mmlubench.models.names.prices import batch_price
from mmlubench.models.spec import ModelSpec
from mmlubench.private import opener
from mmlubench.schema import Request
from mmlubench.settings import Settings


def parent_of(settings: Settings) -> Path:
    """Return the folder of all batches."""
    return Path(settings.run_dir) / BATCHES


def at_batch_rates(spec: ModelSpec, settings: Settings) -> ModelSpec:
    """Return the spec with the price of batches, where a run is answered by them."""
    by_batch = settings.batch and (settings.estimate or settings.batch_rest != "ask")
    return batch_price(spec) if by_batch or settings.batch_requests else spec


def withhold_of(spec: ModelSpec, settings: Settings, number: int) -> Withhold | None:
    """Return what takes the requests that the store cannot answer; None for a run that sends them.

    `number` is that of this process among the workers.
    """
    if settings.batch_requests:
        return _Recorder(spec, settings, number).record
    if settings.batch and settings.batch_rest != "ask":
        return _Refuser(spec.label, parent_of(settings)).refuse
    under_way = _under_way(spec, settings)
    return _Waiting(spec.label, under_way).refuse if under_way else None


def _under_way(spec: ModelSpec, settings: Settings) -> dict[bytes, str]:
    """Return the folder's name of each request, by its store key, that is in a batch under way."""
    if settings.batch_rest == "ask":
        return {}
    store = str(Path(settings.store_path).resolve())
    folders = (f for f in Folder.open_all(parent_of(settings)) if is_live(f) and f.plan.get("store") == store)
    ours = [folder for folder in folders if folder.plan["label"] == spec.label]
    return {bytes.fromhex(key): folder.path.name for folder in ours for key in live_keys(folder)}


class _Recorder:
    """Writes requests of one model into a file, as its provider would get them."""

    def __init__(self, spec: ModelSpec, settings: Settings, number: int) -> None:
        folder = Path(settings.batch_requests or "")
        model = models.open_model(
            models.constrained(spec) if settings.constrained else spec, pool=1, env=os.environ
        )
        if not isinstance(model, HttpModel):
            raise ModelError(
                f"--batch: {spec.label} is not asked over HTTP, so that no batch can carry its requests."
            )
        self._label, self._model = spec.label, model
        with suppress(FileNotFoundError):
            model.adapt(json.loads((folder / REFUSED).read_bytes()).get(spec.label, {}))
        # Unbuffered: a worker may end without closing its files.
        self._file = open(  # noqa: SIM115 - as long as the process
            folder / f"{spec.label}.{number}.jsonl", "ab", buffering=0, opener=opener
        )

    def record(self, request: Request, key: bytes) -> NoReturn:
        path, body, sent = self._model.prepared(request)
        try:
            orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            raise Rejected(unsendable(error)) from None
        limits = (sent.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
        most = next((limit for limit in limits if isinstance(limit, int)), None)
        asked = Asked(key.hex(), self._label, path, body, sent, request.id, request.chars, most)
        self._file.write(asked.line())
        raise AwaitsBatch(f"{self._label}: recorded for a batch")


class _Waiting:
    """Keeps requests from being asked, and paid for, while a batch with them is under way."""

    def __init__(self, label: str, under_way: Mapping[bytes, str]) -> None:
        self._label, self._under_way = label, under_way

    def refuse(self, _request: Request, key: bytes) -> None:
        if (name := self._under_way.get(key)) is not None:
            raise Rejected(
                f"{self._label}: in the batch {name}, which is under way: `mmlubench batch collect --wait` brings the "
                "reply, --batch waits for it, --batch-rest ask asks it now and pays for it twice"
            )


class _Refuser:
    """Tells why no batch has answered a request."""

    def __init__(self, label: str, parent: Path) -> None:
        self._label, self._parent = label, parent

    @cached_property
    def _rows(self) -> dict[str, Mapping[str, Any]]:
        folders = Folder.open_all(self._parent) if self._parent.is_dir() else []
        return {row["key"]: row for folder in folders for row in folder.failures()}

    def refuse(self, request: Request, key: bytes) -> NoReturn:
        row = self._rows.get(key.hex())
        if row is None:
            raise Rejected(
                f"{self._label}: no batch has answered this request; --batch-rest ask asks for it now"
            )
        if row.get("kind") == UNPAID:
            raise BudgetSpent(str(row["message"]))
        raise Rejected(f"{row['message']} (in a batch)", status=row.get("status"))

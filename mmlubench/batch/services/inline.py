"""The batch APIs that take requests inside one JSON body: Anthropic's Message Batches and OpenRouter's batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson

from mmlubench.batch.rows import Row, of_anthropic, of_openai
from mmlubench.batch.services.base import Bounds, Look, Outgoing, Seen, Service, counts_of
from mmlubench.batch.services.openai_files import moment
from mmlubench.errors import Rejected
from mmlubench.jsonl import encoded
from mmlubench.models.http.failures import one_line, retry_after_s
from mmlubench.private import opener

_PAGE, _PAGES = 100, 20
_NOT_FOUND = 404


class AnthropicBatches(Service):
    """`/v1/messages/batches`. A batch has no name: its rows alone say whose it is, once it has ended."""

    bounds: ClassVar[Bounds] = Bounds(count=100_000)
    _at = "/v1/messages/batches"

    async def start(self, out: Outgoing, prepared: str) -> str:
        """See `Service`."""
        rows = [{"custom_id": custom_id, "params": body} for custom_id, body in out.rows]
        return self.http.id_of((await self.http.post(self._at, orjson.dumps({"requests": rows})))[0])

    async def look(self, batch_id: str) -> Look:
        """See `Service`; `ended` says nothing of success."""
        told, headers = await self.http.get(f"{self._at}/{batch_id}")
        counts = counts_of(told.get("request_counts"))
        ended = told.get("processing_status") == "ended"
        return Look(
            ended=ended,
            done=counts.get("succeeded", 0),
            failed=counts.get("errored", 0),
            wait_s=retry_after_s(headers),
            # Not results_url: it names a host of the provider, and a gateway in between would be left out.
            files=(f"{self._at}/{batch_id}/results",) if ended else (),
            is_whole=ended,
        )

    async def recent(self, since: float) -> list[Seen]:
        """See `Service`."""
        seen: list[Seen] = []
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            page, _headers = await self.http.get(self._at, limit=str(_PAGE), **after)
            batches = [one for one in page.get("data") or () if isinstance(one, dict) and one.get("id")]
            for one in batches:
                count = sum(counts_of(one.get("request_counts")).values())
                seen.append(Seen(str(one["id"]), moment(one.get("created_at")), count, None))
            if not page.get("has_more") or not batches or seen[-1].created < since:
                break
            after = {"after_id": seen[-1].batch_id}
        return [one for one in seen if one.created >= since]

    def read(self, line: Mapping[str, Any]) -> Row:
        """See `Service`."""
        return of_anthropic(line)


class OpenRouterBatches(Service):
    """`/batches`, one model each; of the routing only `only` and `allow_fallbacks` are taken, for the whole batch.

    Source: OpenRouter's reference and its Python SDK 1.3.84.
    """

    bounds: ClassVar[Bounds] = Bounds(size=40_000_000)

    async def start(self, out: Outgoing, prepared: str) -> str:
        """See `Service`."""
        bodies = [dict(body) for _, body in out.rows]
        routing: dict[str, Any] = next(
            (b["provider"] for b in bodies if isinstance(b.get("provider"), dict)), {}
        )
        rows = [
            {
                "custom_id": custom_id,
                "body": {k: v for k, v in body.items() if k not in ("model", "provider")},
            }
            for (custom_id, _), body in zip(out.rows, bodies, strict=True)
        ]
        kept = {name: routing[name] for name in ("only", "allow_fallbacks") if name in routing}
        # The order counts: a body is read as it comes, and refused if the requests stand before the rest.
        body = {
            "endpoint": f"/v1{out.path}",
            "model": out.model,
            **({"provider": kept} if kept else {}),
            "requests": rows,
        }
        told, _ = await self.http.post("/batches", orjson.dumps(body), {"Idempotency-Key": out.name})
        return self.http.id_of(told)

    async def look(self, batch_id: str) -> Look:
        """See `Service`."""
        told, headers = await self.http.get(f"/batches/{batch_id}")
        state, counts = str(told.get("status")).lower(), counts_of(told.get("request_counts"))
        ended = state in ("completed", "failed", "expired", "cancelled", "canceled")
        is_refused = state == "failed" and not counts.get("completed")
        said = told.get("error")
        why = said.get("message") if isinstance(said, dict) else said
        return Look(
            ended=ended,
            done=counts.get("completed", 0),
            failed=counts.get("failed", 0),
            wait_s=retry_after_s(headers),
            problem=one_line(why or "no reason given") if is_refused else "",
            files=(f"/batches/{batch_id}/results",) if ended and not is_refused else (),
            is_whole=state == "completed",
        )

    async def recent(self, since: float) -> list[Seen]:
        """See `Service`; a batch has no name here, either."""
        seen: list[Seen] = []
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            page, _headers = await self.http.get("/batches", limit=str(_PAGE), **after)
            batches = [one for one in page.get("data") or () if isinstance(one, dict) and one.get("id")]
            for one in batches:
                total = counts_of(one.get("request_counts")).get("total")
                # Until a batch has been validated, its requests are not counted.
                seen.append(Seen(str(one["id"]), moment(one.get("created_at")), total or None, None))
            if not page.get("has_more") or not batches or seen[-1].created < since:
                break
            after = {"after": seen[-1].batch_id}
        return [one for one in seen if one.created >= since]

    def read(self, line: Mapping[str, Any]) -> Row:
        """See `Service`."""
        return of_openai(line)

    async def _download(self, file: str, to: Path) -> Path:
        """Write the pages of results as lines."""
        with open(to, "wb", opener=opener) as lines:
            async for page in self._pages(file):
                for row in page.get("data") or page.get("results") or ():
                    lines.write(encoded(row) + b"\n")
        return to

    async def _pages(self, file: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the pages of results; without that route they stand in the batch itself, all at once."""
        cursor: dict[str, str] = {}
        while True:
            try:
                page, _headers = await self.http.get(file, **cursor)
            except Rejected as error:
                if error.status != _NOT_FOUND or cursor:
                    raise
                page, _headers = await self.http.get(file.removesuffix("/results"))
            yield page
            following = page.get("next_cursor")
            if not following or {"cursor": str(following)} == cursor:
                return
            cursor = {"cursor": str(following)}

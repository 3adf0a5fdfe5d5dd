"""Together's Batch API: OpenAI's with leaner lines, uploads by a signed address, and batches inside a `job`.

Source: Together's reference and its Python SDK 3.1.1.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from mmlubench.batch.services.base import Outgoing, Seen
from mmlubench.batch.services.openai_files import OpenAIFiles, one_line_each, seen_of

_FOUND, _CONFLICT = 302, 409


class TogetherBatches(OpenAIFiles):
    """`/files` and `/batches`; a batch has no name, but tells of which file it was made."""

    async def prepare(self, out: Outgoing) -> str:
        """See `Service`: ask for an address, put the file there, and say so."""
        rows = ({"custom_id": custom_id, "body": body} for custom_id, body in out.rows)
        content = one_line_each(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
        status, headers, told = await self.http.form(
            "/files",
            (_FOUND, _CONFLICT),
            purpose="batch-api",
            file_name=f"{out.name}.jsonl",
            file_type="jsonl",
            checksum=sha256(content).hexdigest(),
        )
        if status == _CONFLICT:  # the same file is there already
            return self.http.id_of({"id": told.get("file_id") if isinstance(told, dict) else None})
        file_id = self.http.id_of({"id": headers.get("X-Together-File-Id")})
        await self.http.put(headers.get("Location", ""), content)
        await self.http.post(f"/files/{file_id}/preprocess", b"")
        return file_id

    async def start(self, out: Outgoing, prepared: str) -> str:
        """See `Service`."""
        body = {"input_file_id": prepared, "endpoint": f"/v1{out.path}", "completion_window": "24h"}
        told: Any = (await self.http.post("/batches", body))[0]
        return self.http.id_of(told.get("job"))

    async def recent(self, since: float) -> list[Seen]:
        """See `Service`: the whole list, which has no pages."""
        seen = [seen_of(one) for one in await self.http.listed("/batches") if one.get("id")]
        return [one for one in seen if one.created >= since]

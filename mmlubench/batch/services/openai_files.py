"""OpenAI's Batch API, files in and files out, and the vendors that copied it; Mistral's jobs, which differ a little."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import orjson

from mmlubench.batch.rows import Row, of_openai
from mmlubench.batch.services.base import Look, Outgoing, Seen, Service, counts_of
from mmlubench.models.http.failures import one_line, retry_after_s
from mmlubench.models.http.rate_headers import pause_s

#: Where a path of ours stands in the files of all these vendors, whatever their own address looks like.
_VERSION = "/v1"
_ENDED = ("completed", "failed", "expired", "cancelled")
#: The code of a batch that would put more tokens into the queue than the account may have there.
_FULL = "token_limit_exceeded"
_PAGE, _PAGES = 100, 20


def jsonl_of(out: Outgoing) -> bytes:
    """Return the file of requests, as OpenAI's Batch API and vLLM's `run_batch` read it."""
    url = f"{_VERSION}{out.path}"
    lines = ({"custom_id": id_, "method": "POST", "url": url, "body": body} for id_, body in out.rows)
    return one_line_each(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))


def one_line_each(lines: bytes) -> bytes:
    """Return JSON lines in which nothing but the newlines ends a line: Python's `splitlines` knows more ends."""
    for char in "\x85\u2028\u2029":
        lines = lines.replace(char.encode(), b"\\u%04x" % ord(char))
    return lines


class OpenAIFiles(Service):
    """`/files` and `/batches`."""

    async def prepare(self, out: Outgoing) -> str:
        """See `Service`: upload the file, which costs nothing."""
        return self.http.id_of(await self.http.upload("/files", jsonl_of(out), purpose="batch"))

    async def start(self, out: Outgoing, prepared: str) -> str:
        """See `Service`."""
        body = {
            "input_file_id": prepared,
            "endpoint": f"{_VERSION}{out.path}",
            "completion_window": "24h",
            "metadata": {"mmlubench": out.name},
        }
        return self.http.id_of((await self.http.post("/batches", body))[0])

    async def look(self, batch_id: str) -> Look:
        """See `Service`; both files may be missing: all rows failed, or all went well."""
        told, headers = await self.http.get(f"/batches/{batch_id}")
        state, counts = str(told.get("status")).lower(), counts_of(told.get("request_counts"))
        ids = [told.get("output_file_id"), told.get("error_file_id")]
        files = tuple(f"/files/{one}/content" for one in ids if one)
        errors = _errors(told.get("errors") or told.get("error"))
        is_refused = state == "failed" and not files
        problem = "; ".join(one_line(one.get("message") or one) for one in errors[:3])
        return Look(
            ended=state in _ENDED,
            done=counts.get("completed", 0),
            failed=counts.get("failed", 0),
            wait_s=retry_after_s(headers) or pause_s(headers) or None,
            problem=(problem or "its provider says no reason") if is_refused else "",
            is_full=any(_FULL in str(one.get("code")) for one in errors),
            files=files if state in _ENDED else (),
            is_whole=state == _ENDED[0],
        )

    async def recent(self, since: float) -> list[Seen]:
        """See `Service`."""
        seen: list[Seen] = []
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            page, _headers = await self.http.get("/batches", limit=str(_PAGE), **after)
            batches = [one for one in page.get("data") or () if isinstance(one, dict) and one.get("id")]
            seen += map(seen_of, batches)
            if not page.get("has_more") or not batches or seen[-1].created < since:
                break
            after = {"after": seen[-1].batch_id}
        return [one for one in seen if one.created >= since]

    def read(self, line: Mapping[str, Any]) -> Row:
        """See `Service`."""
        return of_openai(line)


class MistralJobs(OpenAIFiles):
    """`/files` and `/batch/jobs`: one model a job, whose rows need none; states have other names."""

    _STATES: ClassVar[Mapping[str, bool]] = {
        "SUCCESS": True,
        "FAILED": True,
        "TIMEOUT_EXCEEDED": True,
        "CANCELLED": True,
    }

    async def start(self, out: Outgoing, prepared: str) -> str:
        """See `Service`."""
        body = {
            "input_files": [prepared],
            "model": out.model,
            "endpoint": f"{_VERSION}{out.path}",
            "metadata": {"mmlubench": out.name},
            "timeout_hours": 24,
        }
        return self.http.id_of((await self.http.post("/batch/jobs", body))[0])

    async def look(self, batch_id: str) -> Look:
        """See `Service`."""
        told, headers = await self.http.get(f"/batch/jobs/{batch_id}")
        state = str(told.get("status"))
        ended = self._STATES.get(state, False)
        named = (told.get("output_file"), told.get("error_file"))
        ids = [one.get("id") if isinstance(one, dict) else one for one in named]
        files = tuple(f"/files/{one}/content" for one in ids if one)
        counts = counts_of(told)
        return Look(
            ended=ended,
            done=counts.get("succeeded_requests", 0),
            failed=counts.get("failed_requests", 0),
            wait_s=retry_after_s(headers),
            problem=one_line(told.get("errors") or "no reason given")
            if state == "FAILED" and not files
            else "",
            files=files if ended else (),
            is_whole=state == "SUCCESS",
        )

    async def recent(self, since: float) -> list[Seen]:
        """See `Service`."""
        page, _headers = await self.http.get("/batch/jobs", page_size=str(_PAGE))
        seen = [seen_of(one) for one in page.get("data") or () if isinstance(one, dict) and one.get("id")]
        return [one for one in seen if one.created >= since]


def _errors(told: Any) -> list[dict[str, Any]]:
    """Return the errors of a batch as objects; a vendor tells a list of them, one under `data`, or a plain text."""
    if isinstance(told, str) and told:
        return [{"message": told}]
    listed = told.get("data") if isinstance(told, dict) else told
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def seen_of(batch: Mapping[str, Any]) -> Seen:
    """Read a batch in a list; where a vendor keeps no name, the uploaded file tells whose it is."""
    metadata, files = batch.get("metadata"), batch.get("input_files")
    name = metadata.get("mmlubench") if isinstance(metadata, dict) else None
    name = name or batch.get("input_file_id") or (files[0] if isinstance(files, list) and files else None)
    counts = counts_of(batch.get("request_counts") or batch)
    return Seen(
        str(batch["id"]),
        moment(batch.get("created_at")),
        counts.get("total") or counts.get("total_requests"),
        str(name) if name else "",
    )


def moment(value: Any) -> float:
    """Return a time in Unix seconds, which a provider tells so or in ISO 8601; now for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return time.time()

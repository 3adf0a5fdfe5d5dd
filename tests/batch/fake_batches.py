"""A provider with batch APIs in OpenAI's and Anthropic's form, which answers interactively, too, and fails on demand.

What it says depends on the prompt alone, so that a run by batches and an interactive run get the same replies. It has
what other people's fakes lack: expiry, cancelling, rows that fail, come twice or out of order, a full queue, the rules
for custom ids, and a client that dies at a chosen request.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass
class Batch:
    """One batch that was paid for."""

    id: str
    rows: list[dict[str, Any]]
    metadata: dict[str, str]
    looks: int = 0
    created: float = field(default_factory=time.time)
    problem: str = ""


Spoil = Callable[[int, dict[str, Any]], "dict[str, Any] | None"]


class FakeBatches:
    """The server; its attributes are what a test wants of it, and what it has seen."""

    def __init__(self) -> None:
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, bytes] = {}
        self.interactive: list[dict[str, Any]] = []
        """The bodies of interactive requests."""
        self.seen: list[str] = []
        self.auth: set[str] = set()
        self.looks_until_end = 1
        self.spoil: Spoil = lambda _number, row: row
        """Changes a row of results; None leaves it out."""
        self.arrange: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda rows: rows[::-1]
        self.end_state = "completed"
        self.queue_rows: int | None = None
        """The rows that may wait at the same time; more are refused after the batch was made."""
        self.reply: Callable[[dict[str, Any]], str] = letter_of
        self.cut_at: int | None = None
        """Replies with a lower max_tokens are cut off."""
        self.refuses: str = ""
        """A parameter that no row may have."""
        self.on_request: Callable[[str, str], object] = lambda _what, _when: None
        """Called `before` a request is carried out, and `after` that, before it is answered."""
        self.instead: Callable[[str], tuple[int, Any, dict[str, str]] | None] = lambda _what: None
        """Answers a request in place of carrying it out: status, body, headers."""
        self.headers: dict[str, str] = {}
        """Further headers of every reply."""
        self.garble: Callable[[bytes], bytes] = lambda content: content
        """Changes a file of results."""
        self.looks_until_files = 0
        """For how many looks a batch that has ended has no files yet; only for OpenAI's form."""
        self._number = 0
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def paid(self) -> Counter[str]:
        """How often each body was asked in a batch."""
        live = [batch for batch in self.batches.values() if not batch.problem]
        return Counter(json.dumps(body(row), sort_keys=True) for batch in live for row in batch.rows)

    def make(self, rows: list[dict[str, Any]], metadata: dict[str, str]) -> Batch:
        self._number += 1
        made = Batch(f"batch_{self._number}", rows, metadata)
        waiting = sum(len(one.rows) for one in self.batches.values() if not self.has_ended(one))
        if self.queue_rows is not None and waiting + len(rows) > self.queue_rows:
            made.problem = "token_limit_exceeded"
        self.batches[made.id] = made
        return made

    def has_ended(self, batch: Batch) -> bool:
        return bool(batch.problem) or batch.looks > self.looks_until_end

    def answer(self, body: dict[str, Any], *, anthropic: bool) -> tuple[int, dict[str, Any]]:
        if self.refuses and self.refuses in body:
            said = {
                "type": "invalid_request_error",
                "message": f"Unsupported parameter: '{self.refuses}' is not supported.",
            }
            return 400, {"error": {**said, "param": self.refuses}}
        most = body.get("max_tokens") or body.get("max_completion_tokens") or 10**9
        is_cut = self.cut_at is not None and most < self.cut_at
        text = "Let me see" if is_cut else self.reply(body)
        if anthropic:
            reason, usage = "max_tokens" if is_cut else "end_turn", {"input_tokens": 100, "output_tokens": 10}
            return 200, {
                "content": [{"type": "text", "text": text}],
                "stop_reason": reason,
                "usage": usage,
                "model": "m",
            }
        choice = {"index": 0, "message": {"content": text}, "finish_reason": "length" if is_cut else "stop"}
        return 200, {
            "choices": [choice],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
            "model": "m",
        }

    def rows_of(self, batch: Batch) -> Iterator[dict[str, Any]]:
        for number, row in enumerate(batch.rows):
            anthropic = "params" in row
            status, told = self.answer(body(row), anthropic=anthropic)
            if anthropic:
                errored = {"type": "errored", "error": {"type": "error", **told}}
                result = {"type": "succeeded", "message": told} if status == 200 else errored
                made = {"custom_id": row["custom_id"], "result": result}
            else:
                made = {
                    "custom_id": row["custom_id"],
                    "response": {"status_code": status, "body": told},
                    "error": None,
                }
            spoilt = self.spoil(number, made)
            if spoilt is not None:
                yield spoilt


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


def body(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = row.get("params") or row["body"]
    return found


def letter_of(body: dict[str, Any]) -> str:
    """A letter by the last message, the same wherever it is asked."""
    return "ANSWER: " + "ABCD"[sha256(json.dumps(body["messages"]).encode()).digest()[0] % 4]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeBatches

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._carry_out("GET")

    def do_POST(self) -> None:
        self._carry_out("POST")

    def _carry_out(self, method: str) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0].removeprefix("/v1")
        what = f"{method} {path}"
        self.fake.seen.append(what)
        if "batches" in path or "files" in path:
            self.fake.auth.add(self.headers.get("authorization") or self.headers.get("x-api-key") or "")
        self.fake.on_request(what, "before")
        instead = self.fake.instead(what)
        status, told, headers = instead or (
            *(self._get(path) if method == "GET" else self._post(path, content)),
            self.fake.headers,
        )
        self.fake.on_request(what, "after")
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _post(self, path: str, content: bytes) -> tuple[int, Any]:
        fake = self.fake
        if path == "/files":
            mark = content.partition(b"\r\n")[0]
            part = next(p for p in content.split(mark) if b"filename=" in p)
            name = f"file_{len(fake.files) + 1}"
            fake.files[name] = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            return 200, {"id": name}
        asked = json.loads(content)
        if path in ("/batches", "/messages/batches"):
            rows = asked.get("requests") or [
                json.loads(line) for line in fake.files[asked["input_file_id"]].splitlines()
            ]
            ids = [row["custom_id"] for row in rows]
            if len(set(ids)) < len(ids) or not all(map(_CUSTOM_ID.fullmatch, ids)):
                return 400, {"error": {"type": "invalid_request_error", "message": "bad custom_id"}}
            return 200, self._told(fake.make(rows, asked.get("metadata") or {}), "messages" in path)
        fake.interactive.append(asked)
        return fake.answer(asked, anthropic=path == "/messages")

    def _get(self, path: str) -> tuple[int, Any]:
        fake, anthropic = self.fake, path.startswith("/messages")
        if path in ("/batches", "/messages/batches"):
            return 200, {
                "data": [self._told(one, anthropic) for one in fake.batches.values()],
                "has_more": False,
            }
        if path.startswith("/files/"):
            which, _, of = path.split("/")[2].partition("-of-")
            rows = fake.arrange(list(fake.rows_of(fake.batches[of])))
            good = [row for row in rows if (row.get("response") or {}).get("status_code") == 200]
            chosen = good if which == "output" else [row for row in rows if row not in good]
            return 200, fake.garble(b"".join(json.dumps(row).encode() + b"\n" for row in chosen))
        batch = fake.batches.get(path.split("/")[3 if anthropic else 2]) if path.count("/") > 1 else None
        if batch is None:
            return (
                (200, {"data": [{"id": "m"}]}) if path == "/models" else (404, {"error": {"message": "no"}})
            )
        if path.endswith("/results"):
            rows = fake.arrange(list(fake.rows_of(batch)))
            return 200, fake.garble(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
        batch.looks += 1
        return 200, self._told(batch, anthropic)

    def _told(self, batch: Batch, anthropic: bool) -> dict[str, Any]:
        fake, ended = self.fake, self.fake.has_ended(batch)
        if anthropic:
            kinds = [row["result"]["type"] for row in fake.rows_of(batch)] if ended else []
            counts = {"processing": 0 if ended else len(batch.rows), **Counter(kinds)}
            counts["expired"] = counts.get("expired", 0) + (len(batch.rows) - len(kinds) if ended else 0)
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(batch.created))
            status = "ended" if ended else "in_progress"
            return {"id": batch.id, "processing_status": status, "request_counts": counts, "created_at": at}
        rows = list(fake.rows_of(batch)) if ended and not batch.problem else []
        good = [row for row in rows if (row.get("response") or {}).get("status_code") == 200]
        has_files = batch.looks - fake.looks_until_end > fake.looks_until_files
        return {
            "id": batch.id,
            "status": ("failed" if batch.problem else fake.end_state) if ended else "in_progress",
            "metadata": batch.metadata,
            "created_at": int(batch.created),
            "errors": {"data": [{"code": batch.problem, "message": "too many tokens"}]}
            if batch.problem
            else None,
            "request_counts": {
                "total": len(batch.rows),
                "completed": len(good),
                "failed": len(rows) - len(good),
            },
            "output_file_id": f"output-of-{batch.id}" if good and has_files else None,
            "error_file_id": f"error-of-{batch.id}" if len(good) < len(rows) else None,
        }

"""Stand-ins for batch APIs that no server of others speaks, in the shapes of their vendors' references and SDKs.

Together: SDK 3.1.1 (`resources/batches.py`, `lib/resources/files.py`). OpenRouter: SDK 1.3.84 (`components/batch*.py`)
and its reference for `/batches/{id}/results`.
"""

from __future__ import annotations

import email.message
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.batch.fake_batches import letter_of

if TYPE_CHECKING:
    from typing_extensions import Self

Answer = tuple[int, dict[str, str], bytes]


class StandIn:
    """A server on two ports: that of the vendor, and that of a storage service beside it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.keys: dict[str, set[str]] = {"vendor": set(), "storage": set()}
        """The keys that each of the two was given."""
        self.batches: dict[str, dict[str, Any]] = {}
        self._vendor, self._storage = _server(self, "vendor"), _server(self, "storage")
        self.url = f"http://127.0.0.1:{self._vendor.server_port}"
        self.storage_url = f"http://127.0.0.1:{self._storage.server_port}"

    def __enter__(self) -> Self:
        for server in (self._vendor, self._storage):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._vendor, self._storage):
            server.shutdown()
            server.server_close()

    def answer(
        self, who: str, what: str, query: dict[str, str], head: email.message.Message, body: bytes
    ) -> Answer:
        raise NotImplementedError

    @property
    def asked(self) -> list[str]:
        """The custom ids of all rows that were paid for."""
        return [row["custom_id"] for batch in self.batches.values() for row in batch["rows"]]


class Together(StandIn):
    """Uploads go to a signed address; batches are made inside a `job`, listed as an array, and have no name."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.ready: set[str] = set()
        self.purposes: set[str] = set()

    def answer(
        self, who: str, what: str, query: dict[str, str], head: email.message.Message, body: bytes
    ) -> Answer:
        if who == "storage":
            name = urlsplit(what).path.rpartition("/")[2]
            if what.startswith("PUT"):
                self.files[name] = body
            return 200, {}, self.files[name]
        if what == "POST /v1/files":
            form = dict(re.findall(r'name="(\w+)"[^\0]*?\r\n\r\n([^\r]*)\r\n', body.decode()))
            self.purposes.add(form["purpose"])
            assert "multipart/form-data" in head["content-type"]
            assert form["file_name"].endswith(".jsonl")
            assert len(form["checksum"]) == 64
            name = f"file-{form['checksum'][:8]}"
            if name in self.ready:
                return _json(409, {"file_id": name})
            signed = f"{self.storage_url}/{name}?X-Amz-Signature=a%2Fb%3D"
            return 302, {"Location": signed, "X-Together-File-Id": name}, b""
        if what.endswith("/preprocess"):
            self.ready.add(name := what.split("/")[3])
            return _json(200, {"id": name, "object": "file", "purpose": "batch-api"})
        if what == "POST /v1/batches":
            asked = json.loads(body)
            assert asked["input_file_id"] in self.ready
            assert asked["endpoint"] == "/v1/chat/completions"
            return _json(201, {"job": self._make(asked["input_file_id"]), "warning": ""})
        if what == "GET /v1/batches":
            return _json(200, [self._told(batch) for batch in self.batches.values()])  # type: ignore[arg-type]
        if what.endswith("/content"):
            return 302, {"Location": f"{self.storage_url}/{what.split('/')[3]}?signed=1"}, b""
        batch = self.batches[what.rpartition("/")[2]]
        batch["looks"] += 1
        return _json(200, self._told(batch))

    def _make(self, file_id: str) -> dict[str, Any]:
        rows = [json.loads(line) for line in self.files[file_id].splitlines()]
        assert all(row.keys() == {"custom_id", "body"} for row in rows)
        name = f"b-{len(self.batches) + 1}"
        self.batches[name] = {"id": name, "file": file_id, "rows": rows, "looks": 0, "created": time.time()}
        good, bad = rows[1:], rows[:1]
        self.files[f"out-{name}"] = _lines(_row(row, 200) for row in reversed(good))
        self.files[f"err-{name}"] = _lines(_row(row, 429) for row in bad)
        return self._told(self.batches[name])

    def _told(self, batch: dict[str, Any]) -> dict[str, Any]:
        ended = batch["looks"] > 1
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(batch["created"]))
        return {
            "id": batch["id"],
            "status": "COMPLETED" if ended else "IN_PROGRESS",
            "created_at": moment,
            "endpoint": "/v1/chat/completions",
            "input_file_id": batch["file"],
            "progress": 100.0 if ended else 0.0,
            **(
                {"output_file_id": f"out-{batch['id']}", "error_file_id": f"err-{batch['id']}"}
                if ended
                else {}
            ),
        }


class OpenRouter(StandIn):
    """Requests stand in the body, one model for all; results come in pages, or in the batch itself."""

    def __init__(self) -> None:
        super().__init__()
        self.has_pages = True
        self.state = "completed"

    def answer(
        self, who: str, what: str, query: dict[str, str], head: email.message.Message, body: bytes
    ) -> Answer:
        if what == "POST /v1/batches":
            return self._submit(json.loads(body), head["idempotency-key"])
        if what == "GET /v1/batches":
            newest = [self._told(batch) for batch in reversed(self.batches.values())]
            start = [batch["id"] for batch in newest].index(query["after"]) + 1 if "after" in query else 0
            page = newest[start : start + 2]
            more = {"has_more": start + 2 < len(newest), "last_id": page[-1]["id"] if page else None}
            return _json(200, {"object": "list", "data": page, "first_id": None, **more})
        batch = self.batches[what.split("/")[3]]
        if what.endswith("/results"):
            if not self.has_pages:
                return _json(404, {"error": {"code": 404, "message": "Not found"}})
            at = int(query.get("cursor", 0))
            rows = self._results(batch)
            following = str(at + 3) if at + 3 < len(rows) else None
            return _json(200, {"data": rows[at : at + 3], "next_cursor": following})
        batch["looks"] += 1
        if batch["looks"] == 1:  # seen of the real one just after a batch was made
            return _json(404, {"error": {"code": 404, "message": "Batch not found"}})
        told = self._told(batch)
        return _json(
            200, {**told, "results": self._results(batch) if told["status"] == "completed" else None}
        )

    def _submit(self, asked: dict[str, Any], key: str) -> Answer:
        if list(asked)[-1] != "requests":
            return _json(400, {"error": {"code": 400, "message": "endpoint and model must precede requests"}})
        if any("model" in row["body"] or "provider" in row["body"] for row in asked["requests"]):
            return _json(400, {"error": {"code": 400, "message": "model and provider are the batch's"}})
        same = next((batch for batch in self.batches.values() if batch["key"] == key), None)
        if same is None:
            name = f"batch_{len(self.batches) + 1}"
            same = {"id": name, "key": key, "rows": asked["requests"], "looks": 0, "asked": asked}
            self.batches[name] = same | {"created": int(time.time())}
        return _json(202, self._told(self.batches[same["id"]]))

    def _told(self, batch: dict[str, Any]) -> dict[str, Any]:
        ended, total = batch["looks"] > 2, len(batch["rows"])
        counts = (
            {"total": total, "completed": total - 1, "failed": 1}
            if ended
            else {"total": 0, "completed": 0, "failed": 0}
        )
        error = {"message": "no provider takes it"} if ended and self.state == "failed" else None
        if error:
            counts["completed"] = 0
        return {
            "id": batch["id"],
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "model": batch["asked"]["model"],
            "status": self.state if ended else "validating",
            "created_at": batch["created"],
            "completion_window": "24h",
            "request_counts": counts,
            "error": error,
            "results": None,
        }

    @staticmethod
    def _results(batch: dict[str, Any]) -> list[dict[str, Any]]:
        failed = {"message": "flagged", "type": "invalid_request_error", "param": None}
        last = {"id": "r", "custom_id": batch["rows"][-1]["custom_id"], "response": None, "error": failed}
        return [*(_row(row, 200) for row in batch["rows"][:-1]), last]


def _row(row: dict[str, Any], status: int) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": letter_of(row["body"])}}
    good = {"choices": [choice | {"finish_reason": "stop"}], "model": "m"}
    body = good if status == 200 else {"error": {"message": "slow down"}}
    response = {"status_code": status, "request_id": "q", "body": body}
    return {"id": "r", "custom_id": row["custom_id"], "response": response, "error": None}


def _lines(rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _json(status: int, value: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _server(outer: StandIn, who: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            split = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if key := self.headers.get("authorization"):
                outer.keys[who].add(key)
            outer.seen.append(f"{who} {self.command} {self.path}")
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            status, headers, content = outer.answer(
                who, f"{self.command} {split.path}", query, self.headers, body
            )
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _answer

        def log_message(self, *_args: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)

"""A stand-in for the dataset hub on 127.0.0.1: answers what the `datasets` library asks of one repository.

    with HubStandIn(mmlu_repository()) as hub:
        subprocess.run([...], env={**os.environ, **hub.environment(tmp_path)})

Or as a script: it prints its URL and serves until its standard input closes. The rows are made up, with
the right number for every subject, so that it works without the real data.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mmlubench.datasets.sets.mmlu import MMLU
from mmlubench.datasets.sets.subjects import SUBJECTS

CARD = """---
configs:
- config_name: all
  data_files:
  - {split: test, path: all/test-*}
  - {split: validation, path: all/validation-*}
  - {split: dev, path: all/dev-*}
---
Made-up questions in the shape of MMLU.
"""


def made_up_rows(split: str) -> list[dict[str, Any]]:
    """Rows of one split: `Question 17 of anatomy`, with as many rows as MMLU has in that split's subjects."""
    per_subject = {"dev": 5, "validation": 2}
    return [
        {
            "question": f"Question {n} of {subject} ({split})",
            "subject": subject,
            "choices": [f"Choice {letter} of {n}" for letter in "ABCD"],
            "answer": n % 4,
        }
        for subject, known in SUBJECTS.items()
        for n in range(per_subject.get(split, known.questions))
    ]


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """The rows as one parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def mmlu_repository() -> dict[str, bytes]:
    """The files of a repository laid out like `cais/mmlu`, by path."""
    splits = ("test", "validation", "dev")
    files = {f"all/{split}-00000-of-00001.parquet": parquet(made_up_rows(split)) for split in splits}
    return {"README.md": CARD.encode(), **files}


def repository(configs: Mapping[str, Mapping[str, tuple[str, bytes]]]) -> dict[str, bytes]:
    """The files of a repository by path: of each configuration, for each split, a path and what is there."""
    card = ["---", "configs:"]
    for config, splits in configs.items():
        card += [f"- config_name: {config}", "  data_files:"]
        card += [f"  - {{split: {split}, path: {path}}}" for split, (path, _) in splits.items()]
    files = {path: content for splits in configs.values() for path, content in splits.values()}
    return {"README.md": "\n".join([*card, "---", ""]).encode(), **files}


class HubStandIn:
    """One repository at one revision, served over HTTP while the `with` block lasts."""

    def __init__(
        self, files: Mapping[str, bytes], repository: str = MMLU.repository, revision: str = MMLU.revision
    ) -> None:
        self.files = dict(files)
        self.repository = repository
        self.revision = revision
        self.requests: list[str] = []
        """Method and path of every request, in order of arrival."""
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, home: Path) -> dict[str, str]:
        """The variables that send `datasets` here and keep its cache under `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def __enter__(self) -> HubStandIn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    hub: HubStandIn
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds a silent connection may stay open

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Keep quiet: the requests are kept in `HubStandIn.requests`."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        files = f"/datasets/{self.hub.repository}/resolve/{self.hub.revision}/"
        api = f"/api/datasets/{self.hub.repository}"
        if path.startswith(files):
            self._file(path.removeprefix(files))
        elif path in (api, f"{api}/revision/{self.hub.revision}", f"{api}/revision/main"):
            self._json({"id": self.hub.repository, "sha": self.hub.revision, "siblings": self._siblings()})
        elif path.startswith(f"{api}/tree/{self.hub.revision}"):
            folder = path.removeprefix(f"{api}/tree/{self.hub.revision}").strip("/")
            self._tree(folder, deep="recursive=true" in self.path.lower())
        elif path == f"{api}/paths-info/{self.hub.revision}":
            self._paths_info(body)
        else:
            self._send(404, b"", {"x-error-code": "EntryNotFound"})

    def _file(self, name: str) -> None:
        content = self.hub.files.get(name)
        if content is None:
            self._send(404, b"Entry not found", {"x-error-code": "EntryNotFound"})
        else:
            self._send(200, content, {"etag": f'"{_oid(content)}"', "x-repo-commit": self.hub.revision})

    def _tree(self, folder: str, deep: bool) -> None:
        start = f"{folder}/" if folder else ""
        inside = [name for name in self.hub.files if name.startswith(start)]
        if folder and not inside:
            self._send(404, b"", {"x-error-code": "EntryNotFound"})
            return
        below = {
            start + name.removeprefix(start).split("/")[0] for name in inside if "/" in name[len(start) :]
        }
        folders = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in sorted(below)]
        files = [name for name in inside if deep or "/" not in name[len(start) :]]
        self._json(folders + [self._entry(name) for name in files])

    def _paths_info(self, body: bytes) -> None:
        try:
            wanted = json.loads(body)["paths"]
        except ValueError:  # some versions of the client send a form
            wanted = [unquote(part.split("=", 1)[1]) for part in body.decode().split("&") if "paths=" in part]
        self._json([self._entry(name) for name in wanted if name in self.hub.files])

    def _entry(self, name: str) -> dict[str, Any]:
        content = self.hub.files[name]
        return {"type": "file", "oid": _oid(content), "size": len(content), "path": name}

    def _siblings(self) -> list[dict[str, str]]:
        return [{"rfilename": name} for name in self.hub.files]

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"content-type": "application/json"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    with HubStandIn(mmlu_repository()) as stand_in:
        print(stand_in.url, flush=True)
        sys.stdin.read()

"""A stand-in for the dataset hub on 127.0.0.1: answers what the `datasets` library asks of one repository.

    with HubStandIn(mmlu_repository()) as hub:
        subprocess.run([...], env={**os.environ, **hub.environment(tmp_path)})

The rows are made up, with the right number for every subject, so that it works without the real data.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mmlubench.datasets.sets.mmlu import MMLU
from mmlubench.datasets.sets.subjects import SUBJECTS
from tests.fake_server import FakeServer, Received, Reply

MISSING = Reply(404, "Entry not found", {"x-error-code": "EntryNotFound"})
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


class HubStandIn(FakeServer):
    """One repository at one revision, served over HTTP while the `with` block lasts."""

    def __init__(
        self, files: Mapping[str, bytes], repository: str = MMLU.repository, revision: str = MMLU.revision
    ) -> None:
        self.files = dict(files)
        self.repository = repository
        self.revision = revision
        super().__init__(always=self._answer)
        self.tells[""] = self._answer

    def environment(self, home: Path) -> dict[str, str]:
        """The variables that send `datasets` here and keep its cache under `home`."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def _answer(self, request: Received) -> Reply:
        path = unquote(urlsplit(request.path).path)
        files = f"/datasets/{self.repository}/resolve/{self.revision}/"
        api = f"/api/datasets/{self.repository}"
        if path.startswith(files):
            return self._file(path.removeprefix(files))
        if path in (api, f"{api}/revision/{self.revision}", f"{api}/revision/main"):
            siblings = [{"rfilename": name} for name in self.files]
            return Reply(body={"id": self.repository, "sha": self.revision, "siblings": siblings})
        if path.startswith(f"{api}/tree/{self.revision}"):
            folder = path.removeprefix(f"{api}/tree/{self.revision}").strip("/")
            return self._tree(folder, deep="recursive=true" in request.path.lower())
        if path == f"{api}/paths-info/{self.revision}":
            return self._paths_info(request.content)
        return MISSING

    def _file(self, name: str) -> Reply:
        content = self.files.get(name)
        if content is None:
            return MISSING
        headers = {"etag": f'"{_oid(content)}"', "x-repo-commit": self.revision}
        return Reply(200, content, headers)

    def _tree(self, folder: str, deep: bool) -> Reply:
        start = f"{folder}/" if folder else ""
        inside = [name for name in self.files if name.startswith(start)]
        if folder and not inside:
            return MISSING
        below = {
            start + name.removeprefix(start).split("/")[0] for name in inside if "/" in name[len(start) :]
        }
        folders = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in sorted(below)]
        files = [name for name in inside if deep or "/" not in name[len(start) :]]
        return Reply(body=folders + [self._entry(name) for name in files])

    def _paths_info(self, body: bytes) -> Reply:
        try:
            wanted = json.loads(body)["paths"]
        except ValueError:  # some versions of the client send a form
            wanted = [unquote(part.split("=", 1)[1]) for part in body.decode().split("&") if "paths=" in part]
        return Reply(body=[self._entry(name) for name in wanted if name in self.files])

    def _entry(self, name: str) -> dict[str, Any]:
        content = self.files[name]
        return {"type": "file", "oid": _oid(content), "size": len(content), "path": name}


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()

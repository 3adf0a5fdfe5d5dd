"""Files for servers that have no batch API: requests for vLLM's `run_batch`, and the results that it wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmlubench.batch.collecting import Collected, collect
from mmlubench.batch.folder import DONE, OFFLINE, SENT, Folder, Part
from mmlubench.batch.lane import Lane
from mmlubench.batch.purse import Purse
from mmlubench.batch.rows import Row, of_anthropic, of_openai
from mmlubench.batch.services.base import Outgoing, loads
from mmlubench.batch.services.openai_files import jsonl_of
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import UserError
from mmlubench.inputs import read_lines
from mmlubench.jsonl import write_atomic


def write_file(folders: Sequence[Folder], lanes: Mapping[str, Lane], to: Path) -> int:
    """Write the requests of folders into one file of OpenAI's form; return their number. Raises UserError, OSError.

    The file holds no key: fields of the user's own that hold one are refused.
    """
    lines, count = [], 0
    for folder in folders:
        lane = lanes[folder.plan["label"]]
        if lane.model.secret_fields:
            raise UserError(
                f"{lane.spec.label}: extra_body holds a key ({', '.join(lane.model.secret_fields)}), which must not "
                "stand in a file: leave it out of models.yaml for --batch-file."
            )
        rows = [(folder.custom_id(one), one.body) for one in folder.asked]
        lines.append(jsonl_of(Outgoing(folder.path.name, folder.asked[0].path, lane.spec.asked_model, rows)))
        folder.parts = [Part(0, len(folder.asked), SENT, OFFLINE)]
        folder.save()
        count += len(rows)
    write_atomic(to, b"".join(lines))
    return count


def collect_file(folder: Folder, lane: Lane, store: Store, results: Path) -> Collected:
    """Put the replies of a file of results into the store. Raises OSError, StoreError."""
    rows = list(_rows(results))
    numbers = range(len(folder.asked))
    found = collect(rows, folder, numbers, lane, store, Purse(None), OFFLINE)
    folder.note_failures(found.failures)
    if any(row.custom_id in folder.by_id for row in rows):
        for part in folder.parts:
            part.state, part.replies, part.failed = DONE, found.replies, len(found.failures)
        folder.save()
    return found


def _rows(results: Path) -> list[Row]:
    lines = [line for line in map(loads, read_lines(results)) if isinstance(line, dict)]
    return [of_anthropic(line) if "result" in line else of_openai(line) for line in lines]

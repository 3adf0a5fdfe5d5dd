"""The folder of a training: its settings, its checkpoints, and whether it can go on.

A checkpoint counts once `complete.json` stands in it, which is written last and lists the sizes of all files. So what
a killed process or a full disk left half written is never used.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from errno import EACCES, ENOTDIR
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from mmlubench.datasets.splits.trained import FACTS
from mmlubench.errors import UserError, short
from mmlubench.jsonl import pretty, write_atomic
from mmlubench.lab.finetune.stages import Plan, Point, Trained
from mmlubench.locks import Locks
from mmlubench.models.local.weights import digest_of_model

SETTINGS, COMPLETE, TRAINED = "settings.json", "complete.json", "trained.json"
#: Keys that change nothing about the weights.
_IDLE = ("name", "outputs", "references")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint."""

    folder: Path
    step: int
    history: tuple[Point, ...]
    seconds: float
    """The time in training up to it."""


class Folder:
    """The folder outputs/NAME of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.path, self._plan = plan.folder, plan
        self.checkpoints = plan.folder / "checkpoints"
        self._locks = Locks()

    def begin(self, *, resume: bool) -> Checkpoint | None:
        """Make the folder ready, and return the checkpoint to go on from; None to begin anew.

        `resume` insists on a checkpoint. Raises UserError as `check` does, for a training that goes on in another
        process, and for a folder that cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not self._locks.take(self.path):
                raise UserError(
                    f"{self.path} is being trained by another process: wait for it, or give another name."
                )
            self.check()
            last = self.last()
            if resume and last is None:
                raise UserError(
                    f"--resume: {self.path} holds no whole checkpoint; leave --resume out to begin."
                )
            write_atomic(self.path / SETTINGS, pretty(self._settings))
            if self.finished() is not None:
                return None
            self.checkpoints.mkdir(exist_ok=True)
            for left in self._all():
                if last is None or left != last.folder:
                    shutil.rmtree(left)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        return last

    def check(self) -> None:
        """Raise UserError for a folder with a training that has other settings, or that is finished."""
        settings, found, last = self._settings, _known(self.path), self.last()
        is_finished = (self.path / TRAINED).is_file()
        if found is not None and (last or is_finished) and found != settings:
            raise UserError(
                f"{self.path} holds a training with other settings ({_difference(found, settings)}): go on with those, "
                "or give another name."
            )
        if is_finished and (self.path / FACTS).is_file():
            raise UserError(
                f"{self.path} holds this training, finished: use {self._plan.saved}, or give another name."
            )

    def leave(self) -> None:
        """Let another process train in this folder."""
        self._locks.release()

    def last(self) -> Checkpoint | None:
        """Return the whole checkpoint of the highest step."""
        whole = filter(None, map(_read, self._all()))
        return max(whole, key=lambda checkpoint: checkpoint.step, default=None)

    def complete(self, step: int, history: Iterable[Point], seconds: float) -> None:
        """Say that the checkpoint of a step is whole, and remove those before it. Raises OSError."""
        folder = self.checkpoints / f"checkpoint-{step}"
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        for file in files:
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        content = {
            "step": step,
            "seconds": seconds,
            "history": [point.to_dict() for point in history],
            "files": {str(file.relative_to(folder)): file.stat().st_size for file in files},
        }
        write_atomic(folder / COMPLETE, pretty(content))
        for other in self._all():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

    def drop(self, step: int) -> None:
        """Remove what there is of the checkpoint of a step."""
        shutil.rmtree(self.checkpoints / f"checkpoint-{step}", ignore_errors=True)

    def finished(self) -> Trained | None:
        """Return what came of a training whose steps are all done, as after a full disk at the card."""
        try:
            values = json.loads((self.path / TRAINED).read_bytes())
            history = tuple(Point(**point) for point in values.pop("history"))
            return Trained(folder=self._plan.saved, history=history, **values)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finish(self, values: Mapping[str, Any]) -> None:
        """Say that the training is finished, and remove its checkpoints. Raises OSError."""
        write_atomic(self.path / TRAINED, pretty(values))
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        return settings_of(self._plan)

    def _all(self) -> list[Path]:
        return sorted(path for path in self.checkpoints.glob("checkpoint-*") if path.is_dir())


def refuse_foreign(folder: Path) -> None:
    """Raise UserError for a folder with files that are not of a training, and for one that cannot be written."""
    try:
        if (
            folder.is_dir()
            and _known(folder) is None
            and any(not _is_begun(file) for file in folder.iterdir())
        ):
            raise UserError(f"{folder} holds files of something else: give another name or outputs.")
        place = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        if not place.is_dir() or not os.access(place, os.W_OK):
            why = EACCES if place.is_dir() else ENOTDIR
            raise OSError(why, os.strerror(why))
    except OSError as error:
        raise _unwritable(folder, error) from None


def _is_begun(file: Path) -> bool:
    """Whether a file is what a process leaves that was killed before it wrote the settings."""
    return file.name.startswith(f".{SETTINGS}.")


def _known(folder: Path) -> dict[str, Any] | None:
    """Return the settings of the training in a folder; None if there is none: others, too, write a settings.json."""
    try:
        found = json.loads((folder / SETTINGS).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "rows_sha256" in found else None


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"{folder} cannot be written ({error.strerror}): free space there, or give other outputs."
    )


def settings_of(plan: Plan) -> dict[str, Any]:
    """Return all that decides about the weights, as JSON gives it back."""
    config = {key: value for key, value in plan.config.to_dict().items() if key not in _IDLE}
    rows = sha256()
    for row in plan.rows:
        rows.update(f"{row.id}\0{row.epoch}\0{row.prompt}\0{row.completion}\n".encode())
    settings = {
        **config,
        "device": plan.device.name,
        "dtype": plan.device.dtype,
        "model_sha256": digest_of_model(plan.source, plan.config.revision),
        "data_sha256": dict(plan.data_sha256),
        "rows_sha256": rows.hexdigest(),
    }
    values: dict[str, Any] = json.loads(json.dumps(settings))
    return values


def _read(folder: Path) -> Checkpoint | None:
    try:
        said = json.loads((folder / COMPLETE).read_bytes())
        sizes = {name: (folder / name).stat().st_size for name in said["files"]}
        history = tuple(Point(**point) for point in said["history"])
        is_whole = sizes == said["files"]
        return Checkpoint(folder, int(said["step"]), history, float(said["seconds"])) if is_whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    keys = [key for key in wanted if found.get(key) != wanted[key]]
    told = [f"{key} was {short(found.get(key))}, now {short(wanted[key])}" for key in keys[:3]]
    return "; ".join(told) or "of another version"

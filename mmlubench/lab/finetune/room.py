"""The room that a training has: memory of the device, and the disk of the folder that is written."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlubench import extras
from mmlubench.lab.finetune.base_model import EXTRA
from mmlubench.lab.finetune.stages import Device

#: The limits of a container (cgroup v2 and v1): a file with the limit, and one with what is used of it.
_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a device, in bytes."""

    free: int
    total: int


def memory_of(device: Device, wanted_by: str, cgroup: Path = _CGROUP) -> Memory:
    """Return the memory of a GPU, or of this machine, within the limit of the container that it may be."""
    if device.name != "cpu":
        torch = extras.load("torch", extra=EXTRA, wanted_by=wanted_by)
        free, total = torch.cuda.mem_get_info(device.name)
        return Memory(int(free), int(total))
    psutil: Any = extras.load("psutil", extra=EXTRA, wanted_by=wanted_by)
    seen = psutil.virtual_memory()
    free, total = int(seen.available), int(seen.total)
    for names in _LIMITS:
        try:
            limit, used = (int((cgroup / name).read_text()) for name in names)
        except (OSError, ValueError):  # no container, or `max`: no limit
            continue
        free, total = min(free, max(0, limit - used)), min(total, limit)
    return Memory(free, total)


def free_disk(folder: Path) -> int:
    """Return the bytes of a disk that a training has in a folder, which need not exist. Raises OSError.

    They are the free ones, and those of the checkpoints that it goes on from.
    """
    place = folder.absolute()
    kept = sum(file.stat().st_size for file in (place / "checkpoints").rglob("*") if file.is_file())
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free + kept

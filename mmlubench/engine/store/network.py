"""Whether a file lies on a network file system, where a store must not be used by several computers at once."""

from __future__ import annotations

import re
from pathlib import Path

#: The types, as Linux names them, whose files several computers may have open. SQLite's log needs shared memory.
_SHARED = frozenset(
    [
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "lustre",
        "gpfs",
        "ceph",
        "beegfs",
        "afs",
        "9p",
        "glusterfs",
    ]
    + [
        f"fuse.{name}"
        for name in ("sshfs", "glusterfs", "ceph", "beegfs", "juicefs", "s3fs", "gcsfuse", "rclone")
    ]
)
_MOUNTS = Path("/proc/self/mounts")


def shared_type(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the type of the network file system that a resolved path lies on; empty for a disk of this computer.

    Empty as well where the system does not tell (`mounts` is a table of Linux).
    """
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    found, longest = "", -1
    for line in lines:
        _device, point, kind, *_ = [*line.split(" "), "", "", ""]
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point)
        if path.is_relative_to(point) and len(point) >= longest:  # the last one is on top
            found, longest = kind, len(point)
    return found if found in _SHARED else ""

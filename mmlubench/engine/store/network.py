"""Whether a file lies on a network file system, where SQLite cannot keep a store, or on one that may be such.

The log of a store needs memory that all its readers share, which two computers never do: on NFS and its like stores
were damaged, and others stopped with "locking protocol", even with one process. https://sqlite.org/wal.html
"""

from __future__ import annotations

import re
from pathlib import Path

#: The types, as Linux names them, of which a store is refused.
_NETWORK = frozenset(
    [
        *(
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
            "glusterfs",
        ),
        *("fuse.ceph", "fuse.ceph-fuse", "fuse.beegfs", "fuse.glusterfs"),
    ]
)
#: Those of one computer, although they are told as FUSE.
_LOCAL_FUSE = frozenset(["fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.ntfs-3g"])
_MOUNTS = Path("/proc/self/mounts")


def is_refused(kind: str) -> bool:
    """Whether a store cannot be kept on a file system of this type."""
    return kind in _NETWORK


def shared_type(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the type of the file system that a resolved path lies on, if others may reach it; else empty.

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
    is_doubtful = found == "9p" or (found.startswith("fuse.") and found not in _LOCAL_FUSE)
    return found if found in _NETWORK or is_doubtful else ""

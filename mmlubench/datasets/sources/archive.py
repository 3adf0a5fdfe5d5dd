"""One file out of a zip archive, unpacked beside the others of the archive in a temporary folder of this process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import zipfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

from mmlubench.errors import DataError
from mmlubench.inputs import DATA_BYTES, TooLarge


def unpacked(archive: Path, inner: str) -> Path:
    """Return the path of an unpacked copy of one file. Raises DataError if the archive has no such file."""
    target = _folder(archive) / inner.replace("/", "__")
    try:
        with zipfile.ZipFile(archive) as opened:
            if (size := opened.getinfo(inner).file_size) > DATA_BYTES:
                raise TooLarge(size, DATA_BYTES, "its unpacked content")
            target.write_bytes(opened.read(inner))
    except KeyError:
        raise DataError(archive, f"there is no {inner} in it; its layout has changed.") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(archive, f"it cannot be read as a zip archive ({error}).") from None
    return target


def names(archive: Path) -> Collection[str]:
    """Return the names of the files in an archive. Raises DataError for one that cannot be read."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.NameToInfo.keys()
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(archive, f"it cannot be read as a zip archive ({error}).") from None


@cache
def _folder(archive: Path) -> Path:
    folder = tempfile.mkdtemp(prefix="mmlubench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)

"""The hash of files of weights, which tells one model from another under the same name."""

from __future__ import annotations

import sys
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

#: Larger files are hashed in parts: all bytes of a large model would take longer than a short run.
_WHOLE = 64 << 20
_PARTS, _PART = 64, 64 << 10
_SUFFIXES = (".json", ".safetensors", ".bin", ".model", ".jinja", ".txt")


def digest_of_folder(folder: str) -> str:
    """Return the SHA-256 of a folder's configuration, tokenizer and weights; empty if there is no such folder.

    Of a file of more than 64 MB, its size and 64 parts of 64 kB count, spread over the whole file: training changes all
    of a weight, never a few bytes of it.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        return ""
    found = [file for file in sorted(place.iterdir()) if file.suffix in _SUFFIXES and file.is_file()]
    return _digest(tuple(map(_stamped, found)))


def digest_of(place: Path) -> str:
    """Return the hash of a file, or that of `digest_of_folder`; empty if it cannot be read."""
    try:
        if place.is_file():
            return _digest((_stamped(place),))
        return digest_of_folder(str(place))
    except OSError:
        return ""


def digest_of_model(name: str, revision: str | None) -> str:
    """Return the hash of the folder of a model, or the commit of a model of the hub; empty if it is not known.

    The commit is known once the model is on this disk.
    """
    return digest_of_folder(name) or _commit(name, revision)


def _commit(name: str, revision: str | None) -> str:
    if "transformers" not in sys.modules:  # nothing was loaded from the hub
        return ""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found: Any = try_to_load_from_cache(name, "config.json", revision=revision)
    except (HFValidationError, OSError):
        return ""
    return Path(found).parent.name if isinstance(found, str) else ""


def _stamped(file: Path) -> tuple[Path, int, int]:
    status = file.stat()
    return file, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=64)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Hash files; the base and each of its adapters ask for the same ones, which are read again if they change."""
    total = sha256()
    for file, size, _changed in files:
        total.update(f"{file.name}\0{size}\0".encode())
        with file.open("rb") as stream:
            if size <= _WHOLE:
                total.update(stream.read())
                continue
            for part in range(_PARTS):
                stream.seek(part * (size - _PART) // (_PARTS - 1))
                total.update(stream.read(_PART))
    return total.hexdigest()

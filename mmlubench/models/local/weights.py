"""The hash of a folder of weights, which tells one model from another under the same name."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

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
    total = sha256()
    for file in sorted(place.iterdir()):
        if file.suffix in _SUFFIXES and file.is_file():
            size = file.stat().st_size
            total.update(f"{file.name}\0{size}\0".encode())
            with file.open("rb") as stream:
                if size <= _WHOLE:
                    total.update(stream.read())
                    continue
                for part in range(_PARTS):
                    stream.seek(part * (size - _PART) // (_PARTS - 1))
                    total.update(stream.read(_PART))
    return total.hexdigest()

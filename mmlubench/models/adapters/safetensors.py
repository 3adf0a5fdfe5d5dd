"""The header of a safetensors file: names, types and shapes of its tensors, read without the tensors themselves.

Format: https://huggingface.co/docs/safetensors - eight bytes with the length of the header (unsigned, little-endian),
the header as JSON, then the tensors, at offsets from the end of the header.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlubench.errors import ModelError

#: The longest header that the format allows, in bytes.
_MOST_HEADER = 100_000_000
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its shape, and where its bytes stand in the file."""

    shape: tuple[int, ...]
    begins: int
    ends: int


def tensors(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name. Raises ModelError for a file that cannot be read or is cut short."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _MOST_HEADER:
                raise ValueError(f"a header of {length:,} bytes")
            header = json.loads(stream.read(length))
        found = {name: _tensor(said, 8 + length) for name, said in header.items() if name != "__metadata__"}
        if any(tensor.ends > file.stat().st_size for tensor in found.values()):
            raise ValueError("it is shorter than its header says")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(
            f"{file} is no readable safetensors file ({error}); save the adapter again."
        ) from None
    return found


def is_zero(file: Path, tensor: Tensor) -> bool:
    """Whether all values of a tensor are zero; negative zeros count as values."""
    return not any(any(chunk) for chunk in _chunks(file, tensor))


def _tensor(said: Any, after: int) -> Tensor:
    begins, ends = said["data_offsets"]
    return Tensor(tuple(map(int, said["shape"])), after + int(begins), after + int(ends))


def _chunks(file: Path, tensor: Tensor) -> Iterator[bytes]:
    with file.open("rb") as stream:
        stream.seek(tensor.begins)
        left = tensor.ends - tensor.begins
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk

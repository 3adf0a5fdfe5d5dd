"""Size limits for input files, so that a wrong path cannot fill the memory.

A file that is too large raises an `OSError`, as a missing one does, so that one `except` handles both.
"""

from __future__ import annotations

import hashlib
import os
import select
import stat
from collections.abc import Iterator
from errno import EFBIG, ETIMEDOUT
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from mmlubench import zstd
from mmlubench.yaml_values import problem_of

_MB = 1_000_000

#: The largest file written by hand (models.yaml, a prompt, .env): PyYAML takes 2.6 s to read this much.
CONFIG_BYTES = 1 * _MB
#: The largest record of a run or snapshot, such as `manifest.json`: the longest command line in it can have 2 MB.
FACTS_BYTES = 16 * _MB
#: The largest JSON file read in one piece: 9 kB for each question of MMLU. It takes 2 to 16 times as much memory.
JSON_BYTES = 128 * _MB
#: The longest line of a JSON-lines file. Two million tokens are 8 MB, and no model writes that much at once.
LINE_BYTES = 16 * _MB
#: The largest table, or file of replies as JSON lines: all of MMLU with its unused training split is 166 MB.
DATA_BYTES = 1_000 * _MB
#: The largest CSV file, which is read in one piece: the largest one of MMLU has 2 MB.
CSV_BYTES = 64 * _MB
#: How long to wait for the first byte out of a pipe, in seconds.
_PIPE_S = 10


class TooLarge(OSError):
    """A file that is larger than any valid file of its kind; `strerror` gives its size and the limit."""

    def __init__(self, found: int, most: int, what: str = "it") -> None:
        size = f"{found / _MB:,.1f} MB" if found > most else f"more than {most / _MB:,.0f} MB"
        super().__init__(EFBIG, f"{what} has {size}, and at most {most / _MB:,.0f} MB are read")

    def __str__(self) -> str:
        return str(self.strerror)


def check_size(path: Path, most: int) -> None:
    """Raise TooLarge for a file of more than `most` bytes, and OSError if its size cannot be read."""
    if (size := path.stat().st_size) > most:
        raise TooLarge(size, most)


def read_bytes(path: Path, most: int) -> bytes:
    """Return the content of a file. Raises TooLarge for more than `most` bytes, and OSError."""
    with _open(path) as file:
        _check_open(file, most)
        # The size of a pipe or a device is not known before it is read.
        content = file.read(most + 1)
    if len(content) > most:
        raise TooLarge(most, most)
    return content


def read_text(path: Path, most: int = CONFIG_BYTES) -> str:
    """Return the UTF-8 text of a file. Raises TooLarge for more than `most` bytes, OSError and UnicodeDecodeError."""
    text = read_bytes(path, most).decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: Path, most: int | None = None) -> Iterator[bytes]:
    """Yield the lines of a file with their line ends; only one line is in memory at a time.

    A file whose name ends in `.zst` is unpacked. Raises TooLarge for a line of more than `LINE_BYTES` and for more than
    `most` bytes, packed or unpacked, and OSError.
    """
    with _opened(path, most) as file:
        number = read = 0
        while line := file.readline(LINE_BYTES + 1):
            number += 1
            read += len(line)
            if len(line) > LINE_BYTES:
                raise TooLarge(LINE_BYTES, LINE_BYTES, f"line {number}")
            if most is not None and read > most:
                raise TooLarge(most, most)
            yield line


def _opened(path: Path, most: int | None) -> BinaryIO:
    file = _open(path)
    try:
        if most is not None:
            _check_open(file, most)
    except OSError:
        file.close()
        raise
    if path.suffix != zstd.SUFFIX:
        return file
    file.close()
    return cast("BinaryIO", BufferedReader(zstd.Unpacked(path)))


def sha256(path: Path) -> str:
    """Return the SHA-256 hex digest of a file of any size. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_MB):
            digest.update(chunk)
    return digest.hexdigest()


def load_yaml(path: Path) -> Any:
    """Return what a YAML file holds, plain values only.

    Raises TooLarge for more than `CONFIG_BYTES`, OSError, UnicodeDecodeError, and yaml.YAMLError for a file that is no
    YAML, that is nested too deeply, that stands for more values than anybody writes, or that says a key twice.
    """
    import yaml

    loader = yaml.SafeLoader(read_text(path))
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        if problem := problem_of(root):
            raise problem
        return loader.construct_document(root)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except ValueError as error:  # of a date such as 2024-13-45
        raise yaml.YAMLError(f"a value cannot be read: {error}") from None
    finally:
        loader.dispose()


def _check_open(file: BinaryIO, most: int) -> None:
    if (size := os.fstat(file.fileno()).st_size) > most:
        raise TooLarge(size, most)


def _open(path: Path) -> BinaryIO:
    """Open a file for reading. Raises TimeoutError, an OSError, for a pipe into which nobody writes."""
    if not stat.S_ISFIFO(path.stat().st_mode):
        return path.open("rb")
    # Without O_NONBLOCK the call would wait for a writer, perhaps for ever.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    writers = select.poll()
    writers.register(file, select.POLLIN)
    if not writers.poll(_PIPE_S * 1000):
        file.close()
        raise TimeoutError(ETIMEDOUT, f"it is a pipe, and nothing was written into it for {_PIPE_S} s")
    os.set_blocking(file.fileno(), True)
    return file

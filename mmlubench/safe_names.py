"""Names that are safe in the ids of tests and in file names, and still tell apart what they name."""

from __future__ import annotations

import unicodedata
from hashlib import sha256
from itertools import groupby

#: The longest name, in bytes: file systems allow 255, which also hold a benchmark, a time and a file extension.
_MOST_BYTES = 120
_PLAIN = frozenset("_.-")


def safe_name(name: str, default: str = "model") -> str:
    """Make a name safe: `vllm/Qwen/Qwen2.5-7B` becomes `vllm-Qwen-Qwen2.5-7B`, and `vllm/模型` `vllm-模型`.

    Letters, marks and digits of every script stay, and underscore, dot and hyphen; whatever is between them becomes a
    hyphen. A hash at the end tells apart names that are too long or have other symbols that get lost, such as emoji.
    A safe name is its own safe name; a text without anything that stays becomes `default`.
    """
    name = unicodedata.normalize("NFC", name)
    runs = groupby(name, _stays)
    safe = "".join("".join(run) if stays else "-" for stays, run in runs).strip("-.") or default
    is_whole = all(character.isascii() or _stays(character) for character in name)
    if is_whole and len(safe.encode()) <= _MOST_BYTES:
        return safe
    end = f"-{sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return safe.encode()[: _MOST_BYTES - len(end)].decode(errors="ignore") + end


def _stays(character: str) -> bool:
    return character in _PLAIN or unicodedata.category(character)[0] in "LMN"

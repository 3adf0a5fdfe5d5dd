"""The requests that wait for a batch: a file of them is written by a pass of the run that sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlubench import jsonl
from mmlubench.errors import DataError

#: For the most that a request can cost: English text has no more tokens than this assumes.
_LEAST_CHARS_PER_TOKEN = 2
#: For the same: the tokens of a reply whose length nothing limits.
_LONG_REPLY = 4096


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as its provider would get it."""

    key: str
    """The key of its reply in the store, in hexadecimal digits."""
    label: str
    """The label of the model in the run."""
    path: str
    """Behind the address of the server: `/chat/completions`."""
    body: Mapping[str, Any]
    """The whole body, with stars in place of the keys of the user's own fields."""
    sent: Mapping[str, Any]
    """The parameters in the body, as `schema.Completion` has them."""
    id: str
    """The id of the question."""
    chars: int
    """The characters that the model is given to read."""
    max_tokens: int | None = None

    def line(self) -> bytes:
        """Return the request as a line of JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return jsonl.encoded(values) + b"\n"

    @property
    def input_tokens(self) -> int:
        """The tokens of the prompt, rather too many than too few."""
        return self.chars // _LEAST_CHARS_PER_TOKEN + 1

    @property
    def reply_tokens(self) -> int:
        """The most tokens that the reply can have."""
        return self.max_tokens or _LONG_REPLY


def read(files: Iterable[Path]) -> Iterator[Asked]:
    """Yield the requests of files of `Asked.line`. Raises DataError for another file."""
    for file in files:
        for number, values in enumerate(jsonl.read(file), start=1):
            try:
                yield Asked(**values)
            except TypeError:
                raise DataError(file, "this line is no request of a batch.", row=number) from None

"""Everything that can go wrong, on one page.

MmluBenchError
├── UserError          the command, a file or the environment is wrong: nothing was asked, exit status 4
│   ├── DataError      a data set is not what it should be: names file, row and what was expected
│   ├── EmptySelection         a selection that this data set has nothing for; another one of the run may have
│   ├── ModelError     an unknown model, a broken models.yaml, a missing key
│   └── PromptError    a template or recipe that cannot be used
├── BudgetSpent        --max-cost is reached, so this was not asked: outcome `skipped`
├── StoreError         replies cannot be kept or looked up any more; those kept before are safe
└── ProviderError      a request was made and no usable reply came back: outcome `error`, never `wrong`
    ├── Unreachable    no connection, or it broke, or it took too long     (retryable)
    ├── RateLimited    429                                                  (retryable)
    ├── Overloaded     408, 409, 5xx, 529                                   (retryable)
    ├── BadReply       a reply that is not what the protocol says           (retryable)
    └── Rejected       any other 4xx: the request itself is at fault        (final)

Messages are one sentence: what was given, what is allowed, what to do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

#: Begins the message of a request that was not made any more, after others had failed for the reason that follows.
NOT_ASKED = "not asked: "


class MmluBenchError(Exception):
    """The root of the tree."""


class UserError(MmluBenchError):
    """The command, a file or the environment is wrong; nothing was asked."""

    @classmethod
    def at(cls, place: object, problem: str) -> UserError:
        """Make the error of a place: a file, perhaps with a line or an entry."""
        return cls(f"{place}: {problem}")


class DataError(UserError):
    """A data set is not what it should be."""

    def __init__(self, file: object, problem: str, *, row: int | None = None) -> None:
        where = f"{file}, row {row}" if row is not None else str(file)
        super().__init__(f"{where}: {problem}")

    @classmethod
    def at(cls, place: object, problem: str) -> UserError:
        """Make the error of a place: a file, perhaps with a line."""
        return cls(place, problem)


class EmptySelection(UserError):
    """A selection that a data set has nothing for, though another one of the run may have."""


class ModelError(UserError):
    """An unknown model, a broken models.yaml or a missing key."""


class PromptError(UserError):
    """A template or recipe that cannot be used."""


class BudgetSpent(MmluBenchError):
    """The run may spend no more, so this was not asked. Neither a failure nor an answer: outcome `skipped`."""


class StoreError(MmluBenchError):
    """The store cannot be written or read any more; what was kept before is safe."""


class ProviderError(MmluBenchError):
    """A request was made and no usable reply came back."""

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        sent: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.sent = dict(sent or {})


class Unreachable(ProviderError):
    """No connection, or it broke, or it took too long."""

    retryable = True


class RateLimited(ProviderError):
    """The provider asks to slow down (429)."""

    retryable = True


class Overloaded(ProviderError):
    """The provider failed on its side (408, 409, 5xx, 529)."""

    retryable = True


class BadReply(ProviderError):
    """A reply that is not what the protocol says."""

    retryable = True


class Rejected(ProviderError):
    """The provider refuses this request for good (any other 4xx)."""


def short(value: object) -> str:
    """Return a value as it may stand in an error, however long it is."""
    import reprlib  # late: an error is rare, and this module is loaded in every pytest run

    shortened = reprlib.Repr()
    shortened.maxstring = shortened.maxother = 60
    return shortened.repr(value)


def close_to(name: str, known: Collection[str]) -> str:
    """Return `; did you mean 'anatomy'?`, or nothing if nothing is close."""
    import difflib  # late: an error is rare, and this module is loaded in every pytest run

    close = difflib.get_close_matches(name, known, n=3)
    return f"; did you mean {' or '.join(repr(match) for match in close)}?" if close else ""

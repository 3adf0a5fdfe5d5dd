"""The error classes, as a tree.

MmluBenchError
├── UserError           the command, a file or the environment is wrong: no request was sent, exit status 4
│   ├── DataError       invalid data: names the file, the row and what was expected
│   ├── EmptySelection  a selection that matches no question of this data set; another data set may have some
│   ├── ModelError      an unknown model, an invalid models.yaml, a missing key
│   └── PromptError     a template or recipe that cannot be used
├── BudgetSpent         --max-cost is reached, so the request was not sent: outcome `skipped`
├── EnoughAsked         --until or --decide-early needs no more answers: outcome `skipped`
├── TimeLimitReached    the time that a plugin gives a test was over before its answer came: outcome `error`
├── AwaitsBatch         the request was recorded for a batch, whose reply will come into the store: outcome `skipped`
├── StoreError          replies cannot be stored or looked up any more; those stored before are safe
│   ├── MixedReplies    the stored ones are not of the model that answers now
│   └── ChangedWeights  a server got other weights in the middle of a run
└── ProviderError       a request was sent and brought no usable reply: outcome `error`, never `wrong`
    ├── Unreachable     no connection, a broken one, or a timeout             (retryable)
    ├── OutOfSockets    this machine has no descriptor or port left           (retryable)
    ├── RateLimited     429                                                   (retryable)
    ├── Overloaded      408, 409, 5xx, 529                                    (retryable)
    ├── BadReply        a reply that does not follow the protocol             (retryable)
    └── Rejected        any other 4xx: the request itself is wrong            (final)

Messages are one sentence: what was given, what is allowed, what to do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mmlubench.printable import printable

#: The beginning of the error message of a request that was not sent because others failed; their reason follows.
NOT_ASKED = "not asked: "


class MmluBenchError(Exception):
    """The base class of all errors of mmlubench. Nothing in a message can command a terminal."""

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(str(message)))


class UserError(MmluBenchError):
    """The command, a file or the environment is wrong; no request was sent."""

    @classmethod
    def at(cls, place: object, problem: str) -> UserError:
        """Make the error of a place: a file, perhaps with a line or an entry."""
        return cls(f"{place}: {problem}")


class TimeLimitReached(MmluBenchError):
    """The time that a plugin gives a test was over before its answer came."""


class DataError(UserError):
    """A data set or another data file is invalid."""

    def __init__(self, file: object, problem: str, *, row: int | None = None, way_out: str = "") -> None:
        """`way_out` is what to do, where the same problem may need other advice in another command."""
        where = f"{file}, row {row}" if row is not None else str(file)
        super().__init__(f"{where}: {problem}" + (f"; {way_out}." if way_out else ""))
        self.problem, self.way_out = problem, way_out

    @classmethod
    def at(cls, place: object, problem: str) -> UserError:
        """Make the error of a place: a file, perhaps with a line."""
        return cls(place, problem)


class EmptySelection(UserError):
    """A selection that matches no question of a data set, although it may match some of another in the same run."""


class ModelError(UserError):
    """An unknown model, an invalid models.yaml or a missing key."""


class PromptError(UserError):
    """A template or recipe that cannot be used."""


class BudgetSpent(MmluBenchError):
    """The budget is spent, so the request was not sent. Neither a failure nor an answer: outcome `skipped`."""


class EnoughAsked(MmluBenchError):
    """The answers before are enough for --until or --decide-early, so nothing was asked: outcome `skipped`."""


class AwaitsBatch(MmluBenchError):
    """The request was recorded for a batch and not sent: outcome `skipped`."""


class StoreError(MmluBenchError):
    """The store cannot be written or read any more; the replies stored before are safe."""


class MixedReplies(StoreError):
    """The replies in the store are not of the model that answers now."""


class ChangedWeights(StoreError):
    """A server has other weights than at the start of the run, or than those of the stored replies."""


class ProviderError(MmluBenchError):
    """A request was sent and brought no usable reply."""

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
        self.unsupported: Mapping[str, str | None] = {}
        """The sampling parameters that the server does not take, with the names that it takes instead, if any."""
        self.latency_s: float | None = None
        """The seconds until the reply that was no usable one; None if there was no reply, or its time is unknown."""

    def add(self, more: str) -> None:
        """Add to the message."""
        self.args = (printable(f"{clause(str(self))}; {more}"),)


class Unreachable(ProviderError):
    """There was no connection, it broke, or the request timed out."""

    retryable = True
    timed_out = False
    """Whether the time was over."""


class OutOfSockets(ProviderError):
    """Our own machine has no file descriptor or port left for a connection."""

    retryable = True


class RateLimited(ProviderError):
    """The provider asks to slow down (429)."""

    retryable = True


class Overloaded(ProviderError):
    """The provider failed on its side (408, 409, 5xx, 529)."""

    retryable = True


class BadReply(ProviderError):
    """The reply does not follow the protocol."""

    retryable = True


class Rejected(ProviderError):
    """The provider refuses this request for good (any other 4xx)."""


def clause(sentence: str) -> str:
    """Return a sentence, such as that of a server, without its end, so that ours may go on behind it."""
    return sentence.rstrip(" .;:,")


def short(value: object) -> str:
    """Return a value as it may stand in an error, however long it is."""
    import reprlib  # late: an error is rare, and this module is loaded in every pytest run

    shortened = reprlib.Repr()
    shortened.maxstring = shortened.maxother = 60
    try:
        return shortened.repr(value)
    except Exception:  # of an object of the user's own, or an integer of more digits than Python writes
        return f"a {type(value).__name__}"


def close_to(name: str, known: Collection[str]) -> str:
    """Return `; did you mean 'anatomy'?`, or nothing if nothing is close."""
    import difflib  # late: an error is rare, and this module is loaded in every pytest run

    close = difflib.get_close_matches(name, known, n=3)
    return f"; did you mean {' or '.join(repr(match) for match in close)}?" if close else ""

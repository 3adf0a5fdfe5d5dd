"""Blame: whether a request that fails again and again is the cause itself, or the server fails others as well."""

from __future__ import annotations

from dataclasses import dataclass

from mmlubench.engine.limits.refusals import is_refusal
from mmlubench.errors import OutOfSockets, ProviderError, Unreachable

#: The probability that failures in a row are chance, below which the request is the cause. Of ten runs
#: with a million requests each, one would lose a request by chance.
_SURELY = 1e-7
#: The same for a request without a connection or a reply in time, where each attempt may take minutes and cost money;
#: and for any other after so many failures while nothing else was answered, as at the end of a run.
_LIKELY, _SILENT_FAILURES = 1e-3, 6
#: The chance of a failure while no other request was tried.
_ALONE = 0.1
#: A refused request is given up only after this many seconds: its turn may yet come.
_PATIENT_S = 60.0
#: Any other failing request is given up after this many seconds, whatever happens to others.
_LONGEST_S = 45.0
#: The least number of failures of a request that is given up.
_LEAST_FAILURES = 3


@dataclass(slots=True)
class Attempts:
    """The attempts of all requests to one model: how many were answered, and how many failed in a way that may pass."""

    answered: int = 0
    failed: int = 0


class Blame:
    """The evidence against one request: how likely it is that its failures in a row are chance.

    Each failure counts with the share of other requests' attempts that failed since this request's failure before. So
    a request that fails while all others succeed is soon to blame, and one that fails together with them never is.
    """

    def __init__(self, attempts: Attempts, now: float) -> None:
        """Begin with the first failure, which `attempts` counts already."""
        self._attempts = attempts
        self._first_at = now
        self._answered, self._failed = attempts.answered, attempts.failed
        self._chance, self._silent = 1.0, 0
        self.failures = 1
        """The failures in a row."""
        self.others = 0
        """The replies to other requests meanwhile."""

    def add(self, error: ProviderError) -> None:
        """Count one more failure, which the attempts count already."""
        answered = self._attempts.answered - self._answered
        failed = self._attempts.failed - self._failed - 1
        self._answered, self._failed = self._attempts.answered, self._attempts.failed
        self.failures += 1
        self.others += answered
        self._silent += not answered
        if answered or failed:
            self._chance *= (failed + 1) / (answered + failed + 1)
        elif not is_refusal(error):
            self._chance *= _ALONE

    def is_proved(self, error: ProviderError, now: float) -> bool:
        """Whether the request is to blame, so that another attempt would be useless."""
        if isinstance(error, OutOfSockets):
            return False
        elapsed_s = now - self._first_at
        if is_refusal(error):
            least = _LIKELY if isinstance(error, Unreachable) else _SURELY
            return elapsed_s >= _PATIENT_S and self._chance < least
        if self._chance < _LIKELY and self._silent >= _SILENT_FAILURES:
            return True
        return self.failures >= _LEAST_FAILURES and (self._chance < _SURELY or elapsed_s >= _LONGEST_S)

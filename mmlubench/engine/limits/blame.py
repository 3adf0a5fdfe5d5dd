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
#: Any other failing request is given up after this many seconds, unless all others fail as well: a vLLM whose engine
#: was killed answers every request with an error until it ends, and its restart takes a minute or more.
_LONGEST_S = 45.0
#: The least number of failures of a request that is given up.
_LEAST_FAILURES = 3
#: The requests that may be given up in a row, with no reply in between, before it is the server that is to blame.
_MOST_LOST = 2


@dataclass(slots=True)
class Attempts:
    """The attempts of all requests to one model: how many were answered, and how many failed in a way that may pass."""

    answered: int = 0
    failed: int = 0
    lost: int = 0
    """The requests that were given up since the last reply."""

    def was_answered(self) -> None:
        """Count a reply."""
        self.answered += 1
        self.lost = 0


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
        self._others_failed = False

    def add(self, error: ProviderError) -> None:
        """Count one more failure, which the attempts count already."""
        answered = self._attempts.answered - self._answered
        failed = self._attempts.failed - self._failed - 1
        self._answered, self._failed = self._attempts.answered, self._attempts.failed
        self.failures += 1
        self.others += answered
        self._others_failed = self._others_failed or failed > 0
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
            # Where nothing else was answered, the server may be away: how long that is borne is up to the breaker.
            least = _LIKELY if isinstance(error, Unreachable) else _SURELY
            return self.others > 0 and elapsed_s >= _PATIENT_S and self._chance < least
        if not self.others and self._attempts.lost >= _MOST_LOST:
            return False
        if self._chance < _LIKELY and self._silent >= _SILENT_FAILURES:
            return True
        is_long = elapsed_s >= _LONGEST_S and (self.others > 0 or not self._others_failed)
        return self.failures >= _LEAST_FAILURES and (self._chance < _SURELY or is_long)

"""The calibration of a model: how well the probabilities of letters fit the answers that were right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, fsum
from typing import Any, NamedTuple

from mmlubench.schema import Entry, known_values
from mmlubench.stats.letter_mass import is_incomplete
from mmlubench.stats.metrics import Metric

_BINS = 10
#: The largest error of ECE and of the mean probability of the right letter with which the figures are still given.
MOST_ERROR = 0.01


class Calibration(NamedTuple):
    """The calibration over all cases that have probabilities of letters.

    The figures are None where letters missing from the server's list could change them by more than `MOST_ERROR`.
    """

    n: int
    """The number of these cases."""
    ece: float | None
    """The expected calibration error, 0 to 1: how far confidence and accuracy lie apart."""
    brier: float | None
    """The Brier score, 0 (certain and right) to 2 (certain and wrong)."""
    p_right: float | None
    """The mean probability of the right letter."""
    error: float = 0.0
    """How far `ece` and `p_right` may be off because of missing letters; `brier` may be off by four times as much."""

    def to_dict(self) -> dict[str, float | None]:
        """Return the values for JSON."""
        return self._asdict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Make the calibration from the dictionary of `to_dict`."""
        return cls(**known_values(values, cls._fields))


def calibration(results: Iterable[Entry]) -> Calibration | None:
    """Compute the calibration; None if no result has probabilities of letters.

    The probabilities of a case are conditional on the answer being one of the letters, so they add up to 1. Where
    letters are missing, they are wrong by at most the `hidden_share` of the case, and the figures by its mean.
    """
    known = [(r.probabilities, r.answer, r.prediction, r) for r in results if r.probabilities]
    if not known:
        return None
    n = len(known)
    error = fsum(hidden_share(r) for *_, r in known) / n
    if error > MOST_ERROR:
        return Calibration(n, None, None, None, error)
    return Calibration(
        n=n,
        ece=expected_error((p[said], said == right) for p, right, said, _ in known if said is not None),
        brier=fsum(brier(p, right) for p, right, *_ in known) / n,
        p_right=fsum(p[right] for p, right, *_ in known) / n,
        error=error,
    )


def hidden_share(result: Entry) -> float:
    """Return the largest share of the letters' probability that missing letters can have, 0 to 1.

    Let Q be the probability of the letters found and U that of all tokens that the server did not list, whatever
    they are. Missing letters hold some part M of U, so their true share of all letters is t = M / (Q + M), and at most
    T = U / (Q + U), which is returned. What is computed from the letters found is p; the truth is p* = (1 - t) p + t r,
    where r divides the rest among the missing letters. So p is an upper bound for each letter found and a lower one
    for each missing letter, and no probability is off by more than T.

    Neither figure is a bound of the truth. A right letter that is found alone has a Brier score of 0, which is too low;
    a right letter that is missing beside a single wrong one has 2, which is too high; and ECE, the distance of
    confidence and accuracy, is too low in the first case and too high in the second. But the errors are bounded:
    confidence, and so ECE with the cases in the same bins, by T; and Brier, as B* - B = sum of (p* - p)(p* + p - 2y),
    where |p* - p| adds up to 2t and the other factor is at most 2, by 4 T. The predicted letter stays, since no token
    that is missing is likelier than one that is listed.

    0 if no letter is missing, 1 if a letter is missing and the rest is unknown, as in files of older versions.
    """
    if not is_incomplete(result):
        return 0.0
    mass, unlisted = result.letter_mass, result.unlisted_mass
    return 1.0 if mass is None else unlisted / (mass + unlisted) if unlisted else 0.0


def _shown(value: Calibration, beside: Mapping[str, Any]) -> list[str]:
    if value.ece is None or value.brier is None or value.p_right is None:
        return [
            "no calibration: letters missing from the server's list of tokens "
            f"could change it by up to {value.error:.3f}"
        ]
    return [
        f"calibration: ECE {value.ece:.3f}{_within(value.error)}",
        f"Brier {value.brier:.3f}{_within(4 * value.error)}",
        f"mean probability of the right letter {value.p_right:.3f}{_within(value.error)}",
    ]


def _within(error: float) -> str:
    """Return the error behind a figure; empty if no digit of the figure would change."""
    return f" (to within {error:.3f})" if error >= 0.0005 else ""


CALIBRATION = Metric("calibration", calibration, _shown, Calibration.from_dict)


def brier(probabilities: Mapping[str, float], right: str) -> float:
    """Compute the Brier score of one case: the sum of (p - y)² over all letters, with y = 1 for the right one, else 0.

    Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (1950), pp. 1-3. This is his sum over all classes, from 0 to 2; the usual binary score is one half of it.
    """
    return fsum((p - (letter == right)) ** 2 for letter, p in probabilities.items())


def expected_error(cases: Iterable[tuple[float, bool]], bins: int = _BINS) -> float:
    """Compute the expected calibration error of pairs of confidence, 0 to 1, and whether the answer was right.

    The confidences are sorted into bins of equal width, the m-th of M from above (m-1)/M up to m/M; the error is the
    mean over all cases of how far apart mean confidence and accuracy of their bin are. 0.0 without cases.
    Source: C. Guo et al., "On calibration of modern neural networks" (2017), arXiv 1706.04599, equation 3.
    """
    sorted_in: dict[int, list[float]] = {}
    n = 0
    for confidence, is_right in cases:
        # The sum over a bin is enough: |accuracy - confidence| times the number of cases is |sum of the differences|.
        sorted_in.setdefault(max(ceil(confidence * bins), 1), []).append(is_right - confidence)
        n += 1
    return fsum(abs(fsum(gaps)) for gaps in sorted_in.values()) / n if n else 0.0

"""The calibration of a model: how well the probabilities of letters fit the answers that were right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, fsum
from typing import Any, NamedTuple

from mmlubench.schema import Entry, known_values
from mmlubench.stats.metrics import Metric

_BINS = 10


class Calibration(NamedTuple):
    """The calibration over all cases that have probabilities of letters."""

    n: int
    """The number of these cases."""
    ece: float
    """The expected calibration error, 0 to 1: how far confidence and accuracy lie apart."""
    brier: float
    """The Brier score, 0 (certain and right) to 2 (certain and wrong)."""
    p_right: float
    """The mean probability of the right letter."""

    def to_dict(self) -> dict[str, float]:
        """Return the values for JSON."""
        return self._asdict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Make the calibration from the dictionary of `to_dict`."""
        return cls(**known_values(values, cls._fields))


def calibration(results: Iterable[Entry]) -> Calibration | None:
    """Compute the calibration; None if no result has probabilities of letters.

    The probabilities of a case are conditional on the answer being one of the letters, so they add up to 1.
    """
    known = [(r.probabilities, r.answer, r.prediction) for r in results if r.probabilities]
    if not known:
        return None
    n = len(known)
    return Calibration(
        n=n,
        ece=expected_error((p[said], said == right) for p, right, said in known if said is not None),
        brier=fsum(brier(p, right) for p, right, _ in known) / n,
        p_right=fsum(p[right] for p, right, _ in known) / n,
    )


def _shown(value: Calibration, beside: Mapping[str, Any]) -> list[str]:
    return [
        f"calibration: ECE {value.ece:.3f}",
        f"Brier {value.brier:.3f}",
        f"mean probability of the right letter {value.p_right:.3f}",
    ]


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

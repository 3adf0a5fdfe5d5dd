"""Does a model know what it knows? How well the probabilities of letters fit the answers that were right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, fsum
from typing import Any, NamedTuple

from mmlubench.schema import Entry
from mmlubench.stats.metrics import Metric

_BINS = 10


class Calibration(NamedTuple):
    """The figures of all cases that have probabilities of letters."""

    n: int
    """How many these are."""
    ece: float
    """Expected calibration error, 0 to 1: how far confidence and accuracy lie apart."""
    brier: float
    """Brier score, 0 (sure and right) to 2 (sure and wrong)."""
    p_right: float
    """The mean probability of the right letter."""

    def to_dict(self) -> dict[str, float]:
        """Give it for JSON."""
        return self._asdict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """From the dictionary of `to_dict`."""
        return cls(**values)


def calibration(results: Iterable[Entry]) -> Calibration | None:
    """Work out how well the probabilities of letters fit; None if no result has any.

    They are those given that the answer is one of the letters, 1 in all.
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
    """Compute the Brier score of one case: the squares of what each letter's probability misses 1 or 0 by, added up.

    Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (1950), pp. 1-3: his sum over all classes, from 0 to 2, of which the usual binary score is one half.
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
        # The sum over a bin is enough: |accuracy - confidence| times its cases is |sum of the differences|.
        sorted_in.setdefault(max(ceil(confidence * bins), 1), []).append(is_right - confidence)
        n += 1
    return fsum(abs(fsum(gaps)) for gaps in sorted_in.values()) / n if n else 0.0

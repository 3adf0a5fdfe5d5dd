"""Origins: what the replies of a run say of where they come from, whether they were stored or arrived just now.

A server that tells nothing of its weights, or only a path (`engine/store/weights.py`), may have been started with
others. What is left are the name of the model and the `system_fingerprint` in its replies. If those of the store and
those of the server differ, one accuracy would be that of two models.
"""

from __future__ import annotations

from mmlubench.errors import MixedReplies
from mmlubench.schema import FINGERPRINT, Completion

#: A fingerprint, and the model as the server names it; each empty if it is not told.
_Origin = tuple[str, str]


class Origins:
    """The origins of the replies of one model in one process; with `refuses`, stored ones must not differ from any."""

    def __init__(self, label: str, *, refuses: bool) -> None:
        self._label, self._refuses = label, refuses
        self._stored: set[_Origin] = set()
        self._arrived: set[_Origin] = set()

    def recalled(self, completion: Completion) -> None:
        """Take a reply of the store. Raises MixedReplies if another reply of the run has another origin."""
        origin = _origin(completion)
        if self._refuses and origin not in self._stored:
            self._check(origin, self._stored | self._arrived)
            self._stored.add(origin)

    def arrived(self, completion: Completion) -> None:
        """Take a reply of the server. Raises MixedReplies if a stored reply of the run has another origin."""
        origin = _origin(completion)
        if self._refuses and (origin not in self._arrived or self._stored):
            self._check(origin, self._stored)
            self._arrived.add(origin)

    def _check(self, origin: _Origin, others: set[_Origin]) -> None:
        for other in others:
            for what, one, two in zip((FINGERPRINT, "model"), origin, other, strict=True):
                if one and two and one != two:
                    raise MixedReplies(
                        f"{self._label}: replies in the store and those that come now would make one accuracy of two "
                        f"models, as they name {what} {one!r} and {two!r}: ask everything again with --refresh, or "
                        "let pytest count them together with --accept-mixed."
                    )


def _origin(completion: Completion) -> _Origin:
    return str(completion.metadata.get(FINGERPRINT) or ""), completion.model

"""Origins: what the replies of a run say of where they come from, whether they were stored or arrived just now.

A server that tells nothing of its weights, or only a path (`engine/store/weights.py`), may have been started with
others. What is left are the name of the model and the `system_fingerprint` in its replies. If those of the store and
those of the server differ, one accuracy would be that of two models.
"""

from __future__ import annotations

from mmlubench.errors import MixedReplies
from mmlubench.schema import FINGERPRINT, Completion

#: What replies name: the values of `system_fingerprint`, and of the model as the server names it.
_Named = tuple[set[str], set[str]]


class Origins:
    """The origins of the replies of one model in one process; with `refuses`, those that arrive must be known ones.

    Stored replies may differ among themselves, as do those of a run in which the server was updated, or has replicas:
    they were accepted then, and the summary tells of them. A reply that arrives beside them must name what one of them
    names.
    """

    def __init__(self, label: str, *, refuses: bool) -> None:
        self._label, self._refuses = label, refuses
        self._stored: _Named = (set(), set())
        self._arrived: _Named = (set(), set())

    def recalled(self, completion: Completion) -> None:
        """Take a reply of the store. Raises MixedReplies if a reply that arrived names what no stored one does."""
        if self._refuses:
            _add(self._stored, completion)
            self._check(self._arrived)

    def arrived(self, completion: Completion) -> None:
        """Take a reply of the server. Raises MixedReplies if it names what no stored reply of the run does."""
        if self._refuses:
            named: _Named = (set(), set())
            _add(named, completion)
            self._check(named)
            _add(self._arrived, completion)

    def _check(self, named: _Named) -> None:
        for what, stored, arrived in zip((FINGERPRINT, "model"), self._stored, named, strict=True):
            if stored and not arrived <= stored:
                one, two = min(stored), min(arrived - stored)
                raise MixedReplies(
                    f"{self._label}: replies in the store and those that come now would make one accuracy of two "
                    f"models, as they name {what} {one!r} and {two!r}: ask everything again with --refresh, or "
                    "let pytest count them together with --accept-mixed."
                )


def _add(named: _Named, completion: Completion) -> None:
    for names, name in zip(named, (completion.metadata.get(FINGERPRINT), completion.model), strict=True):
        if name:
            names.add(str(name))

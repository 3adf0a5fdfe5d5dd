"""The report of a case, which refers to the case for what it knows: pytest keeps the reports of a run to its end."""

from __future__ import annotations

from sys import intern
from typing import Any, Literal

import pytest

from mmlubench.plugin import private_pytest
from mmlubench.plugin.cases import Case

#: What other plugins may change in place, made on first use.
_LISTS = ("sections", "user_properties")
#: What `pytest.TestReport` takes by its place.
_GIVEN = frozenset([*_LISTS, "location", "keywords"])


class ThinReport(pytest.TestReport):
    """A report with everything that `pytest.TestReport` has; a fifth of its size."""

    __slots__ = ("_renamed", "case", "duration", "longrepr", "mmlubench", "outcome", "start", "stop", "when")

    case: Case
    mmlubench: str
    """The outcome of the case, in a report of a graded case."""

    def __init__(self, case: Case, call: pytest.CallInfo[None], outcome: Any, longrepr: Any) -> None:
        self.case = case
        self._renamed = ""
        self.outcome: Literal["passed", "failed", "skipped"] = outcome
        self.longrepr = longrepr
        self.when: Any = call.when  # never "collect" for an item
        self.duration, self.start, self.stop = call.duration, call.start, call.stop

    @property
    def nodeid(self) -> str:
        """The id of the test."""
        return self._renamed or self.case.nodeid

    @nodeid.setter
    def nodeid(self, nodeid: str) -> None:
        self._renamed = nodeid

    def __getattr__(self, name: str) -> Any:
        # Only called for what the report does not have.
        if name == "location":
            return self.case.location
        if name == "keywords":
            return self.case.template.keywords
        if name == "_id":  # from pytest 9.2 on
            return self.whole().id if self._renamed else self.case.id
        if name not in _LISTS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        properties = self.case.user_properties if name == "user_properties" and self.case.is_full else ()
        made = list(properties)
        setattr(self, name, made)
        return made

    def let_go(self) -> None:
        """Give up what was only needed until the report was passed on, such as empty lists."""
        for name in _LISTS:
            if not getattr(self, name):
                delattr(self, name)
        if isinstance(self.longrepr, str):
            self.longrepr = intern(self.longrepr)  # a few texts serve for all wrong answers
        self.case.let_go()

    def whole(self) -> pytest.TestReport:
        """Return the same report as pytest would make it."""
        more = {name: value for name, value in private_pytest.stored(self).items() if name not in _GIVEN}
        if hasattr(self, "mmlubench"):
            more["mmlubench"] = self.mmlubench
        return pytest.TestReport(
            self.nodeid,
            self.location,
            self.keywords,
            self.outcome,
            self.longrepr,
            self.when,
            self.sections,
            self.duration,
            self.start,
            self.stop,
            self.user_properties,
            **more,
        )

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # for plugins that read all of a report
        """What the report of pytest would store."""
        return {**vars(self.whole()), **private_pytest.stored(self)}

    def _to_json(self) -> dict[str, Any]:
        return private_pytest.to_json(self.whole())

    def __reduce__(self) -> Any:
        return _itself, (self.whole(),)


def _itself(report: pytest.TestReport) -> pytest.TestReport:
    return report


# pytest writes the name of the class beside a report that it sends or stores, and reads back only its own.
ThinReport.__name__ = pytest.TestReport.__name__

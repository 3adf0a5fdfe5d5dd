"""The template of a test function: what all its cases share, such as the coroutine, arguments and shared fixtures."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal, NamedTuple

import pytest

from mmlubench.plugin import private_pytest
from mmlubench.plugin.overrides import CASE, OVERRIDABLE, PLACEHOLDER, Overrides, read_overrides

#: The most tracebacks of a test's own code that a process shows.
_MOST_SHOWN = 100
_SHARED_SCOPES = ("module", "package", "session")


class Needs(NamedTuple):
    """The fixtures that a test needs, without ours, by the way in which its cases get them."""

    direct: list[str]
    """Parameters that are no fixtures: each case has their values from the beginning."""
    shared: list[str]
    """Fixtures of class, module, package or session, made once, so that cases can run before pytest reaches them."""
    single: list[str]
    """Fixtures that pytest makes for each case when it reaches the case."""


class Template:
    """One test function that is multiplied into cases. Raises UserError for fixtures that cannot work."""

    def __init__(self, item: pytest.Function, benchmark: str) -> None:
        self.item = item
        self.benchmark = benchmark
        self.id_parts = private_pytest.id_parts(item)
        self.has_parameters = len(item.callspec.params) > 1
        """Whether the test has parameters of the user's own, besides ours."""
        self.variant = _variant(item, self.id_parts)
        """The ids of the user's own parameters, which may change what is asked; empty without any."""
        self.name: str = item.originalname
        self.nodeid = item.nodeid.partition("[")[0]
        self.base_id = private_pytest.base_id(item)
        self.function: Callable[..., Coroutine[Any, Any, None]] = item.obj
        self.stand_in = _stand_in(item.obj)
        self.arguments = frozenset(inspect.signature(item.obj).parameters)
        self.file, self.line, self.domain = item.location
        self.keywords: dict[str, Literal[1]] = dict.fromkeys([*item.keywords, "questions"], 1)
        self.overrides: Overrides = read_overrides(item)
        self.direct, self.shared, self.single = _needs(item, self.overrides)
        self.recipe = ""
        """The name in figures that replaces the recipe of the options; empty for that recipe."""
        self.values: dict[str, Any] | None = None if self.shared else {}
        """The shared fixtures by name, while they are set up."""
        self._shown: set[object] = set()
        """The failures in the test's own code whose traceback has been shown."""

    @property
    def looks_ahead(self) -> bool:
        """Whether its cases can run before pytest reaches them: they need no fixture that is made for each case."""
        return not self.single

    @property
    def is_rendered(self) -> bool:
        """Whether its prompts are known before it runs: those of the recipe, which the solver of the options sends."""
        return self.overrides.uses_solver and not self.overrides.name

    def is_shown(self, place: object) -> bool:
        """Whether this is the first failure at a place, and one of the first hundred: its traceback is shown."""
        if place in self._shown or len(self._shown) >= _MOST_SHOWN:
            return False
        self._shown.add(place)
        return True

    def share(self, request: pytest.FixtureRequest) -> None:
        """Compute the shared fixtures, once, as soon as pytest has set up the module or class of the first case."""
        __tracebackhide__ = True
        if self.values is None:
            values = {}
            for name in self.shared:  # a comprehension would show in the traceback of a fixture that fails
                values[name] = request.getfixturevalue(name)
            self.values = values
            request.node.parent.addfinalizer(self._forget)
            for name in self.shared:  # a fixture with parameters is torn down before its next parameter
                private_pytest.definitions(self.item, name)[-1].addfinalizer(self._forget)

    def _forget(self) -> None:
        self.values = None if self.shared else {}


def _variant(item: pytest.Function, parts: Sequence[str]) -> str:
    """Return the ids of a test's parameters, unless nothing in the test asks for them: they only repeat it."""
    asked_for, names = {CASE}, list(private_pytest.requested_names(item))
    while names:
        name = names.pop()
        if name not in asked_for:
            asked_for.add(name)
            names += (n for one in private_pytest.definitions(item, name) for n in one.argnames)
    own = [part for part in parts if part != PLACEHOLDER]
    return "-".join(own) if asked_for.issuperset(item.callspec.params) else ""


def _needs(item: pytest.Function, overrides: Overrides) -> Needs:
    needs = Needs([], [], [])
    ours = {CASE, "question", *(name for name in OVERRIDABLE if not getattr(overrides, name))}
    for name in private_pytest.fixture_names(item):
        if name in ours or (name == "request" and name not in private_pytest.argument_names(item)):
            continue
        defined = private_pytest.definitions(item, name)
        if not defined:
            needs.single.append(name)  # `request`, or a name that pytest will complain about
        elif private_pytest.is_direct_parameter(defined[-1]):
            needs.direct.append(name)
        elif defined[-1].scope in _SHARED_SCOPES or (defined[-1].scope == "class" and item.cls is not None):
            needs.shared.append(name)
        else:
            needs.single.append(name)
    return needs


def _stand_in(function: Callable[..., Any]) -> Callable[..., None]:
    """Return a plain function in place of the coroutine, so that pytest-asyncio does not run the case itself."""

    @functools.wraps(function)
    def case(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a case is awaited, not called")

    return case

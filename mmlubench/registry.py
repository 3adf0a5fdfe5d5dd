"""Registries of parts by name: our own parts, those that a `conftest.py` registers, and those of installed packages.

There is one `Registry` for each kind of part, such as solvers; a part is imported on first use. Another project adds
a part with `mmlubench.register`, or, in an installed package, with an entry point of the group `mmlubench.<kind>s`,
such as `mmlubench.solvers`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mmlubench.errors import UserError, clause

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

KINDS = ("dataset", "provider", "solver", "extraction", "recipe", "metric", "report")

T = TypeVar("T")
_registered: dict[str, dict[str, object]] = {kind: {} for kind in KINDS}
_registries: list[Registry[Any]] = []


def register(kind: str, name: str, thing: object) -> None:
    """Register a part of your own under a name, for this process; to be called in a `conftest.py`.

    `kind` is one of `KINDS`; `thing` is what an entry point of that kind leads to (CONTRIBUTING.md says what that is).
    Raises UserError for another kind, for a name that is none, and for one that is taken.
    """
    if kind not in KINDS:
        raise UserError(f"mmlubench.register: {kind!r} is no kind of part; give one of {', '.join(KINDS)}.")
    if not isinstance(name, str) or not name:
        raise UserError(
            f"mmlubench.register: {name!r} is no name for a {kind}; give a text that is not empty."
        )
    ours = any(name in registry.ours for registry in _registries if registry.kind == kind)
    if ours or _registered[kind].get(name, thing) is not thing:
        raise _taken(kind, name)
    _registered[kind][name] = thing


class Registry(Generic[T]):
    """All parts of one kind. A part of another project never replaces one of ours."""

    def __init__(
        self,
        kind: str,
        ours: Mapping[str, T | str],
        accept: Callable[[Any], T | None],
        *,
        must_be: str,
        what: str = "",
        error: type[UserError] = UserError,
        advice: str = "",
    ) -> None:
        """`ours` maps names to parts, or to `module:attribute` for a part that is imported on first use.

        `accept` makes a part from an object of another project, or returns None for an invalid one; `must_be` describes
        valid objects. `what` is the kind in words, `error` the class of errors, `advice` the end of the sentence for an
        unknown name.
        """
        self.kind = kind
        self.ours = ours
        self._accept = accept
        self._must_be = must_be
        self._what = what or kind
        self._error = error
        self._advice = advice
        self._found: dict[str, T] = {}
        _registries.append(self)

    def find(self, name: str) -> T:
        """Return the part of that name: ours, else a registered one, else one of an installed package.

        Raises UserError, or the `error` of this registry, for an unknown name, and for another project's part that is
        invalid or cannot be imported.
        """
        if name in self._found:
            return self._found[name]
        registered = _registered[self.kind]
        if name in self.ours:
            if name in registered:
                raise _taken(self.kind, name)
            part = self.ours[name]
            if not isinstance(part, str):
                return part
            found: T = imported(part)
        elif name in registered:
            found = self._accepted(name, registered[name], f"registered as {self.kind} {name!r}")
        else:
            found = self._installed(name)
        self._found[name] = found
        return found

    def __contains__(self, name: str) -> bool:
        return name in self.ours or name in _registered[self.kind] or name in _entry_points(self.kind)

    def names(self) -> list[str]:
        """Return all names: ours in the order of their table, then those of other projects, sorted."""
        others = {*_registered[self.kind], *_entry_points(self.kind)}
        return [*self.ours, *sorted(others.difference(self.ours))]

    def all(self) -> dict[str, T]:
        """Return every part by its name, in the order of `names`. Raises what `find` raises."""
        return {name: self.find(name) for name in self.names()}

    def _installed(self, name: str) -> T:
        points = _entry_points(self.kind).get(name, ())
        if not points:
            raise self._unknown(name)
        if len({point.value for point in points}) > 1:
            packages = " and ".join(sorted(map(_package, points)))
            raise self._error(
                f"{packages} both have a {self._what} {name!r}, and a name must be unique: uninstall one of them."
            )
        point = points[0]
        where = f"the entry point {point.value} of {_package(point)}"
        try:
            thing = point.load()
        except Exception as error:
            said = f"{type(error).__name__}: {clause(str(error))}"
            raise self._error(
                f"The {self._what} {name!r} cannot be imported: {where} fails with {said}."
            ) from error
        return self._accepted(name, thing, where)

    def _accepted(self, name: str, thing: object, where: str) -> T:
        part = self._accept(thing)
        if part is None:
            raise self._error(
                f"The {self._what} {name!r} is invalid: what is {where} must be {self._must_be}, not {thing!r:.80}."
            )
        return part

    def _unknown(self, name: str) -> UserError:
        known = self.names()
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        advice = f"; {self._advice}" if self._advice else ""
        return self._error(f"There is no {self._what} {name!r}; known: {', '.join(known)}{advice}.{hint}")


def imported(path: str) -> Any:
    """Import the attribute that `module:attribute` names."""
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


def _taken(kind: str, name: str) -> UserError:
    return UserError(f"mmlubench.register: there is a {kind} {name!r} already; give yours another name.")


@cache
def _entry_points(kind: str) -> dict[str, list[EntryPoint]]:
    """Return the entry points of a kind by name; installed packages are searched once per process."""
    found: dict[str, list[EntryPoint]] = {}
    for point in _all_entry_points().select(group=f"mmlubench.{kind}s"):
        found.setdefault(point.name, []).append(point)
    return found


@cache
def _all_entry_points() -> Any:
    from importlib.metadata import (
        entry_points,  # late: slow to import, and only parts of other packages need it
    )

    return entry_points()


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else "an unknown package"

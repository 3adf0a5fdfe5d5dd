"""A thin pytest item: it holds what differs from case to case, and the rest only once somebody asks for it.

pytest stores some twenty objects in every test: marks, keywords, fixture requests, reports. Of a million cases that are
3 GB, although nobody looks at them where cases take the fast path. A thin item is made without; the first access to
anything that it lacks, by pytest or by a plugin, stores all of it, and from then on the item is one like any other.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from mmlubench.plugin import private_pytest
from mmlubench.plugin.template import Template

_OURS = ("_new_name", "in_brackets", "is_full", "template")


class ThinItem(pytest.Function):
    """A test function that was collected once, in the place of one of its many cases."""

    __slots__ = (*_OURS, "stash")

    template: Template
    is_full: bool
    """Whether the item holds all that pytest stores in a test."""
    in_brackets: str
    """The part of the id that stands in brackets, as it was collected."""
    _new_name: str

    @abstractmethod
    def id_parts(self) -> list[str]:
        """Return the parts of the id between the brackets."""

    def fill(self) -> None:
        """Store everything that pytest stores in a test; nothing happens a second time."""
        if self.is_full:
            return
        self.is_full = True
        item = self.template.item
        params = item.callspec.params if self.template.has_parameters else None
        private_pytest.fill(self, item, ids=self.id_parts(), function=self.template.stand_in, params=params)
        self.extra_keyword_matches.add(self.template.benchmark)

    def rename(self, name: str) -> None:
        """Set the name that the item has been given since it was collected; empty for none."""
        self._new_name = name

    def let_go(self) -> None:
        """Give up what was only needed to report the case."""
        if not self.is_full:
            private_pytest.drop_stash(self)

    def __getattr__(self, name: str) -> Any:
        # Only called for what the item does not have.
        if name in _OURS or self.is_full or not private_pytest.is_stored(self.template.item, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name == "callspec" and not self.template.has_parameters:  # pytest asks every test for it
            raise AttributeError("a case without parameters has no callspec")
        for value in private_pytest.shared(self.template.item, name, self.template.stand_in):
            return value
        if name in ("stash", "_store"):
            private_pytest.add_stash(self)
        else:
            self.fill()
        return getattr(self, name)

    __hash__ = (
        object.__hash__
    )  # items are equal only to themselves; pytest 9.0 takes the hash of what they lack

    @property
    def name(self) -> str:
        """The name of the test, with its id in brackets."""
        return self._new_name or f"{self.template.name}[{self.in_brackets}]"

    @name.setter
    def name(self, name: str) -> None:
        self.fill()  # somebody renames the item, which leaves its id as it is
        self.rename(name)

    @property
    def nodeid(self) -> str:
        """The id of the test, with the path of its file."""
        return super().nodeid if self.is_full else f"{self.template.nodeid}[{self.in_brackets}]"

    @property
    def id(self) -> Any:
        """The id of the test as a structure, from pytest 9.2 on."""
        if self.is_full:
            return super().id
        return private_pytest.with_parameters(self.template.base_id, self.in_brackets)

    @property
    def own_mark_names(self) -> list[str]:
        """The names of the marks of the test itself."""
        return [mark.name for mark in (self if self.is_full else self.template.item).own_markers]

    def iter_markers_with_node(self, name: str | None = None) -> Iterator[tuple[Any, pytest.Mark]]:
        """Yield the marks of the test, and of the class and module around it, with the node that has each."""
        if self.is_full:
            yield from super().iter_markers_with_node(name)
            return
        for mark in self.template.item.own_markers:
            if name is None or mark.name == name:
                yield self, mark
        assert self.parent is not None
        yield from self.parent.iter_markers_with_node(name)


def thin_item(kind: type[Any], template: Template, parts: Sequence[str]) -> Any:
    """Make a thin item of class `kind`, a `ThinItem`, with these parts of the id."""
    item = private_pytest.thin_copy_of(template.item, kind)
    item.template, item.in_brackets, item.is_full = template, "-".join(parts), False
    item.rename("")
    return item

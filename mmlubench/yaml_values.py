"""Checks of a YAML file before values are made of it: a short file can stand for very many.

PyYAML itself takes the last of two equal keys, and fails with Python's own errors for a number of many digits and for
a date that is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

#: The most values of a YAML file after its aliases are expanded: nine lines can expand to a thousand million values.
_VALUES = 100_000
#: The most characters of a number: computing with one of 500,000 digits takes seconds.
_DIGITS = 40
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def problem_of(root: yaml.Node) -> yaml.YAMLError | None:
    """Return the problem of a node, or of one below it; None if there is none."""
    import yaml  # late: a run that reads no YAML must not pay for it
    from yaml.constructor import ConstructorError  # late, as yaml is

    for seen, node in enumerate(_walk(root)):
        if seen > _VALUES:
            return yaml.YAMLError(f"with its aliases it stands for more than {_VALUES:,} values")
        if isinstance(node, yaml.MappingNode) and (twice := _twice(node)):
            said = f"the key {twice.value!r:.60} is there twice: leave one of them out"
            return ConstructorError(problem=said, problem_mark=twice.start_mark)
        if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS and len(node.value) > _DIGITS:
            said = f"a number has {len(node.value):,} characters; put it in quotes if it is a text"
            return ConstructorError(problem=said, problem_mark=node.start_mark)
    return None


def _walk(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield all nodes, those behind an alias again: for ever where an alias names what it is part of."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node.value, list):  # of nodes, or of pairs of them where it is a mapping
            waiting += [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]


def _twice(node: yaml.MappingNode) -> yaml.ScalarNode | None:
    """Return the second of two equal keys. `<<` may come again: it is no key, but brings in those of others."""
    seen = set()
    for key, _ in node.value:
        if isinstance(key.value, str) and not key.tag.endswith(":merge"):
            if (key.tag, key.value) in seen:
                return key  # type: ignore[no-any-return]  # a scalar, as its value is a text
            seen.add((key.tag, key.value))
    return None

"""Plain templates: those of which can be told, before they are filled in, that they take little time and memory.

A plain template loops only over choices, worked examples, letters and replies, at most two loops deep, and what it
makes of a text is at most `_GROWTH` times as long. All packaged templates are plain. Any other template may do
nothing worse, but that cannot be told: `confined.py` fills it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatchmethod

from jinja2 import nodes

#: The most that a template may make of the texts it is given, as a multiple of their length.
_GROWTH = 100
#: The most characters and parts of a plain template: it is compiled to a function of that size.
CHARS, _PARTS = 100_000, 5_000
#: The variables of few values each, over which a loop ends soon.
_SHORT = frozenset({"choices", "options", "shots", "letters", "other_agent_responses"})
#: Filters and methods whose result is no longer than what they are given, and takes time linear in it.
_FILTERS = frozenset(
    {
        *("abs", "capitalize", "count", "d", "default", "first", "float", "int", "last", "length", "list"),
        *("lower", "reverse", "round", "string", "title", "trim", "truncate", "unique", "upper", "wordcount"),
    }
)
_METHODS = frozenset(
    {
        *("capitalize", "cycle", "endswith", "get", "items", "keys", "lower", "lstrip", "removeprefix"),
        *("removesuffix", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper", "values"),
    }
)


class _NotPlain(Exception):
    pass


def is_plain(tree: nodes.Template) -> bool:
    """Whether a parsed template is plain."""
    if sum(1 for _ in tree.find_all(nodes.Node)) > _PARTS:
        return False
    try:
        _Scope().walk(tree.body)
    except _NotPlain:
        return False
    return True


class _Scope:
    """What is known of the variables at a place in the template."""

    def __init__(
        self, growth: Mapping[str, int] | None = None, lists: frozenset[str] = _SHORT, depth: int = 0
    ) -> None:
        self._growth = dict(growth or {})
        """How many times as long as the texts given a variable's value may be; 1 for those not named."""
        self._lists = lists
        """The variables that hold few values."""
        self._depth = depth

    def walk(self, body: Iterable[nodes.Node]) -> None:
        """Go through statements in order. Raises _NotPlain."""
        for node in body:
            self._statement(node)

    def _statement(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                self._size(part)
        elif isinstance(node, nodes.Assign):
            self._bind(node.target, self._size(node.node))
        elif isinstance(node, nodes.If):
            self._if(node)
        elif isinstance(node, nodes.For):
            self._for(node)
        else:
            raise _NotPlain

    def _if(self, node: nodes.If) -> None:
        self._size(node.test)
        ends = []
        branches: list[Iterable[nodes.Node]] = [node.body, *([other] for other in node.elif_), node.else_]
        for branch in branches:
            scope = _Scope(self._growth, self._lists, self._depth)
            scope.walk(branch)
            ends.append(scope)
        for end in ends:  # what a branch has set holds behind it
            self._lists &= end._lists
            for name, size in end._growth.items():
                self._growth[name] = max(size, self._growth.get(name, 1))

    def _for(self, node: nodes.For) -> None:
        if node.recursive or self._depth == 2 or not self._is_short(node.iter):
            raise _NotPlain
        inner = _Scope(self._growth, self._lists, self._depth + 1)
        inner._bind(node.target, self._size(node.iter))
        if isinstance(node.iter, nodes.Name) and node.iter.name == "shots":
            inner._know_example(node.target)
        if node.test is not None:
            inner._size(node.test)
        inner.walk(node.body)
        _Scope(self._growth, self._lists, self._depth).walk(node.else_)

    def _is_short(self, node: nodes.Node) -> bool:
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            return self._is_short(node.node)
        if isinstance(node, nodes.Filter) and node.name in ("list", "reverse") and node.node is not None:
            return self._is_short(node.node)
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
            return f"{node.node.name}.{node.attr}" in self._lists
        return isinstance(node, nodes.Name) and node.name in self._lists

    def _know_example(self, target: nodes.Node) -> None:
        """Note where the choices of a worked example are, which is question, choices and answer."""
        if isinstance(target, nodes.Name):
            self._lists |= {f"{target.name}.choices"}
        elif isinstance(target, nodes.Tuple) and len(target.items) == 3:
            choices = target.items[1]
            self._lists |= {choices.name} if isinstance(choices, nodes.Name) else frozenset()

    def _bind(self, target: nodes.Node, size: int) -> None:
        if isinstance(target, nodes.Tuple):
            for part in target.items:
                self._bind(part, size)
        elif isinstance(target, nodes.Name):
            self._growth[target.name] = size
            name = target.name
            self._lists = frozenset(one for one in self._lists if one.partition(".")[0] != name)
        else:
            raise _NotPlain

    # -- how many times as long as the texts given the value of an expression may be

    @singledispatchmethod
    def _size(self, node: nodes.Node) -> int:
        raise _NotPlain

    @_size.register
    def _(self, node: nodes.Literal) -> int:
        parts = [part for part in node.iter_child_nodes() if not isinstance(part, nodes.Pair)]
        parts += [part.value for part in node.iter_child_nodes() if isinstance(part, nodes.Pair)]
        return self._sum(parts)

    @_size.register
    def _(self, node: nodes.Name) -> int:
        return self._growth.get(node.name, 1)

    @_size.register(nodes.Getattr)
    @_size.register(nodes.Getitem)
    @_size.register(nodes.Slice)
    @_size.register(nodes.Concat)
    @_size.register(nodes.Add)
    @_size.register(nodes.Sub)
    @_size.register(nodes.CondExpr)
    @_size.register(nodes.And)
    @_size.register(nodes.Or)
    @_size.register(nodes.Not)
    @_size.register(nodes.Neg)
    @_size.register(nodes.Compare)
    @_size.register(nodes.Operand)
    @_size.register(nodes.Test)
    def _(self, node: nodes.Expr) -> int:
        return self._sum(node.iter_child_nodes())

    @_size.register
    def _(self, node: nodes.Call) -> int:
        method = node.node
        if not isinstance(method, nodes.Getattr) or method.attr not in _METHODS or _has_more(node):
            raise _NotPlain
        return self._sum([method.node, *node.args])

    @_size.register
    def _(self, node: nodes.Filter) -> int:
        if node.node is None or _has_more(node):
            raise _NotPlain
        return self._bounded(self._size(node.node) * self._factor(node.name, node.args))

    def _factor(self, name: str, arguments: list[nodes.Expr]) -> int:
        """Return how many times as long as its input the result of a filter may be."""
        if name in _FILTERS:
            return self._sum(arguments)
        values = [one.value for one in arguments if isinstance(one, nodes.Const)]
        if len(values) < len(arguments):
            raise _NotPlain
        if name == "map" and values and isinstance(values[0], str):
            return self._factor(values[0], arguments[1:])
        if name == "join" and len(values) <= 1:
            return 1 + len(str(*values))
        if name == "replace" and len(values) >= 2:
            return 1 + len(str(values[1]))
        if name == "indent" and len(values) == 1 and isinstance(values[0], int):
            return 1 + max(0, values[0])
        raise _NotPlain

    def _sum(self, parts: Iterable[nodes.Node]) -> int:
        return self._bounded(sum(map(self._size, parts)))

    def _bounded(self, size: int) -> int:
        if size > _GROWTH:
            raise _NotPlain
        return max(1, size)


def _has_more(node: nodes.Call | nodes.Filter) -> bool:
    """Whether a call has arguments by name or unpacked."""
    return bool(node.kwargs or node.dyn_args or node.dyn_kwargs)

"""Private parts of pytest: every use that the plugin makes of them, each behind a function that says why.

A new version of pytest may change any of them without notice. `tests/plugin/test_private_pytest.py` tries each one, and
no other module of mmlubench may touch them; those of pytest-xdist are in `plugin/xdist/private_xdist.py`.
"""

from __future__ import annotations

from argparse import Action
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from _pytest._code.code import TerminalRepr
from _pytest.assertion import util
from _pytest.fixtures import FixtureDef
from _pytest.mark import deselect_by_keyword
from _pytest.mark.expression import IDENT_PREFIX, Expression
from _pytest.python import get_direct_param_fixture_func
from _pytest.skipping import evaluate_skip_marks, evaluate_xfail_marks

__all__ = ["Expression", "FixtureDef", "TerminalRepr", "deselect_by_keyword"]

FunctionT = TypeVar("FunctionT", bound=pytest.Function)
#: Marks that may keep pytest from running a test.
_MAY_SKIP = frozenset(["skip", "skipif", "xfail"])

# -- options -----------------------------------------------------------------------------------------------------


def actions_by_name(parser: pytest.Parser) -> dict[str, Action]:
    """The table in which argparse looks up what an option's name leads to.

    argparse has no public way to take a name back, which is what lets a neighbour add the same one later.
    """
    table: dict[str, Action] = parser.optparser._option_string_actions
    return table


# -- what a test is: its ids and its copies ----------------------------------------------------------------------


def id_parts(item: pytest.Function) -> list[str]:
    """The parts of the id between the brackets, one for each `parametrize`.

    pytest joins them with hyphens for the name; a part may hold hyphens, so that the name cannot be split again.
    """
    return list(item.callspec._idlist)


def copy_of(
    item: pytest.Function,
    kind: type[FunctionT],
    *,
    ids: Sequence[str],
    function: Callable[..., Any],
    params: dict[str, Any] | None,
) -> FunctionT:
    """A test of another class beside `item`, with its fixtures, these parts of the id, and `function` to call.

    `params` are the values of its parameters; None is for a test without any: pytest would order and group fixtures
    by them, for every test, and keep them. pytest itself makes tests in this way when it multiplies one by parameters.
    """
    spec = replace(item.callspec, _idlist=ids, params=item.callspec.params if params is None else params)
    copy: FunctionT = kind.from_parent(
        item.parent,
        name=f"{item.originalname}[{'-'.join(ids)}]",
        callspec=spec,
        callobj=function,
        fixtureinfo=item._fixtureinfo,
        originalname=item.originalname,
    )
    if params is None:
        del copy.callspec
    return copy


def request_of(item: pytest.Function) -> pytest.FixtureRequest:
    """What fixtures are asked for with; pytest makes it for every test and shows it to fixtures only."""
    return item._request


def is_set_up(node: pytest.Collector | None) -> bool:
    """Whether pytest has set this module, class or package up and not torn it down yet."""
    return node is not None and node in node.session._setupstate.stack


def will_run(item: pytest.Item) -> bool:
    """Whether the marks skip, skipif and xfail let pytest come to run the test.

    pytest evaluates them, conditions included, only when it gets there; a test that is asked ahead must know before.
    Marks that make no sense say False: pytest tells what is wrong with them.
    """
    if not any(mark.name in _MAY_SKIP for mark in item.iter_markers()):
        return True
    try:
        xfail = None if item.config.getoption("runxfail") else evaluate_xfail_marks(item)
        return evaluate_skip_marks(item) is None and (xfail is None or xfail.run)
    except (pytest.fail.Exception, TypeError):
        return False


# -- fixtures ----------------------------------------------------------------------------------------------------


def fixture_names(item: pytest.Function) -> list[str]:
    """All fixtures that a test needs, directly or through others, autouse ones included; the widest scope first."""
    return item._fixtureinfo.names_closure


def argument_names(item: pytest.Function) -> tuple[str, ...]:
    """The fixtures that the test function takes as arguments."""
    return item._fixtureinfo.argnames


def requested_names(item: pytest.Function) -> tuple[str, ...]:
    """The fixtures that pytest sets up for a test by themselves: arguments, autouse, `usefixtures`."""
    return item._fixtureinfo.initialnames


def definitions(item: pytest.Function, name: str) -> Sequence[FixtureDef[Any]]:
    """The fixtures of a name that a test can see, the one that it gets last; each may request the one before it."""
    return item._fixtureinfo.name2fixturedefs.get(name, ())


def is_direct_parameter(definition: FixtureDef[Any]) -> bool:
    """Whether a "fixture" is the value of a `parametrize` that is not indirect: pytest makes a fixture of each."""
    return definition.func is get_direct_param_fixture_func


def add_fixture(item: pytest.Function, name: str) -> None:
    """Have a test set up one more fixture, as the mark `usefixtures` does it before a test is collected."""
    info = item._fixtureinfo
    ignored = frozenset(n for n in info.name2fixturedefs if is_direct_parameter(info.name2fixturedefs[n][-1]))
    names, found = item.session._fixturemanager.getfixtureclosure(
        parentnode=item, initialnames=(*info.initialnames, name), ignore_args=ignored
    )
    object.__setattr__(
        info, "initialnames", (*info.initialnames, name)
    )  # pytest may work the rest out of them once more
    info.names_closure[:] = [*info.names_closure, *(n for n in names if n not in info.names_closure)]
    for added, defined in found.items():
        info.name2fixturedefs.setdefault(added, defined)


def visible_definitions(item: pytest.Function, name: str) -> Sequence[FixtureDef[Any]]:
    """The fixtures of a name that a test could request, whether it does or not; the one that it would get is last."""
    return item.session._fixturemanager.getfixturedefs(name, item) or ()


# -- what pytest does of its own and need not do for a case --------------------------------------------------------


class ComparisonOff:
    """A context in which a failed `assert` is not explained.

    pytest would draw a character-by-character diff of two letters for every wrong answer, and nobody sees it. One
    object serves all cases: it is entered once a case.
    """

    def __enter__(self) -> None:
        self._compare = util._reprcompare
        util._reprcompare = None

    def __exit__(self, *error: object) -> None:
        util._reprcompare = self._compare


def words_of(expression: Expression) -> frozenset[str]:
    """The words of a `-k` expression: pytest compiles it to Python, where each is a variable with a prefix.

    `Expression.idents` says the same, and is not there in pytest 9.0.
    """
    return frozenset(name.removeprefix(IDENT_PREFIX) for name in expression._code.co_names)


@contextmanager
def keyword_done(config: pytest.Config) -> Iterator[None]:
    """A context in which pytest has no `-k`: it would look at each of perhaps 200,000 cases once more."""
    text, config.option.keyword = config.option.keyword, ""
    try:
        yield
    finally:
        config.option.keyword = text


# -- the terminal ------------------------------------------------------------------------------------------------


def width_of(reporter: pytest.TerminalReporter) -> int:
    """How many characters a line of the terminal has."""
    return reporter._tw.fullwidth


def end_line(reporter: pytest.TerminalReporter) -> None:
    """Begin a new line if characters stand in this one; the reporter's own `ensure_newline` overlooks them under -q."""
    if reporter._tw.width_of_current_line:
        reporter._tw.line()


def count_as(reporter: pytest.TerminalReporter, category: str, counted_as: str) -> None:
    """Count the reports of a category in pytest's closing line as another: its colour and text are made from these."""
    if category in reporter.stats:
        reporter._add_stats(counted_as, reporter.stats.pop(category))

"""Private parts of pytest that the plugin needs, each behind a function that says why.

A new version of pytest may change any of them without notice. `tests/plugin/test_private_pytest.py` tests each one, and
no other module of mmlubench may use them; those of pytest-xdist are in `plugin/xdist/private_xdist.py`.
"""

from __future__ import annotations

import os
from argparse import Action
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeVar
from xml.etree.ElementTree import Element

import pytest
from _pytest._code.code import TerminalRepr
from _pytest.assertion import rewrite, util
from _pytest.fixtures import FixtureDef
from _pytest.junitxml import LogXML, xml_key
from _pytest.mark import deselect_by_keyword
from _pytest.mark.expression import IDENT_PREFIX, Expression
from _pytest.nodes import Node
from _pytest.python import get_direct_param_fixture_func
from _pytest.reports import BaseReport
from _pytest.skipping import evaluate_skip_marks, evaluate_xfail_marks
from _pytest.tmpdir import tmppath_result_key
from _pytest.warnings import catch_warnings_for_item

__all__ = ["Expression", "FixtureDef", "TerminalRepr", "deselect_by_keyword"]

FunctionT = TypeVar("FunctionT", bound=pytest.Function)
#: Marks that may keep pytest from running a test.
_MAY_SKIP = frozenset(["skip", "skipif", "xfail"])
#: A string of so few characters is never shortened in the explanation of a failed `assert`.
_SHORT = 60

# -- options -----------------------------------------------------------------------------------------------------


def actions_by_name(parser: pytest.Parser) -> dict[str, Action]:
    """Return the table in which argparse looks up the action of an option's name.

    argparse has no public way to remove a name, which must be possible so that another plugin can add it later.
    """
    table: dict[str, Action] = parser.optparser._option_string_actions
    return table


@contextmanager
def configured(config: pytest.Config) -> Iterator[None]:
    """A context for what runs in place of a session: all plugins are configured, and options are checked."""
    with closing(SimpleNamespace(close=config._ensure_unconfigure)):
        config._do_configure()
        yield


# -- fixtures of plugins -----------------------------------------------------------------------------------------


def let_plugins_override(session: pytest.Session, names: Iterable[str], home: str) -> None:
    """Put the fixtures of these names that the module `home` defines behind those of all other plugins.

    Of two plugins that define one fixture, pytest takes that of the plugin that was loaded last; which one that is
    depends on `-p` and on the names of entry points.
    """
    manager: Any = session._fixturemanager
    by_node = getattr(manager, "_arg2node2fixturedefs", None)
    for name in names:
        if by_node is None:  # pytest 9.0: one list for each name, in which a later fixture wins
            manager._arg2fixturedefs.get(name, []).sort(key=lambda one: not _is_of(one, home))
        else:  # a list for each node as well, in which an earlier fixture wins
            by_node.get(name, {}).get(session, []).sort(key=lambda one: _is_of(one, home))


def _is_of(definition: FixtureDef[Any], module: str) -> bool:
    return getattr(definition.func, "__module__", "") == module


# -- tests: their ids and copies ---------------------------------------------------------------------------------


def id_parts(item: pytest.Function) -> list[str]:
    """Return the parts of the id between the brackets, one for each `parametrize`.

    pytest joins the parts with hyphens, and a part may hold hyphens, so the name of a test cannot be split again.
    """
    return list(item.callspec._idlist)


#: What every test has and no test changes.
_SHARED = ("originalname", "fixturenames", "_fixtureinfo")
#: The places of a node's id, in pytest 9.2 and before.
_IDS = ("_id", "_nodeid")


def thin_copy_of(item: pytest.Function, kind: type[FunctionT]) -> FunctionT:
    """Return a test of another class in the place of `item`, without most of what pytest stores in every test.

    `shared` gives what is the same in `item`, and `fill` stores the rest; `kind` must ask for both where they are
    needed. A test of pytest's own takes 3 kB.
    """
    copy: FunctionT = kind.__new__(kind)
    assert item.parent is not None
    copy.parent, copy.path, copy.config, copy.session = item.parent, item.path, item.config, item.session
    return copy


def is_stored(item: pytest.Function, name: str) -> bool:
    """Whether an attribute is one that pytest stores in every test, such as in `item`."""
    return name in vars(item) or name in Node.__slots__ or name in _IDS


def shared(item: pytest.Function, name: str, function: Callable[..., Any]) -> tuple[Any, ...]:
    """Return the value of an attribute that a copy of `item` which calls `function` need not store, or nothing."""
    if name == "_obj":
        return (function,)
    return (getattr(item, name),) if name in _SHARED else ()


def add_stash(item: pytest.Item) -> None:
    """Give a thin copy the storage of plugins, and nothing else: pytest looks into it at each report."""
    item.stash = item._store = pytest.Stash()


def drop_stash(item: pytest.Item) -> None:
    """Take the storage of plugins from a thin copy again, if it has any and only pytest itself has used it.

    What pytest notes there at each report is for the fixture `tmp_path`, which no thin copy has at that time.
    """
    try:
        stash = object.__getattribute__(item, "stash")  # makes none if there is none
    except AttributeError:
        return
    if len(stash) == (tmppath_result_key in stash):
        del item.stash, item._store


def base_id(item: pytest.Function) -> Any:
    """Return the id of a test without its parameters, as a structure; None before pytest 9.2, which has no such ids."""
    parent = getattr(item.parent, "id", None)
    return None if parent is None else parent.child(item.originalname)


def with_parameters(base: Any, parameters: str) -> Any:
    """Return the id of a test with this text in brackets, as a structure. Raises AttributeError before pytest 9.2."""
    return base.with_params(parameters)


def fill(
    copy: pytest.Function,
    item: pytest.Function,
    *,
    ids: Sequence[str],
    function: Callable[..., Any],
    params: dict[str, Any] | None,
) -> None:
    """Store in a thin copy of `item` what pytest stores in every test, with these parts of the id.

    `function` is what it calls. `params` are the values of its parameters. None makes a test without parameters, which
    saves pytest from grouping fixtures by them for every test. What was stored before stays.
    """
    spec = replace(item.callspec, _idlist=ids, params=item.callspec.params if params is None else params)
    before, stash = dict(vars(copy)), getattr(copy, "stash", None)
    pytest.Function.__init__(
        copy,
        name=copy.name,
        parent=copy.parent,
        callspec=spec,
        callobj=function,
        fixtureinfo=item._fixtureinfo,
        originalname=item.originalname,
    )
    if params is None:
        del copy.callspec
    vars(copy).update(before)
    if stash is not None:
        copy.stash = copy._store = stash


def request_of(item: pytest.Function) -> pytest.FixtureRequest:
    """Return the object through which a test's fixtures are requested; pytest passes it to fixtures only."""
    return item._request


def is_set_up(node: pytest.Collector | None) -> bool:
    """Whether pytest has set up this module, class or package and has not torn it down yet."""
    return node is not None and node in node.session._setupstate.stack


def will_run(item: pytest.Item) -> bool:
    """Whether the marks skip, skipif and xfail let pytest run the test.

    pytest evaluates the marks only when it reaches the test, but a test that is asked ahead must know earlier.
    False for invalid marks: pytest itself reports what is wrong with them.
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
    """Return all fixtures that a test needs, directly or indirectly, including autouse ones; the widest scope first."""
    return item._fixtureinfo.names_closure


def argument_names(item: pytest.Function) -> tuple[str, ...]:
    """Return the fixtures that the test function takes as arguments."""
    return item._fixtureinfo.argnames


def requested_names(item: pytest.Function) -> tuple[str, ...]:
    """Return the fixtures that a test requests directly: arguments, autouse, `usefixtures`."""
    return item._fixtureinfo.initialnames


def definitions(item: pytest.Function, name: str) -> Sequence[FixtureDef[Any]]:
    """Return the fixtures of a name that a test can see. The test gets the last; each may request the one before it."""
    return item._fixtureinfo.name2fixturedefs.get(name, ())


def all_definitions(item: pytest.Function) -> list[FixtureDef[Any]]:
    """Return all fixtures that a test needs or that they override."""
    return [one for defined in item._fixtureinfo.name2fixturedefs.values() for one in defined]


def is_direct_parameter(definition: FixtureDef[Any]) -> bool:
    """Whether a fixture only stands for a `parametrize` that is not indirect: pytest makes a fixture of each."""
    return definition.func is get_direct_param_fixture_func


def add_fixture(item: pytest.Function, name: str) -> None:
    """Make a test set up one more fixture, as the mark `usefixtures` does before a test is collected."""
    info = item._fixtureinfo
    ignored = frozenset(n for n in info.name2fixturedefs if is_direct_parameter(info.name2fixturedefs[n][-1]))
    names, found = item.session._fixturemanager.getfixtureclosure(
        parentnode=item, initialnames=(*info.initialnames, name), ignore_args=ignored
    )
    object.__setattr__(
        info, "initialnames", (*info.initialnames, name)
    )  # pytest may compute the other names from these again
    info.names_closure[:] = [*info.names_closure, *(n for n in names if n not in info.names_closure)]
    for added, defined in found.items():
        info.name2fixturedefs.setdefault(added, defined)


def visible_definitions(item: pytest.Function, name: str) -> Sequence[FixtureDef[Any]]:
    """Return the fixtures of a name that a test could request, whether it does or not; it would get the last one."""
    return item.session._fixturemanager.getfixturedefs(name, item) or ()


# -- work of pytest that a case does not need ----------------------------------------------------------------------


class ComparisonOff:
    """A context in which pytest does not explain a failed `assert` at length.

    pytest would compute a character-by-character diff of two letters for every wrong answer, and the text of a whole
    question, which are never shown. Values of the `brief` types are named by their type only. One object serves all
    cases: it is entered once per case.
    """

    def __init__(self, *brief: type) -> None:
        self._brief = frozenset(brief)
        self._repr = rewrite._saferepr

    def __enter__(self) -> None:
        self._compare = util._reprcompare
        util._reprcompare = None
        rewrite._saferepr = self._short

    def __exit__(self, *error: object) -> None:
        util._reprcompare = self._compare
        rewrite._saferepr = self._repr

    def _short(self, obj: object) -> str:
        kind = type(obj)
        if kind is str and len(obj) < _SHORT:  # type: ignore[arg-type]  # a string
            return repr(obj)  # as pytest writes it, and faster
        return f"<{kind.__name__}>" if kind in self._brief else self._repr(obj)


@contextmanager
def protocol_of(config: pytest.Config) -> Iterator[None]:
    """A context with the filters of warnings and the settings of assertions that pytest sets up around each test."""
    before, util._config = util._config, config
    try:
        records = config.pluginmanager.has_plugin("warnings")
        with catch_warnings_for_item(config, config.hook, "runtest", None) if records else nullcontext():
            yield
    finally:
        util._config = before


def words_of(expression: Expression) -> frozenset[str]:
    """Return the words of a `-k` expression: pytest compiles it to Python, where each word is a variable with a prefix.

    `Expression.idents` returns the same, but pytest 9.0 does not have it.
    """
    return frozenset(name.removeprefix(IDENT_PREFIX) for name in expression._code.co_names)


def select_by_default(config: pytest.Config, keyword: str) -> None:
    """Set pytest's `-k` where the user gave none."""
    config.option.keyword = config.option.keyword or keyword


@contextmanager
def keyword_done(config: pytest.Config) -> Iterator[None]:
    """A context in which pytest has no `-k`, so that it does not apply `-k` to each of up to 200,000 cases again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config.option, "keyword", "")
        yield


# -- reports -----------------------------------------------------------------------------------------------------


def stored(report: pytest.TestReport) -> dict[str, Any]:
    """Return what is stored in a report itself; its class may show more in `__dict__`."""
    values: dict[str, Any] = vars(BaseReport)["__dict__"].__get__(report)
    return values


def to_json(report: pytest.TestReport) -> dict[str, Any]:
    """Return a report as plain values, as pytest-xdist sends it."""
    return report._to_json()


class JunitFile:
    """pytest's writer of the report of `--junitxml`: it has no public way to change a test case, nor to add one."""

    def __init__(self, xml: LogXML) -> None:
        self._xml = xml

    @classmethod
    def of(cls, config: pytest.Config) -> JunitFile | None:
        """Return the writer of this process; None without `--junitxml`, and in a worker."""
        xml = config.stash.get(xml_key, None)
        return None if xml is None else cls(xml)

    def add_property(self, name: str, value: str) -> None:
        """Add a property of the suite."""
        self._xml.add_global_property(name, value)

    def case_of(self, report: pytest.TestReport) -> Any:
        """Return the test case of a report, for `change`."""
        return self._xml.node_reporter(report)

    def change(self, case: Any, change: Callable[[Element], str]) -> None:
        """Change the element of a failed test case; `change` returns what it counts as then, such as `passed`."""
        element = case.to_xml()
        counted = next((tag for tag in ("failure", "error") if element.find(tag) is not None), "")
        if counted:
            self._xml.stats[counted] -= 1
            self._xml.add_stats(change(element))
            case.to_xml = lambda: element

    def add_case(self, element: Element, counts_as: str) -> None:
        """Add a test case that is no test of pytest's."""
        case: Any = SimpleNamespace(to_xml=lambda: element)
        self._xml.node_reporters_ordered.append(case)
        self._xml.add_stats(counts_as)


# -- the terminal ------------------------------------------------------------------------------------------------


def width_of(reporter: pytest.TerminalReporter) -> int:
    """Return the width of the terminal in characters."""
    return reporter._tw.fullwidth


def write_at_once(config: pytest.Config, text: str) -> None:
    """Write a line to the terminal past all buffers and captures, as a signal handler must; nothing without a terminal.

    It may have interrupted a write, and a test whose output goes elsewhere.
    """
    with suppress(AttributeError, OSError, ValueError):  # no terminal, or a closed one
        plugins = config.pluginmanager
        descriptor = plugins.getplugin("terminalreporter")._tw._file.fileno()
        if descriptor == 1:  # pytest leads it elsewhere while a test runs
            capturing = getattr(plugins.getplugin("capturemanager"), "_global_capturing", None)
            descriptor = getattr(getattr(capturing, "out", None), "targetfd_save", descriptor)
        os.write(descriptor, f"\n{text}\n".encode())


def end_line(reporter: pytest.TerminalReporter) -> None:
    """Begin a new line if this one is not empty; the reporter's own `ensure_newline` does not notice that under -q."""
    if reporter._tw.width_of_current_line:
        reporter._tw.line()

"""What the plugin uses of the private parts of pytest and pytest-xdist still works, and is used in no other module."""

from __future__ import annotations

import ast
import inspect
import warnings
from pathlib import Path

import pytest
from _pytest.tmpdir import tmppath_result_key

from mmlubench.plugin import private_pytest
from mmlubench.plugin.xdist import private_xdist

PACKAGE = Path(private_pytest.__file__).parents[1]
PRIVATE = (Path(private_pytest.__file__), Path(private_xdist.__file__))
#: Attributes without an underscore that are private all the same: nothing documents them.
UNDOCUMENTED = {"dsession", "worker_testreport", "parse_tx_spec_config", "names_closure", "name2fixturedefs"}

TESTS = """
import pytest

@pytest.fixture(scope="session")
def outer(): return "outer"

@pytest.fixture
def inner(outer): return f"inner of {outer}"

@pytest.fixture(autouse=True)
def always(): ...

class TestIt:
    @pytest.fixture
    def outer(self, outer): return f"class's {outer}"

    @pytest.mark.parametrize("tone", ["kind", "curt-1"])
    @pytest.mark.parametrize("number", [1])
    def test_it(self, tone, number, inner): assert inner == "inner of class's outer"

def test_plain(): ...

@pytest.mark.skipif("1 > 0", reason="why")
def test_skipped(): ...

@pytest.mark.xfail(run=False)
def test_not_run(): ...

@pytest.mark.skip("one", "two", "three")
def test_senseless(): ...

@pytest.mark.skipif(True)
def test_no_reason(): ...

@pytest.mark.xfail
def test_run(): assert False
"""


class Probe:
    """Collects the items, and runs `call` with each when pytest gets to it."""

    def __init__(self, call=lambda item: None):
        self.items = {}
        self.seen = []
        self._call = call

    def pytest_collection_modifyitems(self, items):
        self.items = {item.name: item for item in items}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        self.seen.append(self._call(item))


@pytest.fixture
def probe(pytester):
    """Run `TESTS` with a probe in it."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(TESTS)

    def run(*arguments, call=lambda item: None):
        probe = Probe(call)
        pytester.inline_run(*arguments, plugins=[probe])
        return probe

    return run


def test_fixtures_of_one_module_go_behind_those_of_a_plugin_that_was_loaded_before_it(pytester, monkeypatch):
    monkeypatch.syspath_prepend(pytester.path)
    pytester.makepyfile(
        theirs="import pytest\n@pytest.fixture\ndef model(): return 'theirs'",
        test_it="def test_it(model): assert model == 'theirs'",
    )
    pytester.runpytest_inprocess(
        "-p", "theirs", "-o", "asyncio_default_fixture_loop_scope=function"
    ).assert_outcomes(passed=1)


def test_what_runs_in_place_of_a_session_has_all_plugins_configured(pytester):
    config = pytester.parseconfig("-o", "asyncio_default_fixture_loop_scope=function")
    assert config.pluginmanager.get_plugin("terminalreporter") is None
    with private_pytest.configured(config):
        assert config.pluginmanager.get_plugin("terminalreporter") is not None


def test_a_name_of_an_option_can_be_lent_and_taken_back():
    parser = pytest.Parser(_ispytest=True)
    parser.addoption("--mmlubench-seed", dest="mmlubench_seed")
    table = private_pytest.actions_by_name(parser)
    table["--seed"] = table["--mmlubench-seed"]
    assert parser.parse(["--seed", "1"]).mmlubench_seed == "1"
    del table["--seed"]
    parser.addoption("--seed", dest="theirs")
    assert parser.parse(["--seed", "2"]).theirs == "2"


def test_the_parts_of_an_id_are_told_apart(probe):
    item = probe("--collect-only").items["test_it[1-curt-1]"]
    assert private_pytest.id_parts(item) == ["1", "curt-1"]


def test_a_thin_copy_is_a_test_of_its_own_once_it_is_filled(probe):
    class Kind(pytest.Function): ...

    def stand_in(): ...

    item = probe("--collect-only").items["test_it[1-kind]"]
    ids, loud = ["1", "new"], {"tone": "loud", "number": 1}
    copy = private_pytest.thin_copy_of(item, Kind)
    copy.name = "test_it[1-new]"
    assert not vars(copy)
    private_pytest.add_stash(copy)
    key = pytest.StashKey[int]()
    private_pytest.drop_stash(copy)
    assert not hasattr(copy, "stash")
    private_pytest.add_stash(copy)
    copy.stash[key] = 1
    private_pytest.drop_stash(copy)
    assert private_pytest.shared(item, "_obj", stand_in) == (stand_in,)
    assert private_pytest.shared(item, "originalname", stand_in) == ("test_it",)
    assert private_pytest.shared(item, "keywords", stand_in) == ()
    assert all(private_pytest.is_stored(item, name) for name in ("keywords", "stash", "funcargs", "_request"))
    assert not private_pytest.is_stored(item, "of_a_plugin")
    vars(copy)["of_a_plugin"] = "kept"
    private_pytest.fill(copy, item, ids=ids, function=stand_in, params=loud)
    assert (copy.name, copy.obj, type(copy)) == ("test_it[1-new]", stand_in, Kind)
    assert copy.nodeid == item.nodeid.replace("kind", "new")
    assert (copy.callspec.params["tone"], vars(copy)["of_a_plugin"]) == ("loud", "kept")
    assert copy.fixturenames == item.fixturenames
    assert copy.stash[key] == 1
    if hasattr(item, "id"):  # from pytest 9.2 on
        assert private_pytest.with_parameters(private_pytest.base_id(item), "1-new") == copy.id
    bare = private_pytest.thin_copy_of(item, Kind)
    bare.name = "test_it[1-new]"
    private_pytest.fill(bare, item, ids=ids, function=stand_in, params=None)
    assert not hasattr(bare, "callspec")
    assert private_pytest.id_parts(item) == ["1", "kind"]


def test_what_pytest_notes_for_tmp_path_is_let_go_with_the_stash(probe):
    item = probe("--collect-only").items["test_plain"]
    private_pytest.add_stash(item)
    item.stash[tmppath_result_key] = {"call": True}
    private_pytest.drop_stash(item)
    private_pytest.drop_stash(item)
    assert not hasattr(item, "stash")


def test_a_test_can_be_asked_for_its_fixtures(probe):
    item = probe("--collect-only").items["test_it[1-kind]"]
    assert {"outer", "inner", "always", "tone", "number"} <= set(private_pytest.fixture_names(item))
    assert private_pytest.argument_names(item) == ("tone", "number", "inner")
    assert {"always", "tone", "inner"} <= set(private_pytest.requested_names(item))
    assert "outer" not in private_pytest.requested_names(item)
    first, last = private_pytest.definitions(item, "outer")
    assert (first.scope, first.argnames) == ("session", ())
    assert (last.scope, last.argnames) == ("function", ("outer",))
    assert private_pytest.definitions(item, "unheard_of") == ()
    assert private_pytest.is_direct_parameter(private_pytest.definitions(item, "tone")[-1])
    assert not private_pytest.is_direct_parameter(last)


def test_what_a_test_could_request_is_found_and_can_be_added(probe):
    plain = probe("--collect-only").items["test_plain"]
    assert "inner" not in private_pytest.fixture_names(plain)
    assert [found.argname for found in private_pytest.visible_definitions(plain, "inner")] == ["inner"]
    assert not private_pytest.visible_definitions(plain, "unheard_of")
    private_pytest.add_fixture(plain, "inner")
    assert {"inner", "outer"} <= set(private_pytest.fixture_names(plain))
    assert "inner" in private_pytest.requested_names(plain)
    assert private_pytest.definitions(plain, "outer")


def test_the_request_of_a_test_gives_its_fixtures_and_a_fixture_can_call_when_it_is_torn_down(probe):
    ended = []

    def call(item):
        if item.name != "test_it[1-kind]":
            return None
        request = private_pytest.request_of(item)
        private_pytest.definitions(item, "outer")[0].addfinalizer(lambda: ended.append("outer"))
        assert not ended
        return request.getfixturevalue("inner")

    assert "inner of class's outer" in probe(call=call).seen
    assert ended == ["outer"]


def test_a_module_is_set_up_from_its_first_test_on(probe):
    states = {}

    def call(item):
        states[item.name] = private_pytest.is_set_up(item.parent)
        return private_pytest.is_set_up(None)

    ran = probe(call=call)
    assert states["test_plain"]
    assert True not in ran.seen
    assert not private_pytest.is_set_up(probe("--collect-only").items["test_plain"].parent)


def test_marks_tell_whether_a_test_will_run(probe):
    items = probe("--collect-only").items
    runs = {name: private_pytest.will_run(item) for name, item in items.items() if "it[" not in name}
    assert runs == {
        "test_plain": True,
        "test_skipped": False,
        "test_not_run": False,
        "test_senseless": False,
        "test_no_reason": False,
        "test_run": True,
    }
    assert private_pytest.will_run(probe("--collect-only", "--runxfail").items["test_not_run"])


def test_a_failed_assertion_is_not_explained_while_that_is_off(pytester):
    code = """
def test_one():
    from mmlubench.plugin.private_pytest import ComparisonOff
    try:
        {context}
            assert ["left"] == ["right"]
    except AssertionError as error:
        print(error)
"""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        test_on=code.format(context="if True:"), test_off=code.format(context="with ComparisonOff():")
    )
    said = {
        name: pytester.runpytest_inprocess("-s", f"test_{name}.py").stdout.str() for name in ("on", "off")
    }
    assert "At index 0 diff: 'left' != 'right'" in said["on"]
    assert "diff" not in said["off"]
    assert "assert ['left'] == ['right']" in said["off"]


def test_a_failed_assertion_names_what_holds_a_value_by_its_type_only(pytester):
    # The text of a whole question was written out for every wrong answer; what is compared reads as ever.
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile("""
from pathlib import Path
from types import SimpleNamespace
from mmlubench.plugin.private_pytest import ComparisonOff

def test_one():
    held = SimpleNamespace(letter="A%s\\n'", long="x" * 300)
    for right in ("B", held.long):
        try:
            with ComparisonOff(SimpleNamespace):
                assert held.letter == right
        except AssertionError as error:
            print(error)
    """)
    said = pytester.runpytest_inprocess("-s").stdout.str()
    assert "assert \"A%s\\n'\" == 'B'" in said
    assert 'where "A%s\\n\'" = <SimpleNamespace>.letter' in said
    assert "xx...xx" in said


def test_warnings_are_filtered_as_around_a_test(probe):
    config = probe("-W", "error:shown").items["test_plain"].config
    with private_pytest.protocol_of(config), pytest.raises(UserWarning, match="shown"):
        warnings.warn("shown", stacklevel=1)


def test_pytest_selects_by_keyword_what_it_is_given_and_not_again(probe):
    item = probe("--collect-only", "-k", "plain or skipped").items["test_plain"]
    assert item.config.getoption("keyword") == "plain or skipped"
    items = [item]
    with private_pytest.keyword_done(item.config):
        assert item.config.getoption("keyword") == ""
        private_pytest.deselect_by_keyword(items, item.config)
        assert items == [item]
    assert item.config.getoption("keyword") == "plain or skipped"


def test_an_expression_tells_its_words_and_what_they_come_to():
    expression = private_pytest.Expression.compile("mmlu and not law")
    assert private_pytest.words_of(expression) == {"mmlu", "law"}
    assert private_pytest.words_of(private_pytest.Expression.compile("a or a(b='c') or 0017")) == {
        "a",
        "0017",
    }
    assert expression.evaluate(lambda word, /, **kwargs: word == "mmlu")
    with pytest.raises(SyntaxError):
        private_pytest.Expression.compile("mmlu and")


def test_a_traceback_is_made_of_parts_that_can_be_gone_through(pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile("def test_one():\n    secret = 'abc'\n    assert secret == 'x'")
    (failed,) = pytester.inline_run("-l").listoutcomes()[2]
    assert isinstance(failed.longrepr, private_pytest.TerminalRepr)
    assert "reprtraceback" in vars(failed.longrepr)


class Terminal:
    """Tries the functions for the terminal when the run is over."""

    def __init__(self):
        self.width = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter):
        self.width = private_pytest.width_of(terminalreporter)
        terminalreporter.write("half a line")
        private_pytest.end_line(terminalreporter)
        private_pytest.end_line(terminalreporter)
        terminalreporter.write_line("a whole one")


def test_the_terminal_has_a_width_and_ends_lines(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "93")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile("def test_one(): ...")
    terminal = Terminal()
    result = pytester.runpytest_inprocess("-q", plugins=[terminal])
    assert terminal.width == 93
    result.stdout.fnmatch_lines(["half a line", "a whole one"], consecutive=True)


@pytest.mark.parametrize("capture", ["fd", "sys", "no"])
def test_a_line_is_written_past_all_buffers_and_captures(capture, pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        "import os\n"
        "from mmlubench.plugin.private_pytest import write_at_once\n"
        "def test_one(request):\n"
        "    write_at_once(request.config, 'said at once')\n"
        "    os._exit(3)\n"  # what is in a buffer is lost
    )
    result = pytester.runpytest_subprocess(f"--capture={capture}")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["said at once"])


def test_without_a_terminal_nothing_is_written_at_once(pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        "from mmlubench.plugin.private_pytest import write_at_once\n"
        "def test_one(request):\n"
        "    write_at_once(request.config, 'never said')\n"
    )
    result = pytester.runpytest_subprocess("-p", "no:terminal")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("never said")


# -- pytest-xdist --------------------------------------------------------------------------------------------------


class Distribution:
    """Looks at xdist's controller while workers run."""

    def __init__(self):
        self.workers = 0
        self.active = set()
        self.stopped = ["", ""]

    def pytest_sessionstart(self, session):
        self.workers = private_xdist.worker_count(session.config)

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and not self.active:
            self.active = {node.gateway.id for node in private_xdist.active_workers(self.config)}
            self.stopped[0] = private_xdist.should_stop(self.config)
            assert private_xdist.set_should_stop(self.config, "enough")
            self.stopped[1] = private_xdist.should_stop(self.config)

    def pytest_configure(self, config):
        self.config = config


@pytest.mark.long
def test_the_controller_tells_its_workers_and_stops(pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile("import pytest\n@pytest.mark.parametrize('n', range(200))\ndef test_one(n): ...")
    distribution = Distribution()
    result = pytester.runpytest_inprocess("-n", "2", plugins=[distribution])
    assert distribution.workers == 2
    assert distribution.active == {"gw0", "gw1"}
    assert distribution.stopped == ["", "enough"]
    result.stdout.fnmatch_lines(["*enough*"])


def test_without_workers_nothing_is_active_and_nothing_is_stopped(probe):
    config = probe("--collect-only").items["test_plain"].config
    assert private_xdist.active_workers(config) == set()
    assert private_xdist.should_stop(config) == ""
    assert not private_xdist.set_should_stop(config, "why")
    assert [*private_xdist.take_event(config, timeout_s=0.0)] == []


def test_events_and_reports_of_workers_go_the_way_of_xdist():
    from xdist.dsession import DSession

    # Only an interrupted run uses these; test_interrupt.py shows what for.
    assert list(inspect.signature(DSession.worker_testreport).parameters) == ["self", "node", "rep"]
    assert "self.queue" in inspect.getsource(DSession.__init__)


# -- nobody else does ----------------------------------------------------------------------------------------------


def private_uses(source: str) -> list[str]:
    """Imports of `_pytest`, private attributes of anything but oneself, undocumented ones, `config.option.keyword`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("_pytest", "xdist"):
            found.append(f"from {node.module}")
        elif isinstance(node, ast.Import):
            found += [
                f"import {a.name}" for a in node.names if a.name.partition(".")[0] in ("_pytest", "xdist")
            ]
        elif isinstance(node, ast.Attribute):
            of_itself = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            hidden = node.attr.startswith("_") and not node.attr.startswith("__") and not of_itself
            if hidden or node.attr in UNDOCUMENTED or ast.unparse(node).endswith("config.option.keyword"):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Constant) and node.value in UNDOCUMENTED:
            found.append(repr(node.value))
    return found


def test_no_other_module_touches_what_is_private():
    rooms = [*(PACKAGE / "plugin").rglob("*.py"), *(PACKAGE / "run").rglob("*.py")]
    used = {
        file.relative_to(PACKAGE).as_posix(): private_uses(file.read_text("utf-8"))
        for file in rooms
        if file not in PRIVATE
    }
    assert {file: uses for file, uses in used.items() if uses} == {}


@pytest.mark.parametrize(
    "line",
    [
        "from _pytest.mark import x",
        "import _pytest",
        "item._request",
        "reporter._tw.fullwidth",
        "config.option.keyword = ''",
        "plugins.get_plugin('dsession')",
        "from xdist.workermanage import x",
        "info.names_closure",
    ],
)
def test_a_private_use_is_found(line):
    assert private_uses(line)


@pytest.mark.parametrize("line", ["self._request", "item.name", "config.option", "cls._x", "x.__dict__"])
def test_what_is_public_or_ones_own_is_let_through(line):
    assert not private_uses(line)


def test_what_is_stored_in_a_report_is_told_apart_from_what_its_class_shows(probe):
    class More(pytest.TestReport):
        __dict__ = property(lambda self: {"more": True})

    item = probe("--collect-only").items["test_plain"]
    report = More(item.nodeid, item.location, {}, "passed", None, "call")
    assert vars(report) == {"more": True}
    assert private_pytest.stored(report)["outcome"] == "passed"

"""The pytest plugin: thin hooks that forward to one `Session`.

It is loaded in every pytest run of an environment that has mmlubench, so it imports nothing heavy: the rest is
imported when a benchmark is collected or an option of mmlubench is given.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.plugin.loop_scope import LoopScope, is_asked_for
from mmlubench.plugin.option_names import NAMES, OptionNames
from mmlubench.plugin.private_pytest import let_plugins_override, select_by_default
from mmlubench.tasks import benchmark_of

if TYPE_CHECKING:
    from mmlubench.models.base import Model
    from mmlubench.plugin.session import Session
    from mmlubench.schema import Question
    from mmlubench.solvers import Solver

_KEY = pytest.StashKey["Session"]()
_MARKS = {
    "questions": "questions(name, rows=None): a benchmark: the test runs for every model and every question of the "
    "data set `name`, or of `rows`, a list of mmlubench.Question or a function that makes one from pytest's config",
    "look_ahead": "look_ahead: an `async def` test of your own that asks a `model` or `solver`: it runs for every "
    "model, and starts while earlier tests still wait",
}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options of `settings.OPTIONS` by their long names, which no other plugin has."""
    config: Any = pluginmanager.get_plugin("pytestconfig")
    names = config.stash[NAMES] = OptionNames(parser)
    pluginmanager.register(LoopScope(), "mmlubench.loop_scope")
    if any(name.endswith("conftest.py") for name, _ in pluginmanager.list_name_plugin()):
        names.settle()  # a conftest.py loads this plugin, so the hook for initial conftests has passed


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Give the options their short names as well, except those that a plugin or a conftest.py adds itself."""
    names = early_config.stash[NAMES]
    names.lend()  # otherwise pytest would take the DIR of `--data DIR` for a folder with tests and a conftest.py
    with suppress(pytest.UsageError):  # a conftest.py that is loaded later may define such a name itself
        early_config.known_args_namespace.file_or_dir = parser.parse_known_args(args).file_or_dir
    names.take_back()
    try:
        return (yield)
    finally:
        names.settle()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the hooks of `hookspec.py` known, so that a conftest may implement them."""
    from mmlubench.plugin import hookspec  # late: only a pytest run that loads this plugin needs it

    pluginmanager.add_hookspecs(hookspec)


def pytest_configure(config: pytest.Config) -> None:
    """Start our session if an option of mmlubench is given, and in every controller of xdist workers."""
    for text in _MARKS.values():
        config.addinivalue_line("markers", text)
    config.stash[NAMES].take_back()  # a conftest.py in a subfolder is loaded later, and may add such a name
    if config.option.help:
        config.stash[NAMES].list_parts()
    if is_asked_for(config):
        # a task names its questions, too
        select_by_default(config, benchmark_of(config.option.mmlubench_tasks or ()))
        _session(config).announce()
    elif config.getoption("dist", "no") != "no":
        _session(config)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """`--list-models` lists; finished shards are left; by `--cluster` and `--batch` others ask."""
    option = config.option
    if option.mmlubench_list_models:
        return _session(config).list_models()
    is_worker = hasattr(config, "workerinput")  # xdist's
    is_shard = option.mmlubench_num_shards is not None or option.mmlubench_shard is not None
    if is_shard and not (option.help or option.version or is_worker):
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.sharded import finished_status

        status = finished_status(config, lambda: _session(config).process)
        if status is not None:
            return status
    if option.mmlubench_shards is not None and option.mmlubench_cluster is None:
        raise pytest.UsageError(
            "--shards N goes with --cluster ray; jobs of your own have --num-shards N --shard-id I."
        )
    if option.mmlubench_cluster not in (None, "none") and not (option.help or option.version or is_worker):
        # late: a pytest run without --cluster must not pay for it
        from mmlubench.plugin.cluster_mode import carry_out

        return carry_out(config)
    if not option.mmlubench_batch:
        return None
    # late: a pytest run without --batch must not pay for it
    from mmlubench.plugin.batch_mode import fill

    return fill(config)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the fixtures of other plugins override ours, in whatever order the plugins were loaded."""
    let_plugins_override(session, ("question", "model", "solver"), __name__)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the benchmarks that are written as YAML."""
    # Not `test_*.yaml`: files of that name belong to other plugins.
    if not file_path.name.endswith(".benchmark.yaml"):
        return None
    # late: a pytest run without benchmarks must not pay for it
    from mmlubench.plugin.benchmark_yaml import collector

    return collector(file_path, parent)


@pytest.hookimpl(tryfirst=True)  # ids begin with the model, whatever else has parameters
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give benchmark functions the parameter that is multiplied later."""
    if _is_ours(metafunc.definition):
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin import collect

        collect.generate(metafunc)


@pytest.hookimpl(wrapper=True, trylast=True)  # the innermost: pytest-asyncio's wrapper must see cases already
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Turn a benchmark function into its cases."""
    found = yield
    if isinstance(found, list) and found and _is_ours(found[0]):
        return _session(collector.config).cases(found)
    return found


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Keep pytest from evaluating `-k` again for each of up to 200,000 cases, which were selected by it when made."""
    if _KEY not in config.stash or not config.stash[_KEY].has_process:
        return (yield)
    # late: a pytest run without benchmarks must not pay for it
    from mmlubench.plugin.collect import keyword_applied

    with keyword_applied(config, config.stash[_KEY].process.run.data.seen, items):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
    """Build the report of a case from its answer."""
    if not hasattr(item, "case_outcome"):
        return None
    # late: a pytest run without benchmarks must not pay for it
    from mmlubench.plugin.case_report import report_of

    return report_of(item, call)  # type: ignore[arg-type]  # only a Case has `case_outcome`


@pytest.fixture
def question(request: pytest.FixtureRequest) -> Question:
    """The question of this case; needs the mark `questions`."""
    if not hasattr(request.node, "case_outcome"):
        pytest.fail("the fixture `question` needs an `async def` test marked questions", pytrace=False)
    return request.node.question  # type: ignore[no-any-return]


# Session fixtures, so that a user's fixture of any scope may request them. A test gets the object of its case instead.


@pytest.fixture(scope="session")
def model() -> Model:
    """The model under test: `await model.generate(request)`. May be overridden, and requested by other fixtures."""
    # late: a pytest run without benchmarks must not pay for it
    from mmlubench.plugin.current_case import CurrentModel

    return CurrentModel()


@pytest.fixture(scope="session")
def solver() -> Solver:
    """The solver of the options for the model under test. Awaited with a question, it returns an Answer.

    May be overridden, and requested by other fixtures.
    """
    # late: a pytest run without benchmarks must not pay for it
    from mmlubench.plugin.current_case import CurrentSolver

    return CurrentSolver()


@pytest.fixture
def _mmlubench_case() -> None:
    """The parameter by which a test is multiplied into cases; see `collect.generate`."""


def _is_ours(node: object) -> bool:
    return isinstance(node, pytest.Function) and any(node.get_closest_marker(name) for name in _MARKS)


def _session(config: pytest.Config) -> Session:
    if _KEY not in config.stash:
        # late: a pytest run without benchmarks must not pay for it
        from mmlubench.plugin.session import Session

        config.stash[_KEY] = Session(config)
        config.pluginmanager.register(config.stash[_KEY], "mmlubench.session")
        config.pluginmanager.register(config.stash[_KEY].redaction, "mmlubench.redaction")
        config.pluginmanager.register(config.stash[_KEY].sections, "mmlubench.sections")
    return config.stash[_KEY]

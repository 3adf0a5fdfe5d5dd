"""Collection: a test function marked `questions` becomes one case for every model and question."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench import datasets
from mmlubench.datasets import Spec
from mmlubench.errors import UserError
from mmlubench.plugin import private_pytest
from mmlubench.plugin.cases import Case, make_case
from mmlubench.plugin.keyword import FOUND, Keyword
from mmlubench.plugin.overrides import CASE, PLACEHOLDER, request_own_model
from mmlubench.plugin.private_pytest import deselect_by_keyword, fixture_names, keyword_done
from mmlubench.plugin.template import Template
from mmlubench.run.data import Origin
from mmlubench.run.roster import OWN
from mmlubench.schema import Question

if TYPE_CHECKING:
    from mmlubench.plugin.process import Process


def generate(metafunc: pytest.Metafunc) -> None:
    """Give a benchmark function a placeholder parameter, so that pytest collects it with the user's own parameters."""
    request_own_model(metafunc.definition)
    _leave_anyio(metafunc)
    metafunc.fixturenames.append(CASE)
    metafunc.parametrize(CASE, [None], ids=[PLACEHOLDER], indirect=True)


def _leave_anyio(metafunc: pytest.Metafunc) -> None:
    """Undo what anyio's automatic mode does to every async test: a run for each of its backends."""
    name, definitions = "anyio_backend", private_pytest.all_definitions(metafunc.definition)
    if name in metafunc.fixturenames and not any(name in definition.argnames for definition in definitions):
        metafunc.fixturenames.remove(name)


def multiply(process: Process, items: list[pytest.Function]) -> Iterator[Case]:
    """Yield the cases of a collected benchmark function. Raises UserError."""
    for item in items:
        _check(item)
        mark = item.get_closest_marker("questions")
        if mark is None:
            template = process.template(item, item.originalname)
            yield from _cases(process, template, process.labels(template))
            continue
        benchmark, origin = _read_mark(item, *mark.args, **mark.kwargs)
        process.run.data.seen.add(benchmark)
        found = item.config.stash.get(FOUND, None) or set()
        known = {*process.run.data.seen, *found, *datasets.NAMES}
        keyword = Keyword(item.config.getoption("keyword"), known)
        names = [*_names(item), benchmark]
        if keyword.may_match(benchmark, names, _words(process, benchmark, origin)):
            template = process.template(item, benchmark)
            labels = process.labels(template)
            questions = process.run.data.questions(
                benchmark,
                origin,
                _wanted(labels, keyword, benchmark, names),
                by_recipe=template.overrides.uses_solver,
            )
            keeps = None if keyword.is_plain else partial(_matches, keyword, benchmark, names)
            yield from _cases(process, template, labels, questions, keeps)


def _cases(
    process: Process,
    template: Template,
    labels: Sequence[str],
    questions: Sequence[Question] | None = None,
    keeps: Callable[[Case], bool] | None = None,
) -> Iterator[Case]:
    """Yield the cases of a test, or those of this shard; `keeps` says which are selected, None for all of them.

    `questions` is None for a user's own test.
    """

    def make(label: str, n: int) -> Case:
        return make_case(process, template, label, questions or (), n)

    if process.cut is not None:
        yield from process.cut.cases(template, labels, questions, make, keeps)
        return
    for label in labels:
        cases = (make(label, n) for n in range(1 if questions is None else len(questions)))
        yield from (case for case in cases if keeps is None or keeps(case))


def _matches(keyword: Keyword, benchmark: str, names: Sequence[str], case: Case) -> bool:
    return keyword.matches(benchmark, [*names, case.name])


@contextmanager
def keyword_applied(config: pytest.Config, benchmarks: set[str], items: list[pytest.Item]) -> Iterator[None]:
    """Apply `-k`, and keep pytest from applying it again to each case: cases were selected by it when made."""
    _keep_named(config, benchmarks, items)
    others = [item for item in items if not (isinstance(item, Case) and item.has_question)]
    dropped = set(others)
    deselect_by_keyword(others, config)
    dropped.difference_update(others)
    items[:] = [item for item in items if item not in dropped]
    with keyword_done(config):
        yield


def _keep_named(config: pytest.Config, benchmarks: set[str], items: list[pytest.Item]) -> None:
    """Deselect the other benchmarks if `-k` names one.

    This is done again once all benchmarks are known: `-k capitals` does not mean `capitals_pro`, whichever file comes
    first.
    """
    keyword = Keyword(config.getoption("keyword"), benchmarks)
    if not keyword.named:
        return
    others = [item for item in items if isinstance(item, Case) and not _is_meant(item, keyword)]
    if others:
        left_out = set(others)
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=others)


def _is_meant(case: Case, keyword: Keyword) -> bool:
    benchmark = case.template.benchmark
    return benchmark in keyword.named or keyword.matches(benchmark, [*_names(case.template.item), case.name])


def _wanted(
    labels: Iterable[str], keyword: Keyword, benchmark: str, names: list[str]
) -> Callable[[Question], bool] | None:
    """Return the filter that `-k` sets on questions: `--limit 100` means a hundred of those that `-k` selects."""
    if keyword.is_plain:
        return None

    def wanted(question: Question) -> bool:
        ids = (f"{label}-{question.case_id}" for label in labels)
        return any(keyword.matches(benchmark, [*names, case_id]) for case_id in ids)

    return wanted


def _check(item: pytest.Function) -> None:
    """Raise UserError for a marked test that cannot work, so that it does not fail in each of a thousand cases."""
    where = item.nodeid.partition("[")[0]
    if not inspect.iscoroutinefunction(item.obj):
        raise UserError(f"{where}: a test marked questions or look_ahead is awaited; write it `async def`.")
    if item.get_closest_marker("questions") and "question" not in item.fixturenames:
        raise UserError(f"{where}: a test marked questions takes the argument `question`; add it.")
    if not {"solver", "model"} & set(fixture_names(item)):
        raise UserError(
            f"{where}: a test marked questions or look_ahead takes the argument `solver` or `model`; add one."
        )


def _read_mark(
    item: pytest.Function, name: Any = None, rows: Any = None, *more: object, **unknown: object
) -> tuple[str, Origin]:
    where = item.nodeid.partition("[")[0]
    if isinstance(name, Spec):  # the benchmark of a YAML file, which has no rows of its own
        return name.name, name
    if not isinstance(name, str) or not name or more or unknown:
        raise UserError(
            f"{where}: the mark takes a benchmark's name, and rows for questions of your own: "
            '@pytest.mark.questions("mmlu").'
        )
    if rows is None:
        return name, None
    own, seen = list(rows(item.config) if callable(rows) else rows), set()
    for number, row in enumerate(own):
        if not isinstance(row, Question):
            raise UserError(f"{where}: rows must be mmlubench.Question objects; row {number} is {row!r:.60}.")
        if row.id in seen:
            raise UserError(f"{where}: two rows have the id {row.id!r}; every question needs its own.")
        if row.benchmark != name:  # figures would be reported under another name than the one that -k knows
            raise UserError(
                f"{where}: row {number} is of benchmark {row.benchmark!r}; call it {name!r} as the mark does."
            )
        seen.add(row.id)
    return name, own


def _names(item: pytest.Function) -> list[str]:
    """Return the names that pytest's own `-k` looks at, without the case id."""
    nodes = [node for node in item.listchain() if not isinstance(node, (pytest.Session, pytest.Directory))]
    own = [node.name.partition("[")[0] for node in nodes]
    return [*own, *(mark.name for mark in item.iter_markers()), *item.listextrakeywords()]


def _words(process: Process, benchmark: str, origin: Origin) -> list[str] | None:
    """Return the words that may occur in case ids; None if they are not known without loading the data."""
    if isinstance(origin, Spec):
        return None
    if origin is not None:
        return [*process.run.roster.specs, OWN, *(question.case_id for question in origin)]
    spec = datasets.find(benchmark)
    if not spec.counts:
        return None
    return [*process.run.roster.specs, OWN, *spec.counts, *spec.languages]

"""The collector of benchmarks without Python: `NAME.benchmark.yaml` is collected as a test file with one test in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmlubench import datasets
from mmlubench.datasets import Spec
from mmlubench.datasets.from_yaml import description
from mmlubench.datasets.names import PACKAGED
from mmlubench.datasets.sets.packaged import path_of
from mmlubench.errors import UserError
from mmlubench.plugin.keyword import FOUND, Keyword
from mmlubench.schema import Question
from mmlubench.solvers import Solver

SUFFIX = ".benchmark.yaml"


def collector(path: Path, parent: pytest.Collector) -> BenchmarkFile | None:
    """Return the collector of a file, and note its benchmark's name; None for a packaged one that `-k` does not name.

    A packaged one is known by the name of its file: a run of another benchmark reads none of them.

    pytest finds all files of a folder before it reads the first, so that `-k capitals` is known to name a benchmark
    when another one is read: that one's data are then not loaded, which may be large, or broken.
    """
    name = path.name.removesuffix(SUFFIX)
    if name in PACKAGED:
        parent.config.stash.setdefault(FOUND, set()).add(name)
        if not Keyword(parent.config.getoption("keyword"), [name]).named:
            return None
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:  # is told when the file is read
        text = ""
    names = re.findall(r"""^name:[ \t]*["']?(\w+)""", text, re.MULTILINE)
    parent.config.stash.setdefault(FOUND, set()).update(names)
    return BenchmarkFile.from_parent(parent, path=path)


class BenchmarkFile(pytest.Module):
    """The collector of one file: a generated module with one test, which asks the questions of the data set."""

    def _getobj(self) -> ModuleType:
        try:
            spec = self._spec()
        except UserError as error:
            raise self.CollectError(str(error)) from None
        module = ModuleType(spec.name, spec.description)
        setattr(module, f"test_{spec.name}", _test_of(spec, self.path))
        return module

    def _spec(self) -> Spec:
        name = self.path.name.removesuffix(SUFFIX)
        if name in PACKAGED and self.path.read_bytes() == path_of(name).read_bytes():
            return datasets.find(name)  # it, or the copy of it that `mmlubench init` makes
        spec = description.read(self.path)
        if spec.name in datasets.NAMES:  # figures of other questions must not pass for those of our benchmark
            copied = name in PACKAGED and spec.name == name
            older = (
                "; a copy of ours from another version: delete it and run `mmlubench init`" if copied else ""
            )
            raise UserError(
                f"{self.path}: name {spec.name} belongs to a benchmark of mmlubench; give yours another name{older}."
            )
        return spec


def _test_of(spec: Spec, file: Path) -> Callable[..., Coroutine[Any, Any, None]]:
    @pytest.mark.questions(spec.name if spec.name in PACKAGED else spec)
    async def test(question: Question, solver: Solver) -> None:
        answer = await solver(question)
        assert answer.letter == question.answer, answer.explanation

    test.__name__ = test.__qualname__ = f"test_{spec.name}"
    # So that reports show the user's file as the place of the test, not this one.
    test.__code__ = test.__code__.replace(co_filename=str(file), co_firstlineno=1)
    return test

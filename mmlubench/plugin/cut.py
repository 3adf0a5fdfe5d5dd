"""The cut of a run into shards: which cases are made here, and the place of each in the run as a whole.

Places are counted over the cases of all shards, in pytest's order, so that `mmlubench merge` can write their results in
the order of the run without shards. They have gaps, and are no positions in pytest's collection.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.errors import UserError
from mmlubench.plugin.cases import Case
from mmlubench.plugin.template import Template
from mmlubench.run.run import selection_key
from mmlubench.run.sharding import Shard
from mmlubench.schema import Question

#: Makes the case of a label and the position of its question.
_Make = Callable[[str, int], Case]


class _Block:
    """The cases of one test function, in all shards."""

    def __init__(self, labels: Sequence[str], questions: Sequence[Question] | None, make: _Make) -> None:
        self.labels, self.make = list(labels), make
        self.rows = 1 if questions is None else len(questions)
        """The number of places of each label."""
        self.has_questions = questions is not None
        self.wanted: Counter[str] = Counter()
        """The number of selected cases in all shards, by label."""
        self.own = 0
        """The number of questions of this shard."""
        self.here = 0
        """The number of cases of this shard."""
        self.digest = ""
        """The hash of what is asked in all shards."""
        self.start = -1
        """The place of its first case; -1 until it is known."""


class Cut:
    """The cases of one shard in one process."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._blocks: dict[Template, _Block] = {}
        self._elsewhere: set[Template] = set()
        """The templates of which no case belongs to this shard: one is collected all the same, to learn its place."""

    def cases(
        self,
        template: Template,
        labels: Sequence[str],
        questions: Sequence[Question] | None,
        make: _Make,
        keeps: Callable[[Case], bool] | None = None,
    ) -> Iterator[Case]:
        """Yield the cases of this shard; `keeps` says which cases are selected at all, None for all of them.

        Without `questions` it is a test of the user's own, which belongs to one shard, so that it asks once.
        """
        block = _Block(labels, questions, make)
        ids = [template.item.nodeid] if questions is None else [question.id for question in questions]
        if not ids or not labels:
            return
        own = [n for n, one in enumerate(ids) if self._shard.includes(one)]
        block.own = len(own)
        made, stand_in = self._made(block, own, len(ids), keeps)
        if stand_in is None:
            return
        block.here = len(made)
        block.digest = sha256(orjson.dumps([*labels, *map(ascii, ids)])).hexdigest()
        self._blocks[template] = block
        if not made:
            self._elsewhere.add(template)
        yield from made or [stand_in]

    def _made(
        self, block: _Block, own: Sequence[int], there: int, keeps: Callable[[Case], bool] | None
    ) -> tuple[list[Case], Case | None]:
        """Return the cases of this shard, and one of any shard; None if nothing is selected."""
        if keeps is None:
            block.wanted.update(dict.fromkeys(block.labels, there))
            made = [block.make(label, n) for label in block.labels for n in own]
            return made, made[0] if made else block.make(block.labels[0], 0)
        here, made, stand_in = set(own), [], None
        for label in block.labels:
            for n in range(there):
                if keeps(case := block.make(label, n)):
                    stand_in = stand_in or case
                    block.wanted[label] += 1
                    made += [case] if n in here else []
        return made, stand_in

    def settle(self, items: list[pytest.Item]) -> list[Case]:
        """Learn the places from pytest's final order; take out the cases of other shards, and return them."""
        end, left_out = 0, []
        for item in items:
            block = self._blocks.get(item.template) if isinstance(item, Case) else None
            if isinstance(item, Case) and block is not None:
                if block.start < 0:
                    block.start, end = end, end + block.rows * len(block.labels)
                if item.template in self._elsewhere:
                    left_out.append(item)
        others = set(left_out)
        items[:] = [item for item in items if item not in others]
        return left_out

    def check_whole(self, cases: Iterable[Case], left_out_by: str) -> None:
        """Raise UserError if a test is run in part: the merge would take these cases for all of the shard.

        A test that is left out as a whole, as by `-m`, is left out of all shards.
        """
        kept = Counter(case.template for case in cases)
        for template, block in self._placed():
            if kept[template] < block.here:
                raise UserError(
                    f"a shard asks all of its questions, as they count for the whole run: {left_out_by} left out "
                    f"{block.here - kept[template]:,} of its {block.here:,} cases of {template.item.name}; leave that "
                    "out."
                )

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return how many cases of each benchmark are run in all shards, and how many there would be of all tests."""
        found: dict[str, tuple[int, int]] = {}
        for template, block in self._blocks.items():
            if block.has_questions:
                kept, made = found.get(template.benchmark, (0, 0))
                of_test = sum(block.wanted.values())
                found[template.benchmark] = kept + (of_test if block.start >= 0 else 0), made + of_test
        return found

    def place(self, case: Case) -> int:
        """Return the place of a case in the run as a whole."""
        block = self._blocks[case.template]
        return block.start + block.labels.index(case.label) * block.rows + case.place

    def all_cases(self) -> list[Case]:
        """Return cases that tell whether tests ask the same: those of all shards where tests share their figures."""
        groups: dict[tuple[str, str], list[_Block]] = defaultdict(list)
        for template, block in self._placed():
            if block.has_questions:
                groups[template.benchmark, template.recipe].append(block)
        several = [block for blocks in groups.values() if len(blocks) > 1 for block in blocks]
        return [
            block.make(label, n) for block in several for label in block.labels for n in range(block.rows)
        ]

    def facts(self) -> dict[str, Any]:
        """Return what the shards of one run have in common, and the number of questions of this one.

        `cases` are those of all shards by benchmark and `selection_key`, `places` the number of places, `selection` a
        hash of what is asked, `tests` hashes of the files of tests, `own` the number of cases of this shard, and
        `questions` those of this shard and of all.
        """
        cases: dict[str, Counter[str]] = {}
        selection = sha256()
        for template, block in self._placed():
            selection.update(
                f"{template.item.nodeid} {template.recipe} {block.digest}\n".encode("utf-8", "replace")
            )
            for label, wanted in block.wanted.items() if block.has_questions else ():
                of = cases.setdefault(template.benchmark, Counter())
                of[selection_key(label, template.recipe)] += wanted
        asking = [block for _, block in self._placed() if block.has_questions]
        return {
            "cases": {name: dict(of) for name, of in cases.items()},
            "places": sum(block.rows * len(block.labels) for _, block in self._placed()),
            "selection": selection.hexdigest(),
            "tests": {
                name: sha256(path.read_bytes()).hexdigest()[:12]
                for name, path in sorted(self._files().items())
            },
            "own": sum(block.here for block in self._blocks.values() if block.start >= 0),
            "questions": [sum(block.own for block in asking), sum(block.rows for block in asking)],
        }

    @property
    def templates(self) -> list[Template]:
        """The templates of the tests that are run in any shard, in order."""
        return [template for template, _ in self._placed()]

    @property
    def has_questions(self) -> bool:
        """Whether any test that is run in any shard has questions."""
        return any(block.has_questions for _, block in self._placed())

    @property
    def has_cases(self) -> bool:
        """Whether any shard has a case."""
        return any(True for _ in self._placed())

    @property
    def notice(self) -> str:
        """A line that says how much of the run this shard is."""
        own, there = self.facts()["questions"]
        return f"mmlubench: {self._shard.title}: {own:,} of {there:,} questions"

    def _files(self) -> dict[str, Path]:
        """Return the files of the tests that are run in any shard, by their names in the ids of tests."""
        items = [template.item for template, _ in self._placed()]
        return {item.nodeid.partition("::")[0]: item.path for item in items if item.path.is_file()}

    def _placed(self) -> list[tuple[Template, _Block]]:
        """Return the tests that are run in any shard, in order."""
        placed = [(template, block) for template, block in self._blocks.items() if block.start >= 0]
        return sorted(placed, key=lambda pair: pair[1].start)

"""The data of a run: its data sets, each read once, and the questions selected from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from itertools import accumulate
from typing import Any

from mmlubench import datasets, prompts
from mmlubench.datasets import DataSet, Spec
from mmlubench.datasets.assembly import fingerprint
from mmlubench.datasets.from_yaml.doubts import one_letter
from mmlubench.datasets.names import PACKAGED
from mmlubench.datasets.packed import Runs, pick, reordered, runs
from mmlubench.datasets.select import asking_order, positions, select
from mmlubench.errors import EmptySelection, UserError
from mmlubench.figures import several
from mmlubench.run.data_filters import narrow
from mmlubench.run.roster import Roster
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Question
from mmlubench.settings import Settings

_OWN_ROWS = "the test's own rows"
#: The source of a test's questions: the data set that a YAML describes, the test's own rows, or None for a data set
#: that is known by name.
Origin = Spec | Sequence[Question] | None


class RunData:
    """The data sets of one process, by the name of their benchmark."""

    def __init__(self, settings: Settings, roster: Roster, strategy: Strategy) -> None:
        self.seen: set[str] = set()
        """Benchmarks that were found, selected or not."""
        self.empty_selection: EmptySelection | None = None
        """The error of a benchmark in which nothing was selected; another benchmark may have such questions."""
        self.chosen: dict[str, Sequence[Question]] = {}
        """The selected questions of each benchmark, in the order of its data."""
        self._settings = settings
        self._roster = roster
        self._strategy = strategy
        self._data: dict[str, DataSet] = {}
        self._origins: dict[str, Origin] = {}
        self._drawn_from: dict[str, int] = {}
        """The number of questions from which `--limit` drew those of a benchmark, where it left any out."""
        self._parts: dict[str, str] = {}
        """For each benchmark of which only a part of the selected cases is run, a notice that says so."""

    def questions(
        self,
        benchmark: str,
        origin: Origin,
        wanted: Callable[[Question], bool] | None,
        *,
        by_recipe: bool = True,
    ) -> Sequence[Question]:
        """Return the selected questions of a benchmark; `wanted` filters them before `--limit` is applied.

        `by_recipe` says that the recipe of the options will render them: it is then tried on them.
        """
        try:
            data = self._load(benchmark, origin, in_part=wanted is None)
            selected = (
                data.questions if data.left_unread else self._selected(benchmark, data.questions, wanted)
            )
        except EmptySelection as error:
            self.empty_selection = self.empty_selection or EmptySelection(f"{benchmark}: {error}")
            return ()
        if by_recipe:
            self._try_prompts(data, selected)
        self.chosen[benchmark] = selected
        return self._in_asking_order(selected)

    def _in_asking_order(self, selected: Sequence[Question]) -> Sequence[Question]:
        """Return the questions in the order of the data; in a random one if the run may end before the last of them."""
        settings = self._settings
        if settings.until is None and not settings.decide_early:
            return selected
        return reordered(selected, asking_order(selected, settings.seed, evenly=not settings.decide_early))

    def _selected(
        self, benchmark: str, candidates: Sequence[Question], wanted: Callable[[Question], bool] | None
    ) -> Sequence[Question]:
        settings = self._settings
        if wanted is not None:
            candidates = pick(candidates, (n for n, question in enumerate(candidates) if wanted(question)))
        self._note_draw(benchmark, runs(candidates))
        return select(
            candidates,
            subjects=settings.subject,
            categories=settings.category,
            limit=settings.limit,
            seed=settings.seed,
        )

    def examples(self, benchmark: str) -> Mapping[str, Sequence[Question]]:
        """Return the worked examples of a benchmark by subject."""
        return self._data[benchmark].examples if benchmark in self._data else {}

    def facts(self) -> dict[str, Any]:
        """Return the facts of the data sets that go into the manifest."""
        return {
            name: {
                "source": d.source,
                "revision": d.revision,
                "sha256": d.sha256,
                "notice": self._notice(name),
                **({"is_part": True} if name in self._parts else {}),
                "questions": len(d.questions) + d.left_unread,
                "complete_size": self._complete_size(name, d),
                **({"questions_read": len(d.questions)} if d.left_unread else {}),
                **self._draw(name),
            }
            for name, d in self._data.items()
        }

    def _complete_size(self, name: str, data: DataSet) -> int:
        """Return the number of questions of the complete data set, of which `data` may be a part or a sample."""
        origin = self._origins[name]
        spec = datasets.find(name) if origin is None else origin
        if isinstance(spec, Spec) and spec.size:
            return spec.size
        return len(data.questions) + data.left_unread

    def _note_draw(self, benchmark: str, found: Runs) -> None:
        settings = self._settings
        there = positions(found, subjects=settings.subject, categories=settings.category)
        self._drawn_from[benchmark] = sum(1 for _ in there) if settings.limit is not None else 0

    def _draw(self, benchmark: str) -> dict[str, int]:
        """Return how many questions `--limit` drew, and from how many; nothing if it left none out."""
        limit, there = self._settings.limit, self._drawn_from.get(benchmark, 0)
        return {"limit": limit, "drawn_from": there} if limit is not None and limit < there else {}

    def lines(self) -> list[str]:
        """Return a line for the terminal for each data set that was loaded."""
        return [
            f"mmlubench: {name}: {several(len(d.questions) + d.left_unread, 'question')} from {d.source}"
            + (f"; {self._notice(name)}" if self._notice(name) else "")
            for name, d in self._data.items()
        ]

    def note_part(self, benchmark: str, kept: int, made: int, left_out_by: str) -> None:
        """Note that only `kept` of the `made` cases of a benchmark are run, and by which options, if it is known."""
        why = left_out_by or "other arguments or plugins"
        self._parts[benchmark] = f"a part: {kept:,} of {several(made, 'case')}, as {why} left out the others"

    def _notice(self, benchmark: str) -> str:
        notices = (self._data[benchmark].notice, self._parts.get(benchmark, ""))
        return "; ".join(filter(None, notices))

    def why_nothing_selected(self, keyword: str, made: int = 0, left_out_by: str = "") -> str:
        """Return one sentence for an empty selection.

        `keyword` is the text of `-k`, `made` how many cases it selects, and `left_out_by` names options that may have
        left them out.
        """
        if made:
            why = left_out_by or "other arguments or plugins"
            return f"no case is left to ask: {several(made, 'case')} selected, and {why} left them out."
        chosen = [f"-k {keyword!r}"] if keyword else []
        chosen += [f"--subject {name}" for name in self._settings.subject]
        chosen += [f"--category {name}" for name in self._settings.category]
        if not self.seen:
            return (
                "no benchmark was found: name a folder that has one, as in `pytest benchmarks -k mmlu`; the packaged "
                "ones run from anywhere with `pytest --pyargs mmlubench.benchmarks -k mmlu`."
            )
        return (
            f"no case is selected by {' '.join(chosen) or 'these arguments'}: "
            f"benchmarks here are {', '.join(sorted(self.seen))}; "
            "a word of -k is part of a benchmark's name, a model, a subject or a row, as in -k 'mmlu and anatomy'"
            f"{_packaged_near(keyword, self.seen)}"
        )

    def _load(self, benchmark: str, origin: Origin, *, in_part: bool) -> DataSet:
        """Load the data of a benchmark, `in_part` if no more than the sample of `--limit` is needed of it."""
        loaded = self._data.get(benchmark)
        if loaded is not None and self._origins[benchmark] != origin:
            raise UserError(f"two tests call different questions {benchmark}; give one of them another name.")
        if loaded is None or (loaded.left_unread and not in_part):
            loaded, self._origins[benchmark] = self._read(benchmark, origin, in_part), origin
            self._data[benchmark] = loaded
        return loaded

    def _read(self, benchmark: str, origin: Origin, in_part: bool) -> DataSet:
        settings = self._settings
        source = settings.data or ("sample" if self._roster.only_mocks else "hub")
        if isinstance(origin, Spec) or origin is None:
            data = datasets.load(
                benchmark if origin is None else origin,
                source,
                allow_partial=settings.allow_partial_data,
                languages=settings.language,
                examples=self._strategy.recipe.shots > 0,
                choose=partial(self._sample, benchmark) if in_part and self._takes_a_sample else None,
                side=settings.split or "",
            )
        elif settings.split:
            raise EmptySelection(f"--split {settings.split}: its questions are its test's own; leave it out.")
        else:
            notice = "; ".join(one_letter(origin))
            data = DataSet(benchmark, tuple(origin), {}, _OWN_ROWS, "", fingerprint(origin), notice)
        return narrow(data, settings, source)

    @property
    def _takes_a_sample(self) -> bool:
        """Whether `--limit` draws from subjects and languages alone; anything else takes all questions to know."""
        settings = self._settings
        filters = (settings.category, settings.redux, settings.dedup, settings.max_question_tokens)
        return settings.limit is not None and not any(filters)

    def _sample(self, benchmark: str, found: Runs) -> Iterable[int]:
        settings = self._settings
        self._note_draw(benchmark, found)
        return positions(found, subjects=settings.subject, limit=settings.limit, seed=settings.seed)

    def _try_prompts(self, data: DataSet, questions: Sequence[Question]) -> None:
        """Render one question of each subject, so that a prompt that cannot work fails before anything is paid for."""
        found = runs(questions)
        ends = accumulate(count for _, count in found)
        last = {group.subject: end for (group, _), end in zip(found, ends, strict=True)}
        for end in last.values():
            question = questions[end - 1]
            prompts.render(self._strategy.recipe, question, prompts.examples_for(question, data.examples))


def _packaged_near(keyword: str, seen: Collection[str]) -> str:
    """End a sentence, with a hint at packaged benchmarks that only whole names select if words of `-k` are like one."""
    words = {*re.findall(r"\w{3,}", keyword.lower())} - {"and", "not", *map(str.lower, seen)}
    near = [name for name in PACKAGED if any(word in name for word in words)]
    near = near or [name for word in sorted(words) for name in get_close_matches(word, PACKAGED, n=2)]
    if not near:
        return "."
    which = " or ".join(dict.fromkeys(near))
    return f"; did you mean {which}, which only its whole name selects (`mmlubench data list` has them all)?"

"""What is asked: the data sets of the run, each read once, and the questions selected from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mmlubench import datasets, prompts
from mmlubench.datasets import DataSet, Spec
from mmlubench.datasets.assembly import fingerprint
from mmlubench.datasets.select import select
from mmlubench.errors import EmptySelection, UserError
from mmlubench.figures import several
from mmlubench.run.data_filters import narrow
from mmlubench.run.roster import Roster
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Question
from mmlubench.settings import Settings

_OWN_ROWS = "the test's own rows"
#: Where the questions of a mark come from: a data set that is known by name, one that a YAML describes, a test's rows.
Origin = Spec | Sequence[Question] | None


class RunData:
    """The data sets of one process by the name of their benchmark."""

    def __init__(self, settings: Settings, roster: Roster, strategy: Strategy) -> None:
        self.seen: set[str] = set()
        """Benchmarks that were found, selected or not."""
        self.empty_selection: EmptySelection | None = None
        """Why a benchmark has no questions of the kind asked for; another one may have some."""
        self._settings = settings
        self._answerers = roster
        self._strategy = strategy
        self._data: dict[str, DataSet] = {}
        self._origins: dict[str, Origin] = {}

    def questions(
        self,
        benchmark: str,
        origin: Origin,
        wanted: Callable[[Question], bool] | None,
        *,
        by_recipe: bool = True,
    ) -> list[Question]:
        """The selected questions of a benchmark; `wanted` narrows them before `--limit`.

        `by_recipe` says that the recipe of the options puts them, and has to suit them.
        """
        settings = self._settings
        try:
            data = self._load(benchmark, origin)
            candidates = [q for q in data.questions if wanted is None or wanted(q)]
            selected = select(
                candidates,
                subjects=settings.subject,
                categories=settings.category,
                limit=settings.limit,
                seed=settings.seed,
            )
        except EmptySelection as error:
            self.empty_selection = self.empty_selection or EmptySelection(f"{benchmark}: {error}")
            return []
        if by_recipe:
            self._try_prompts(data, selected)
        return selected

    def examples(self, benchmark: str) -> Mapping[str, Sequence[Question]]:
        """Worked examples by subject."""
        return self._data[benchmark].examples if benchmark in self._data else {}

    def facts(self) -> dict[str, Any]:
        """What the manifest says of the data."""
        return {
            name: {
                "source": d.source,
                "revision": d.revision,
                "sha256": d.sha256,
                "notice": d.notice,
                "questions": len(d.questions),
            }
            for name, d in self._data.items()
        }

    def lines(self) -> list[str]:
        """What is said of the data once they are loaded."""
        return [
            f"mmlubench: {name}: {several(len(d.questions), 'question')} from {d.source}"
            + (f"; {d.notice}" if d.notice else "")
            for name, d in self._data.items()
        ]

    def nothing_selected(self, keyword: str) -> str:
        """One sentence for a selection that is empty."""
        chosen = [f"-k {keyword!r}"] if keyword else []
        chosen += [f"--subject {name}" for name in self._settings.subject]
        chosen += [f"--category {name}" for name in self._settings.category]
        if not self.seen:
            return "no benchmark was found: name a folder that has one, as in `pytest benchmarks -k mmlu`."
        return (
            f"no case is selected by {' '.join(chosen) or 'these arguments'}: "
            f"benchmarks here are {', '.join(sorted(self.seen))}; "
            "a word of -k is part of a benchmark's name, a model, a subject or a row, as in -k 'mmlu and anatomy'."
        )

    def _load(self, benchmark: str, origin: Origin) -> DataSet:
        loaded = self._data.get(benchmark)
        if loaded is None:
            loaded, self._origins[benchmark] = self._read(benchmark, origin), origin
            self._data[benchmark] = loaded
        elif self._origins[benchmark] != origin:
            raise UserError(f"two tests call different questions {benchmark}; give one of them another name.")
        return loaded

    def _read(self, benchmark: str, origin: Origin) -> DataSet:
        settings = self._settings
        source = settings.data or ("sample" if self._answerers.only_mocks else "hub")
        if isinstance(origin, Spec) or origin is None:
            data = datasets.load(
                benchmark if origin is None else origin,
                source,
                allow_partial=settings.allow_partial_data,
                languages=settings.language,
                examples=self._strategy.recipe.shots > 0,
            )
        else:
            data = DataSet(benchmark, tuple(origin), {}, _OWN_ROWS, "", fingerprint(origin))
        return narrow(data, settings, source)

    def _try_prompts(self, data: DataSet, questions: Iterable[Question]) -> None:
        """Render one question of each subject: a prompt that cannot work is told before anything is paid for."""
        for question in {q.subject: q for q in questions}.values():
            prompts.render(self._strategy.recipe, question, data.examples.get(question.subject, ()))

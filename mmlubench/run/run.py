"""One benchmark run as one process sees it: the object that plugin, dialogues and commands build on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mmlubench import models
from mmlubench.models import ModelSpec
from mmlubench.models.base import Model
from mmlubench.run.data import RunData
from mmlubench.run.roster import Roster
from mmlubench.run.share import Share
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Question, Scoring
from mmlubench.settings import Settings
from mmlubench.solvers import Solver


class Run:
    """What is asked of whom, and how. Everything is made on first use: a run that asks no model pays for nothing.

    `settings` are the user's options; `share` is this process's part of the run, all of it by default. `specs` are
    the models under test by label, in place of those that `--model` names. `note_spent` is told how many US dollars of
    the share's part of `--max-cost` are gone.
    """

    def __init__(
        self,
        settings: Settings,
        share: Share | None = None,
        *,
        specs: Mapping[str, ModelSpec] | None = None,
        note_spent: Callable[[float], object] | None = None,
    ) -> None:
        self.settings = settings
        self.share = share or Share()
        self.roster = Roster(settings, self.share, specs, note_spent)
        self.strategy = Strategy(settings)
        self.data = RunData(settings, self.roster, self.strategy)
        self.questions: dict[str, list[Question]] = {}
        """The selected questions by the label of the model that is asked, in the order of the run."""
        """Those alone that are put by the options; a solver of the user's own cannot be estimated."""
        self._selected: Counter[tuple[str, str]] = Counter()
        """How many cases were selected, by benchmark and `selection_key`."""
        self._asked: dict[str, None] = {}
        """The models of these cases."""
        self._scored: dict[str, None] = {}
        """The models that are scored as the options say."""
        self.own_recipes: dict[str, None] = {}
        """What stands in for the recipe of the options, where there is anything."""
        self._solvers: dict[tuple[str, str], Solver] = {}
        self._scoring: dict[str, Scoring] = {}
        """How each model is scored, once that was found out."""

    def check(self) -> None:
        """Raise UserError for options, models or prompts that make no sense: nothing was asked yet."""
        self.strategy.check()
        _ = self.roster.specs

    def select(self, label: str, question: Question, recipe: str = "", *, scored: bool = True) -> None:
        """Take a question into the run, to be asked of the model of that label.

        `recipe` is what the question is put with where that is not the recipe of the options, `scored` says whether
        the solver of the options asks that model.
        """
        self._selected[question.benchmark, selection_key(label, recipe)] += 1
        self._asked[label] = None
        if scored:
            self._scored[label] = None
        if recipe:
            self.own_recipes[recipe] = None
        else:
            self.questions.setdefault(label, []).append(question)

    def solver(self, label: str, benchmark: str) -> Solver:
        """Return the solver that the options ask for, over a model under test, with a benchmark's worked examples."""
        if (label, benchmark) not in self._solvers:
            self._solvers[label, benchmark] = self.strategy.repeated(self.plain_solver(label, benchmark))
        return self._solvers[label, benchmark]

    def plain_solver(self, label: str, benchmark: str, model: Model | None = None) -> Solver:
        """Return the solver of the options that puts a question once, over `model` in place of that of the label."""
        seats, scoring = self.roster.seats(label, model), self._scoring.get(label, Scoring.TEXT)
        return self.strategy.plain_solver(seats, scoring, self.data.examples(benchmark))

    async def settle_scoring(self) -> None:
        """Find out how each model is scored; a server may have to be asked. Raises ModelError if it cannot be done."""
        asked = self.strategy.scoring
        for label in self._scored:
            spec = self.roster.specs[label]
            if asked is not Scoring.TEXT:
                self._scoring[label] = await models.choose_scoring(self.roster.model(label), spec, asked)
            elif self.strategy.is_raw:
                models.check_raw(spec)

    @property
    def labels(self) -> list[str]:
        """The models that are asked, by label: those of the selected questions; all of --model before any is known."""
        return list(self._asked or self.roster.specs)

    @property
    def has_selected(self) -> bool:
        """Whether any question was taken into the run; a controller of workers never takes one."""
        return bool(self._asked)

    @property
    def must_settle_scoring(self) -> bool:
        """Whether `settle_scoring` has anything to find out; the letters of chats are simply read."""
        return bool(self._scored) and (self.strategy.scoring is not Scoring.TEXT or self.strategy.is_raw)

    def facts(self) -> dict[str, Any]:
        """Return what is known of the data of each benchmark, and how many cases were selected for each model."""
        return {
            name: {**facts, "cases": {key: n for (of, key), n in self._selected.items() if of == name}}
            for name, facts in self.data.facts().items()
        }


def selection_key(label: str, recipe: str) -> str:
    """Name a model's cases among those of a benchmark; `recipe` is that of `schema.Entry`."""
    return f"{label}, {recipe}" if recipe else label

"""One benchmark run as one process sees it: the object that plugin, dialogues and commands build on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mmlubench import models
from mmlubench.models import ModelSpec
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
        self._solvers: dict[tuple[str, str], Solver] = {}
        self._scoring: dict[str, Scoring] = {}
        """How each model is scored, once that was found out."""

    def check(self) -> None:
        """Raise UserError for options, models or prompts that make no sense: nothing was asked yet."""
        self.strategy.check()
        _ = self.roster.specs

    def select(self, label: str, question: Question) -> None:
        """Take a question into the run, to be asked of the model of that label."""
        self.questions.setdefault(label, []).append(question)

    def solver(self, label: str, benchmark: str) -> Solver:
        """Return the solver that the options ask for, over a model under test, with a benchmark's worked examples."""
        if (label, benchmark) not in self._solvers:
            examples = self.data.examples(benchmark)
            seats, scoring = self.roster.seats(label), self._scoring.get(label, Scoring.TEXT)
            self._solvers[label, benchmark] = self.strategy.solver(seats, scoring, examples)
        return self._solvers[label, benchmark]

    async def settle_scoring(self) -> None:
        """Find out how each model is scored; a server may have to be asked. Raises ModelError if it cannot be done."""
        asked = self.strategy.scoring
        for label in self.questions:
            spec = self.roster.specs[label]
            if asked is not Scoring.TEXT:
                self._scoring[label] = await models.choose_scoring(self.roster.model(label), spec, asked)
            elif self.strategy.is_raw:
                models.check_raw(spec)

    @property
    def must_settle_scoring(self) -> bool:
        """Whether `settle_scoring` has anything to find out; the letters of chats are simply read."""
        return bool(self.questions) and (self.strategy.scoring is not Scoring.TEXT or self.strategy.is_raw)

    def facts(self) -> dict[str, Any]:
        """Return what is known of the data of each benchmark, and how many cases were selected for each model."""
        selected = Counter((q.benchmark, label) for label, asked in self.questions.items() for q in asked)
        return {
            name: {**facts, "cases": {label: n for (of, label), n in selected.items() if of == name}}
            for name, facts in self.data.facts().items()
        }

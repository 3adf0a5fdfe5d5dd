"""What a solver says of itself before anything is asked, and what it is built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmlubench.grading import read_answer
from mmlubench.models.base import Model
from mmlubench.models.spec import ModelSpec
from mmlubench.prompts import Recipe, Role, render
from mmlubench.prompts.render import request_of
from mmlubench.schema import Answer, Completion, Params, Question, Request, Scoring
from mmlubench.settings import Settings
from mmlubench.solvers.base import Solver

#: Options for solvers that put their questions by the recipe.
RECIPE_OPTIONS = ("--recipe", "--prompt", "--system", "--shots")
#: Options that only some solvers heed. The others refuse them, as they would pass over them in silence.
NOT_FOR_ALL = (
    *RECIPE_OPTIONS,
    *("--scoring", "--constrained", "--agent-model", "--initial-prompt", "--rounds", "--agents"),
    "--collaborative-prompt",
)


@dataclass(frozen=True, slots=True)
class Seat:
    """A model that is asked, what is known of it, and the sampling parameters it is asked with."""

    model: Model
    spec: ModelSpec
    params: Params


@dataclass(frozen=True)
class SolverContext:
    """What a solver is built from: once for each model and data set, before the first question."""

    settings: Settings
    """The options of the run."""
    seats: Sequence[Seat]
    """The model under test; with `--agent-model` the model of each agent, in turn."""
    recipe: Recipe
    """How a question is put: `--recipe` or `--prompt`, and the options that change it."""
    examples: Mapping[str, Sequence[Question]]
    """Worked examples by subject; empty for a data set without any."""
    extraction: str
    """The name of the rules that read a letter from a reply."""
    scoring: Scoring = Scoring.TEXT
    """Whether replies are read, or in which way letters are compared by their log-probability."""
    roles: tuple[Role, ...] = ()
    """The prompts that the solver's `SolverKind.roles` gave."""

    @property
    def model(self) -> Model:
        """The model under test, with store, limits and retries around it."""
        return self.seats[0].model

    @property
    def params(self) -> Params:
        """The sampling parameters for it."""
        return self.seats[0].params

    def request(self, question: Question) -> Request:
        """Write the question as the recipe has it. Raises PromptError."""
        messages = render(self.recipe, question, self.examples.get(question.subject, ()))
        return request_of(question, self.recipe, messages, self.params)

    def read(self, question: Question, completion: Completion) -> Answer:
        """Read the letter of a reply; without one the answer says why there is none."""
        return read_answer(question, completion, self.extraction)


def _once(_settings: Settings) -> int:
    return 1


def _no_roles(_settings: Settings) -> tuple[Role, ...]:
    return ()


def _all_well(_settings: Settings) -> None:
    return None


@dataclass(frozen=True, slots=True)
class SolverKind:
    """A solver as `--solver` names it. Everything but `build` has a default, so `SolverKind(MySolver)` is one."""

    build: Callable[[SolverContext], Solver]
    """Makes the solver: a class with `__init__(self, context)`, or a function."""
    calls: Callable[[Settings], int] = _once
    """How many requests it makes for a question, retries not counted; `--estimate` relies on it."""
    at_once: Callable[[Settings], int] = _once
    """How many of them are under way at a time, at most."""
    heeds: tuple[str, ...] = ()
    """Which of `NOT_FOR_ALL` it heeds, for example `RECIPE_OPTIONS`."""
    roles: Callable[[Settings], tuple[Role, ...]] = _no_roles
    """Reads the prompts of its agents, which the manifest names. Raises PromptError."""
    title: Callable[[Settings], str] | None = None
    """What figures go by, beside the recipe where that is heeded; None: the name it was asked by."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Sampling parameters, under the names of `Params`, that go before the defaults of model and recipe."""
    check: Callable[[Settings], None] = _all_well
    """Raises UserError for options that make no sense together."""

    @property
    def uses_recipe(self) -> bool:
        """Whether questions are put by the recipe."""
        return "--recipe" in self.heeds

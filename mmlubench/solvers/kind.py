"""The kinds of solvers: what a solver declares before anything is asked, and the context that it is built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmlubench.grading import read_answer
from mmlubench.models.base import Model
from mmlubench.models.spec import ModelSpec
from mmlubench.prompts import Recipe, Role, examples_for, render
from mmlubench.prompts.render import request_of
from mmlubench.schema import Answer, Completion, Params, Question, Request, Scoring
from mmlubench.settings import Settings
from mmlubench.solvers.base import Solver

#: The options of solvers that render questions by the recipe.
RECIPE_OPTIONS = ("--recipe", "--prompt", "--system", "--shots")
#: The options that have an effect on some solvers only; they are refused for the others instead of being ignored.
NOT_FOR_ALL = (
    *RECIPE_OPTIONS,
    *("--scoring", "--constrained", "--agent-model", "--initial-prompt", "--rounds", "--agents"),
    "--collaborative-prompt",
)


@dataclass(frozen=True, slots=True)
class Seat:
    """A model that is asked, its spec, and the sampling parameters of its requests."""

    model: Model
    spec: ModelSpec
    params: Params


@dataclass(frozen=True)
class SolverContext:
    """The context that a solver is built from, once for each model and data set, before the first question."""

    settings: Settings
    """The options of the run."""
    seats: Sequence[Seat]
    """The model under test, or with `--agent-model` the models of the agents in order."""
    recipe: Recipe
    """The recipe of `--recipe` or `--prompt`, with the options that change it."""
    examples: Mapping[str, Sequence[Question]]
    """Worked examples by subject; empty for a data set without any."""
    extraction: str
    """The name of the rules that read a letter from a reply."""
    scoring: Scoring = Scoring.TEXT
    """The way of scoring: replies are read, or letters are compared by their log-probability."""
    roles: tuple[Role, ...] = ()
    """The prompts that `SolverKind.roles` of the solver returned."""

    @property
    def model(self) -> Model:
        """The model under test, with store, limits and retries around it."""
        return self.seats[0].model

    @property
    def params(self) -> Params:
        """The sampling parameters for the model under test."""
        return self.seats[0].params

    def request(self, question: Question) -> Request:
        """Return the request that asks the question by the recipe. Raises PromptError."""
        messages = render(self.recipe, question, examples_for(question, self.examples))
        return request_of(question, self.recipe, messages, self.params)

    def read(self, question: Question, completion: Completion) -> Answer:
        """Read the letter of a reply; an answer without a letter says why it has none."""
        return read_answer(question, completion, self.extraction)


def _once(_settings: Settings) -> int:
    return 1


def _no_roles(_settings: Settings) -> tuple[Role, ...]:
    return ()


def _no_check(_settings: Settings) -> None:
    return None


@dataclass(frozen=True, slots=True)
class SolverKind:
    """A solver as `--solver` names it. Only `build` has no default, so that `SolverKind(MySolver)` is enough."""

    build: Callable[[SolverContext], Solver]
    """Makes the solver: a class with `__init__(self, context)`, or a function."""
    calls: Callable[[Settings], int] = _once
    """The number of requests for a question, without retries."""
    at_once: Callable[[Settings], int] = _once
    """The most requests for a question that are in flight at the same time."""
    heeds: tuple[str, ...] = ()
    """The options of `NOT_FOR_ALL` that have an effect on this solver, for example `RECIPE_OPTIONS`."""
    roles: Callable[[Settings], tuple[Role, ...]] = _no_roles
    """Reads the prompts of its agents, which the manifest records. Raises PromptError."""
    title: Callable[[Settings], str] | None = None
    """The name in figures, before that of the recipe if the solver uses one; None for the name given to `--solver`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Sampling parameters, under the names of `Params`, that override the defaults of model and recipe."""
    check: Callable[[Settings], None] = _no_check
    """Raises UserError for options that make no sense together."""

    @property
    def uses_recipe(self) -> bool:
        """Whether questions are rendered by the recipe."""
        return "--recipe" in self.heeds

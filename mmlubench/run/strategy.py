"""How a question is put: recipe, parameters, and the solver that the options ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from mmlubench import prompts
from mmlubench.engine.journal import current_epoch, current_journal
from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.grading import find_extraction
from mmlubench.models import ModelSpec
from mmlubench.models.base import Model
from mmlubench.prompts import Role
from mmlubench.schema import Answer, Params, Question, Scoring
from mmlubench.settings import Settings
from mmlubench.solvers import (
    NOT_FOR_ALL,
    Repeated,
    Seat,
    Solver,
    SolverContext,
    SolverKind,
    find_solver,
    read_reducer,
    solvers_that_heed,
)


class Strategy:
    """What the options say of asking. Nothing here depends on which model is asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def kind(self) -> SolverKind:
        """What the solver says of itself. Raises UserError for a name that is none."""
        return find_solver(self._settings.solver)

    @cached_property
    def recipe(self) -> prompts.Recipe:
        """How questions are put. Raises PromptError."""
        settings = self._settings
        return prompts.load_recipe(settings.recipe, settings.prompt, settings.shots, settings.system)

    @cached_property
    def extraction(self) -> str:
        """How letters are read. Raises UserError for a name that is none."""
        name = self._settings.extraction or self.recipe.extraction
        find_extraction(name)
        return name

    @property
    def scoring(self) -> Scoring:
        """Whether replies are read, or letters compared by their probability."""
        return Scoring(self._settings.scoring or (self.recipe.scoring if self._is_scored else Scoring.TEXT))

    def check(self) -> None:
        """Raise UserError, or PromptError, for options that make no sense: nothing was asked yet."""
        settings = self._settings
        _ = self.extraction, self._roles
        read_reducer(settings.epochs_reducer, settings.epochs)
        if settings.constrained and self.scoring is not Scoring.TEXT:
            raise UserError(
                f"--constrained holds replies to letters, and --scoring {self.scoring} reads none: give one."
            )
        self.kind.check(settings)
        for flag in NOT_FOR_ALL:
            if flag not in self.kind.heeds and self._is_given(flag):
                raise UserError(
                    f"{flag} has no meaning with --solver {settings.solver}: leave it out, "
                    f"or take --solver {' or '.join(solvers_that_heed(flag))}."
                )

    @property
    def is_raw(self) -> bool:
        """Whether prompts are to be continued as they stand, without the chat template of the model."""
        return self.kind.uses_recipe and self.recipe.raw

    @property
    def calls(self) -> int:
        """How many requests a question takes, retries not counted."""
        return self.kind.calls(self._settings) * self._settings.epochs

    @property
    def at_once(self) -> int:
        """How many requests a question has under way at a time, at most."""
        return self.kind.at_once(self._settings) * self._settings.epochs

    @property
    def notice(self) -> str:
        """What a user may want to know of the options before the run; mostly nothing."""
        settings = self._settings
        varies = settings.temperature or self.kind.parameters.get("temperature")
        if settings.epochs == 1 or settings.shuffle_choices or varies:
            return ""
        return "epochs at temperature 0 mostly repeat one another: give --temperature, or --shuffle-choices"

    @property
    def name(self) -> str:
        """What the figures go by: the recipe, or how the agents work together, and where the options depart from it."""
        return ", ".join(filter(None, (self._title, self._recipe_name, *self._departures())))

    @property
    def heading(self) -> str:
        """The same for the head of a run, where a recipe has its version."""
        versioned = self._recipe_name and f"recipe {self.recipe.name} v{self.recipe.version}"
        return ", ".join(filter(None, (self._title, versioned, *self._departures())))

    @property
    def _title(self) -> str:
        """How the solver calls itself; empty where the recipe alone says how it asks."""
        settings = self._settings
        return settings.solver if self.kind.title is None else self.kind.title(settings)

    @property
    def _recipe_name(self) -> str:
        return self.recipe.name if self.kind.uses_recipe else ""

    def _departures(self) -> Iterator[str]:
        """What makes the figures others than those of the plain recipe: read without it, they would mislead."""
        settings, recipe = self._settings, self.recipe
        written = prompts.load_recipe(settings.recipe, settings.prompt)
        if recipe.shots != written.shots:
            yield several(recipe.shots, "shot")
        if recipe.system != written.system:
            yield "own system prompt"
        if self.extraction != written.extraction:
            yield f"read by {self.extraction}"
        if self._is_scored and self.scoring != written.scoring:
            yield f"scored by {self.scoring}"
        if settings.constrained:
            yield "constrained"
        yield from self.repeats()

    def repeats(self) -> Iterator[str]:
        """Yield what --epochs and --shuffle-choices make of any recipe or solver; mostly nothing."""
        settings = self._settings
        if settings.shuffle_choices:
            yield "shuffled choices"
        if settings.epochs > 1:
            yield f"{settings.epochs_reducer} of {settings.epochs} epochs"

    def facts(self) -> dict[str, Any]:
        """What the manifest says."""
        roles = [{"name": role.name, "source": role.source, "sha256": role.sha256} for role in self._roles]
        return {"solver": self._settings.solver, "extraction": self.extraction, "roles": roles}

    def params(self, spec: ModelSpec) -> Params:
        """Sampling parameters: the command line before the model's own defaults before the recipe's."""
        recipe, settings = self.recipe, self._settings
        asked: dict[str, Any] = {"temperature": 0.0, "max_tokens": recipe.max_tokens, "stop": recipe.stop}
        if recipe.temperature is not None:
            asked["temperature"] = recipe.temperature
        asked |= spec.parameters
        asked |= self.kind.parameters
        for name in ("temperature", "max_tokens"):
            if getattr(settings, name) is not None:
                asked[name] = getattr(settings, name)
        return Params(**asked)

    def dropped(self, spec: ModelSpec) -> list[str]:
        """The parameters that are asked for and that the model does not take."""
        asked = () if spec.is_mock else self.params(spec).asked()
        return [name for name in asked if getattr(spec.capabilities, name, name) is None]

    def solver(
        self,
        seats: Sequence[tuple[Model, ModelSpec]],
        scoring: Scoring,
        examples: Mapping[str, Sequence[Question]],
    ) -> Solver:
        """Build the solver; `seats` are the model under test, or those of the agents, in turn."""
        return self.repeated(self.plain_solver(seats, scoring, examples))

    def plain_solver(
        self,
        seats: Sequence[tuple[Model, ModelSpec]],
        scoring: Scoring,
        examples: Mapping[str, Sequence[Question]],
    ) -> Solver:
        """Build the solver that puts a question once, whatever --epochs and --shuffle-choices say."""
        context = SolverContext(
            self._settings,
            [Seat(model, spec, self.params(spec)) for model, spec in seats],
            self.recipe,
            examples,
            self.extraction,
            scoring,
            self._roles,
        )
        return self.kind.build(context)

    def repeated(self, solver: Solver) -> Solver:
        """Put a solver's questions as often as --epochs says, and in the orders of --shuffle-choices."""
        settings = self._settings
        if settings.epochs == 1 and not settings.shuffle_choices:
            return solver
        shuffle, seed = settings.shuffle_choices, settings.seed
        return Repeated(
            _Numbered(solver), settings.epochs, settings.epochs_reducer, shuffle=shuffle, seed=seed
        )

    def _is_given(self, flag: str) -> bool:
        name = flag.lstrip("-").replace("-", "_")
        return bool(getattr(self._settings, name) != getattr(Settings, name))

    @property
    def _is_scored(self) -> bool:
        """Whether the solver can compare letters by their probability."""
        return "--scoring" in self.kind.heeds

    @cached_property
    def _roles(self) -> tuple[Role, ...]:
        """The prompts of the agents, in the order in which their solver takes them. Raises PromptError."""
        return self.kind.roles(self._settings)


class _Numbered:
    """A solver whose requests bear the number of their epoch: `Repeated` calls it once for each, in order."""

    def __init__(self, solver: Solver) -> None:
        self._solver = solver

    async def __call__(self, question: Question) -> Answer:
        """Solve the question. Raises what the solver raises."""
        journal = current_journal.get()
        number = journal.count(("epoch", question.id)) if journal else 0
        token = current_epoch.set(number)
        try:
            return await self._solver(question)
        finally:
            current_epoch.reset(token)

"""The strategy of a run: the recipe, sampling parameters and solver that the options ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from mmlubench import prompts
from mmlubench.engine.journal import current_epoch, current_journal
from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.grading import find_extraction
from mmlubench.models import ModelSpec
from mmlubench.models.base import Model
from mmlubench.models.reply_limit import class_of, is_cramped, reply_limit
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

#: Said of a reasoning model whose replies are no longer than those of any other.
_CRAMPED = ", without room to think as its context window is not known: give the entry a context_window"


class Strategy:
    """How the options want questions to be asked, whichever model is asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def kind(self) -> SolverKind:
        """The solver of the options. Raises UserError for an unknown name."""
        return find_solver(self._settings.solver)

    @cached_property
    def recipe(self) -> prompts.Recipe:
        """The recipe, with the options that change it. Raises PromptError."""
        settings = self._settings
        return prompts.load_recipe(settings.recipe, settings.prompt, settings.shots, settings.system)

    @cached_property
    def extraction(self) -> str:
        """The name of the rules that read letters. Raises UserError for an unknown name."""
        name = self._settings.extraction or self.recipe.extraction
        find_extraction(name)
        return name

    @property
    def scoring(self) -> Scoring:
        """The way of scoring: replies are read, or letters are compared by their log-probability."""
        return Scoring(self._settings.scoring or (self.recipe.scoring if self._is_scored else Scoring.TEXT))

    def check(self) -> None:
        """Raise UserError, or PromptError, for options that make no sense, before anything is asked."""
        settings = self._settings
        _ = self.extraction, self._roles
        read_reducer(settings.epochs_reducer, settings.epochs)
        if settings.constrained and self.scoring is not Scoring.TEXT:
            raise UserError(
                f"--constrained limits replies to letters, and --scoring {self.scoring} reads no reply: "
                "leave one of them out."
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
        """The number of requests that a question takes, without retries."""
        return self.kind.calls(self._settings) * self._settings.epochs

    @property
    def at_once(self) -> int:
        """The most requests that a question has in flight at the same time."""
        return self.kind.at_once(self._settings) * self._settings.epochs

    @property
    def notice(self) -> str:
        """Hints about the options, shown before the run; mostly empty."""
        return "; ".join(self._hints())

    def _hints(self) -> Iterator[str]:
        settings = self._settings
        if settings.prompt and self.kind.uses_recipe and not prompts.shows_choices(self.recipe):
            yield (
                f"the template of {settings.prompt} does not show every choice, so that a letter may have to be "
                "guessed: `options` prints them"
            )
        varies = settings.temperature or self.kind.parameters.get("temperature")
        if settings.epochs > 1 and not settings.shuffle_choices and not varies:
            yield "epochs at temperature 0 mostly repeat one another: give --temperature, or --shuffle-choices"

    @property
    def name(self) -> str:
        """The name under which figures are reported: the recipe or solver, and the options that change it."""
        return ", ".join(filter(None, (self._title, self._recipe_name, *self._departures())))

    @property
    def heading(self) -> str:
        """The name for the header of a run, which gives the version of the recipe, too."""
        versioned = self._recipe_name and f"recipe {self.recipe.name} v{self.recipe.version}"
        return ", ".join(filter(None, (self._title, versioned, *self._departures())))

    @property
    def _title(self) -> str:
        """The solver's own title; empty if the recipe alone describes it."""
        settings = self._settings
        return settings.solver if self.kind.title is None else self.kind.title(settings)

    @property
    def _recipe_name(self) -> str:
        return self.recipe.name if self.kind.uses_recipe else ""

    def _departures(self) -> Iterator[str]:
        """Yield the options that change the recipe: under its bare name, such figures would mislead."""
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
        """Yield the effects of --epochs and --shuffle-choices on any recipe or solver; mostly nothing."""
        settings = self._settings
        if settings.shuffle_choices:
            yield "shuffled choices"
        if settings.epochs > 1:
            yield f"{settings.epochs_reducer} of {settings.epochs} epochs"

    def facts(self) -> dict[str, Any]:
        """Return the facts that go into the manifest."""
        roles = [{"name": role.name, "source": role.source, "sha256": role.sha256} for role in self._roles]
        return {"solver": self._settings.solver, "extraction": self.extraction, "roles": roles}

    def params(self, spec: ModelSpec) -> Params:
        """Return the sampling parameters. The command line wins, then the solver, then the model, then the recipe.

        A recipe of a published protocol has the limit of the protocol, any other recipe that of the model's class.
        """
        recipe, settings = self.recipe, self._settings
        limit = recipe.max_tokens if recipe.reproduces else reply_limit(spec, recipe.max_tokens)
        asked: dict[str, Any] = {"temperature": 0.0, "max_tokens": limit, "stop": recipe.stop}
        if recipe.temperature is not None:
            asked["temperature"] = recipe.temperature
        asked |= spec.parameters
        asked |= self.kind.parameters
        for name in ("temperature", "max_tokens"):
            if getattr(settings, name) is not None:
                asked[name] = getattr(settings, name)
        # Lists, as YAML and other people's solvers give them, become tuples: parameters are the keys of tables.
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in asked.items()}
        return Params(**given)

    def limits(self, specs: Iterable[ModelSpec]) -> str:
        """Return the most tokens of the models' replies; empty where an option says it, or where none is read."""
        asked = [spec for spec in specs if not spec.is_mock]
        if self._settings.max_tokens is not None or self.scoring is not Scoring.TEXT or not asked:
            return ""
        groups: dict[str, list[str]] = {}
        for spec in asked:
            most = self.params(spec).max_tokens
            if most is not None and spec.max_output_tokens is not None:
                most = min(most, spec.max_output_tokens)
            tokens = "any length" if most is None else f"at most {most:,} tokens"
            cramped = _CRAMPED if most == self.recipe.max_tokens and self._is_cramped(spec) else ""
            groups.setdefault(tokens, []).append(f"{spec.label}: {class_of(spec)}{cramped}")
        told = ", ".join(f"{tokens} ({', '.join(names)})" for tokens, names in groups.items())
        return f"replies of {told}; --max-tokens changes it"

    def _is_cramped(self, spec: ModelSpec) -> bool:
        return not self.recipe.reproduces and is_cramped(spec)

    def dropped(self, spec: ModelSpec) -> list[str]:
        """Return the parameters that are asked for but that the model does not accept."""
        asked = () if spec.is_mock else self.params(spec).asked()
        return [name for name in asked if getattr(spec.capabilities, name, name) is None]

    def solver(
        self,
        seats: Sequence[tuple[Model, ModelSpec]],
        scoring: Scoring,
        examples: Mapping[str, Sequence[Question]],
    ) -> Solver:
        """Build the solver; `seats` hold the model under test, or the models of the agents in order."""
        return self.repeated(self.plain_solver(seats, scoring, examples))

    def plain_solver(
        self,
        seats: Sequence[tuple[Model, ModelSpec]],
        scoring: Scoring,
        examples: Mapping[str, Sequence[Question]],
    ) -> Solver:
        """Build the solver without --epochs and --shuffle-choices: it asks a question once."""
        context = SolverContext(
            self._settings,
            [Seat(model, spec, self.params(spec)) for model, spec in seats],
            self.recipe,
            examples,
            self.extraction,
            scoring,
            self._roles,
        )
        solver = self.kind.build(context)
        if not callable(solver):
            raise UserError(
                f"--solver {self._settings.solver}: what it is made by returned {solver!r:.60}; "
                "return a mmlubench.Solver, which is awaited with a question."
            )
        return solver

    def repeated(self, solver: Solver) -> Solver:
        """Return a solver that applies --epochs and --shuffle-choices to another solver."""
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
        """The prompts of the agents, in the order that their solver expects. Raises PromptError."""
        return self.kind.roles(self._settings)


class _Numbered:
    """A solver that numbers the epochs of its requests: `Repeated` calls it once for each epoch, in order."""

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

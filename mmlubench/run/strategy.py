"""How a question is put: recipe, parameters, and the solver that the options ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from mmlubench import prompts
from mmlubench.engine.journal import current_epoch, current_journal
from mmlubench.errors import UserError
from mmlubench.grading import find_extraction, read_answer
from mmlubench.models import ModelSpec, top_logprobs
from mmlubench.models.base import Model
from mmlubench.prompts import ASKED, HEARD, Role, read_role
from mmlubench.reports.figures import several
from mmlubench.schema import Answer, Params, Question, Scoring
from mmlubench.settings import SOLVERS, Settings
from mmlubench.solvers import (
    Agent,
    Critique,
    Debate,
    JudgedDebate,
    Logprob,
    Repeated,
    SingleTurn,
    Solver,
    read_reducer,
)

#: Agents that sample the likeliest tokens would all say the same.
_AGENTS_TEMPERATURE = 0.7
#: Options that only some solvers heed; another one would pass over them in silence.
_USERS = {
    **dict.fromkeys(
        ("--recipe", "--prompt", "--system", "--shots", "--scoring", "--constrained"), ("single",)
    ),
    **dict.fromkeys(("--agent-model", "--initial-prompt", "--rounds"), SOLVERS[1:]),
    "--agents": ("self_consistency", "debate"),
    "--collaborative-prompt": ("debate", "debate_judge"),
}
#: A debater, a debater, a judge; an author, a critic, a synthesizer.
_TRIO = 3


class Strategy:
    """What the options say of asking. Nothing here depends on which model is asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

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
        return Scoring(self._settings.scoring or (self.recipe.scoring if self._is_single else Scoring.TEXT))

    def check(self) -> None:
        """Raise UserError, or PromptError, for options that make no sense: nothing was asked yet."""
        settings = self._settings
        _ = self.extraction, self._roles
        read_reducer(settings.epochs_reducer, settings.epochs)
        if settings.constrained and self.scoring is not Scoring.TEXT:
            raise UserError(
                f"--constrained holds replies to letters, and --scoring {self.scoring} reads none: give one."
            )
        if settings.solver == "debate" and settings.agents < 2 <= settings.rounds:
            raise UserError(
                f"--agents {settings.agents}: a debate needs two; or take --solver self_consistency."
            )
        for flag, solvers in _USERS.items():
            if settings.solver not in solvers and self._is_given(flag):
                raise UserError(
                    f"{flag} has no meaning with --solver {settings.solver}: leave it out, "
                    f"or take --solver {' or '.join(solvers)}."
                )

    @property
    def is_raw(self) -> bool:
        """Whether prompts are to be continued as they stand, without the chat template of the model."""
        return self._is_single and self.recipe.raw

    @property
    def calls(self) -> int:
        """How many requests a question takes, retries not counted."""
        agents, rounds = self._settings.agents, self._settings.rounds
        once = {
            "single": 1,
            "self_consistency": agents * rounds,
            "debate": agents * rounds,
            "debate_judge": 2 * rounds + 1,
            "critic": 2 * rounds + 1,
        }
        return once[self._settings.solver] * self._settings.epochs

    @property
    def at_once(self) -> int:
        """How many requests a question has under way at a time, at most."""
        settings = self._settings
        agents = {
            "debate": settings.agents,
            "self_consistency": settings.agents * settings.rounds,
            "debate_judge": 2,
        }
        return agents.get(settings.solver, 1) * settings.epochs

    @property
    def advice(self) -> str:
        """What a user may want to know of the options before the run; mostly nothing."""
        settings = self._settings
        if settings.epochs == 1 or settings.shuffle_choices or settings.temperature or not self._is_single:
            return ""
        return "epochs at temperature 0 mostly repeat one another: give --temperature, or --shuffle-choices"

    @property
    def name(self) -> str:
        """What the figures go by: the recipe, or how the agents work together, and where the options depart from it."""
        return ", ".join((self._plain_name, *self._departures()))

    @property
    def _plain_name(self) -> str:
        settings = self._settings
        rounds = several(settings.rounds, "round")
        names = {
            "single": self.recipe.name,
            "self_consistency": f"self_consistency of {settings.agents * settings.rounds} replies",
            "debate": f"debate of {several(settings.agents, 'agent')} in {rounds}",
        }
        return names.get(settings.solver, f"{settings.solver} in {rounds}")

    @property
    def heading(self) -> str:
        """The same for the head of a run, where a recipe has its version."""
        if not self._is_single:
            return self.name
        return ", ".join((f"recipe {self.recipe.name} v{self.recipe.version}", *self._departures()))

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
        if self._is_single and self.scoring != written.scoring:
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
        if not self._is_single:
            asked |= {"temperature": _AGENTS_TEMPERATURE, "stop": ()}
        for name in ("temperature", "max_tokens"):
            if getattr(settings, name) is not None:
                asked[name] = getattr(settings, name)
        return Params(**asked)

    def dropped(self, spec: ModelSpec) -> list[str]:
        """The parameters that are asked for and that the model does not take."""
        asked = () if spec.is_mock else self.params(spec).asked()
        return [name for name in asked if getattr(spec.capabilities, name, name) is None]

    def solver(
        self, seats: Sequence[Seat], scoring: Scoring, dev: Mapping[str, Sequence[Question]]
    ) -> Solver:
        """Build the solver; `seats` are the model under test, or those of the agents, in turn."""
        return self.repeated(self.plain_solver(seats, scoring, dev))

    def plain_solver(
        self, seats: Sequence[Seat], scoring: Scoring, dev: Mapping[str, Sequence[Question]]
    ) -> Solver:
        """Build the solver that puts a question once, whatever --epochs and --shuffle-choices say."""
        return self._alone(*seats[0], scoring, dev) if self._is_single else self._together(seats)

    def repeated(self, solver: Solver) -> Solver:
        """Put a solver's questions as often as --epochs says, and in the orders of --shuffle-choices."""
        settings = self._settings
        if settings.epochs == 1 and not settings.shuffle_choices:
            return solver
        shuffle, seed = settings.shuffle_choices, settings.seed
        return Repeated(
            _Numbered(solver), settings.epochs, settings.epochs_reducer, shuffle=shuffle, seed=seed
        )

    def _alone(
        self, model: Model, spec: ModelSpec, scoring: Scoring, dev: Mapping[str, Sequence[Question]]
    ) -> Solver:
        params = self.params(spec)
        if scoring is not Scoring.TEXT:
            return Logprob(model, self.recipe, params, dev, scoring=scoring, top=top_logprobs(spec))
        return SingleTurn(
            model,
            self.recipe,
            params,
            dev,
            extraction=self.extraction,
            constrained=self._settings.constrained,
        )

    def _together(self, seats: Sequence[Seat]) -> Solver:
        settings = self._settings
        solver, rounds = settings.solver, settings.rounds
        count = {"debate": settings.agents, "self_consistency": settings.agents * rounds}.get(solver, _TRIO)
        chosen = (seats[place % len(seats)] for place in range(count))
        agents = [Agent(model, self.params(spec)) for model, spec in chosen]
        read = partial(read_answer, extraction=self.extraction)
        build: dict[str, Callable[..., Solver]] = {"debate_judge": JudgedDebate, "critic": Critique}
        if solver == "self_consistency":
            rounds = 1
        return build.get(solver, Debate)(agents, rounds, read, *self._roles)

    def _is_given(self, flag: str) -> bool:
        name = flag.lstrip("-").replace("-", "_")
        return bool(getattr(self._settings, name) != getattr(Settings, name))

    @property
    def _is_single(self) -> bool:
        return self._settings.solver == "single"

    @cached_property
    def _roles(self) -> tuple[Role, ...]:
        """The prompts of the agents, in the order in which their solver takes them. Raises PromptError."""
        settings = self._settings
        if self._is_single:
            return ()
        initial = read_role("debate_initial", settings.initial_prompt, ASKED)
        if settings.solver == "critic":
            return initial, read_role("critic", None, HEARD), read_role("synthesizer", None, HEARD)
        collaborative = read_role("debate_collaborative", settings.collaborative_prompt, HEARD)
        judge = (read_role("judge", None, HEARD),) if settings.solver == "debate_judge" else ()
        return initial, collaborative, *judge


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


#: A model, and what is known of it.
Seat = tuple[Model, ModelSpec]

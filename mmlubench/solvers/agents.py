"""The solvers with several agents, as `--solver` names them: their calls, prompts and options."""

from __future__ import annotations

from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.prompts import QUESTION_VARIABLES, REPLY_VARIABLES, Role, read_role
from mmlubench.settings import Settings
from mmlubench.solvers.debate import Critique, Debate, JudgedDebate
from mmlubench.solvers.kind import SolverContext, SolverKind
from mmlubench.solvers.panel import Agent

#: At temperature 0 all agents would say the same; the recipe's stop texts are made for its own prompt.
_SAMPLED = {"temperature": 0.7, "stop": ()}
_OF_AGENTS = ("--agent-model", "--initial-prompt", "--rounds")
#: The agents of `debate_judge`: two debaters and a judge; and those of `critic`: author, critic and synthesizer.
_TRIO = 3


def _agents(context: SolverContext, count: int) -> list[Agent]:
    seats = (context.seats[place % len(context.seats)] for place in range(count))
    return [Agent(seat.model, seat.params) for seat in seats]


def _initial(settings: Settings) -> Role:
    return read_role("debate_initial", settings.initial_prompt, QUESTION_VARIABLES)


def _collaborative(settings: Settings) -> Role:
    return read_role("debate_collaborative", settings.collaborative_prompt, REPLY_VARIABLES)


def _roles_of_debaters(settings: Settings) -> tuple[Role, ...]:
    return _initial(settings), _collaborative(settings)


def _roles_with_judge(settings: Settings) -> tuple[Role, ...]:
    return *_roles_of_debaters(settings), read_role("judge", None, REPLY_VARIABLES)


def _roles_of_critic(settings: Settings) -> tuple[Role, ...]:
    critic, synthesizer = (read_role(name, None, REPLY_VARIABLES) for name in ("critic", "synthesizer"))
    return _initial(settings), critic, synthesizer


def _check_debate(settings: Settings) -> None:
    if settings.agents < 2 <= settings.rounds:
        raise UserError(
            f"--agents {settings.agents}: a debate needs two; give --agents 2, or take --solver self_consistency."
        )


def _replies(settings: Settings) -> int:
    return settings.agents * settings.rounds


def _exchanges(settings: Settings) -> int:
    """Return two replies for each round, and one more: that of the judge at the end, or of the author at the start."""
    return 2 * settings.rounds + 1


SELF_CONSISTENCY = SolverKind(
    lambda context: Debate(_agents(context, _replies(context.settings)), 1, context.read, *context.roles),
    calls=_replies,
    at_once=_replies,
    heeds=(*_OF_AGENTS, "--agents"),
    roles=_roles_of_debaters,
    title=lambda settings: f"self_consistency of {_replies(settings)} replies",
    parameters=_SAMPLED,
)
DEBATE = SolverKind(
    lambda context: Debate(
        _agents(context, context.settings.agents), context.settings.rounds, context.read, *context.roles
    ),
    calls=_replies,
    at_once=lambda settings: settings.agents,
    heeds=(*_OF_AGENTS, "--agents", "--collaborative-prompt"),
    roles=_roles_of_debaters,
    title=lambda settings: (
        f"debate of {several(settings.agents, 'agent')} in {several(settings.rounds, 'round')}"
    ),
    parameters=_SAMPLED,
    check=_check_debate,
)
DEBATE_JUDGE = SolverKind(
    lambda context: JudgedDebate(
        _agents(context, _TRIO), context.settings.rounds, context.read, *context.roles
    ),
    calls=_exchanges,
    at_once=lambda settings: 2,
    heeds=(*_OF_AGENTS, "--collaborative-prompt"),
    roles=_roles_with_judge,
    title=lambda settings: f"debate_judge in {several(settings.rounds, 'round')}",
    parameters=_SAMPLED,
)
CRITIC = SolverKind(
    lambda context: Critique(_agents(context, _TRIO), context.settings.rounds, context.read, *context.roles),
    calls=_exchanges,
    heeds=_OF_AGENTS,
    roles=_roles_of_critic,
    title=lambda settings: f"critic in {several(settings.rounds, 'round')}",
    parameters=_SAMPLED,
)

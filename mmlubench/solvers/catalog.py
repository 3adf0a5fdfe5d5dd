"""The solvers by the name that `--solver` gives them."""

from __future__ import annotations

from typing import Any

from mmlubench.registry import Registry
from mmlubench.solvers.kind import SolverKind


def _as_kind(thing: Any) -> SolverKind | None:
    if isinstance(thing, SolverKind):
        return thing
    return SolverKind(thing) if callable(thing) else None


SOLVERS: Registry[SolverKind] = Registry(
    "solver",
    {
        "single": "mmlubench.solvers.single:SINGLE",
        "self_consistency": "mmlubench.solvers.agents:SELF_CONSISTENCY",
        "debate": "mmlubench.solvers.agents:DEBATE",
        "debate_judge": "mmlubench.solvers.agents:DEBATE_JUDGE",
        "critic": "mmlubench.solvers.agents:CRITIC",
    },
    _as_kind,
    must_be="a SolverKind, or a callable (SolverContext) -> Solver",
)


def find_solver(name: str) -> SolverKind:
    """Return what a solver says of itself. Raises UserError for an unknown name, with the known ones."""
    return SOLVERS.find(name)


def solvers_that_heed(option: str) -> list[str]:
    """Name those of ours that an option, such as `--agents`, means something to."""
    return [name for name in SOLVERS.ours if option in find_solver(name).heeds]

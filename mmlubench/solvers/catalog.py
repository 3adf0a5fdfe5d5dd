"""The catalog of solvers, by the name that `--solver` takes."""

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
    """Return the solver of that name. Raises UserError, which lists the known names, for an unknown one."""
    return SOLVERS.find(name)


def solvers_that_heed(option: str) -> list[str]:
    """Return the names of our solvers on which an option, such as `--agents`, has an effect."""
    return [name for name in SOLVERS.ours if option in find_solver(name).heeds]

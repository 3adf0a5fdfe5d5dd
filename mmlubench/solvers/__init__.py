"""Solvers, which ask a question and read the answer: one prompt, the probabilities of letters, several agents."""

from mmlubench.solvers.base import Solver
from mmlubench.solvers.catalog import SOLVERS, find_solver, solvers_that_heed
from mmlubench.solvers.debate import Critique, Debate, JudgedDebate
from mmlubench.solvers.kind import NOT_FOR_ALL, Seat, SolverContext, SolverKind
from mmlubench.solvers.logprob import Logprob
from mmlubench.solvers.panel import Agent
from mmlubench.solvers.repeated import Repeated, read_reducer
from mmlubench.solvers.single import SingleTurn

__all__ = [
    "NOT_FOR_ALL",
    "SOLVERS",
    "Agent",
    "Critique",
    "Debate",
    "JudgedDebate",
    "Logprob",
    "Repeated",
    "Seat",
    "SingleTurn",
    "Solver",
    "SolverContext",
    "SolverKind",
    "find_solver",
    "read_reducer",
    "solvers_that_heed",
]

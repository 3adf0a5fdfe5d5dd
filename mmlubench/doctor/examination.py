"""The examination: all checks in order, each one function, and what each of them found."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from mmlubench.doctor import answers, here, there
from mmlubench.doctor.finding import Finding, Needs, Patient, Verdict, failed, skipped
from mmlubench.errors import MmluBenchError

_Check = Callable[[Patient], Finding | Awaitable[Finding]]

#: The checks by name, in order: what needs an earlier one is skipped if that one failed.
CHECKS: dict[str, _Check] = {
    "model": here.entry,
    "packages": here.packages,
    "key": here.key,
    "data": here.data,
    "run folder": here.run_folder,
    "store": here.store,
    "server": there.reachable,
    "ready": there.ready,
    "access": there.let_in,
    "served model": there.model_listed,
    "adapter": there.adapter_listed,
    "reply": answers.completion,
    "sampling": answers.sampling,
    "log-probabilities": answers.log_probabilities,
    "context": answers.length,
    "load": answers.load,
}


class Result(NamedTuple):
    """One check and what it found."""

    check: str
    finding: Finding


async def examine(patient: Patient, tell: Callable[[Result], object] = lambda _result: None) -> list[Result]:
    """Make all checks; `tell` is called after each. Nothing that a check meets ends the examination."""
    results = []
    try:
        for name, check in CHECKS.items():
            result = Result(name, await _made(check, patient))
            results.append(result)
            tell(result)
    finally:
        if patient.model is not None:
            await patient.model.aclose()
    return results


async def _made(check: _Check, patient: Patient) -> Finding:
    try:
        found = check(patient)
        return await found if inspect.isawaitable(found) else found
    except Needs as need:
        return skipped(str(need))
    except MmluBenchError as error:
        return failed(str(error))


def is_well(results: list[Result]) -> bool:
    """Whether no check failed."""
    return all(result.finding.verdict is not Verdict.FAILED for result in results)

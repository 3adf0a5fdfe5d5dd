"""From what a case's coroutine did to its one outcome, and from the outcome to pytest's report."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mmlubench.engine.journal import Journal
from mmlubench.errors import BudgetSpent, MmluBenchError, ProviderError
from mmlubench.plugin.cases import Case, CaseOutcome
from mmlubench.schema import Outcome, Result

#: The name under which a case's record travels in `report.user_properties`, also from an xdist worker.
PROPERTY = "mmlubench"

#: What pytest shows: a character, and a word under -v.
SIGNS = {
    Outcome.CORRECT: (".", "CORRECT"),
    Outcome.WRONG: ("w", "WRONG"),
    Outcome.UNPARSED: ("u", "UNPARSED"),
    Outcome.TRUNCATED: ("t", "TRUNCATED"),
    Outcome.REFUSED: ("r", "REFUSED"),
    Outcome.ERROR: ("E", "ERROR"),
    Outcome.SKIPPED: ("s", "SKIPPED"),
}

#: Under which name pytest's terminal keeps the reports, and which of its own names they count as at the end.
CATEGORIES = {
    Outcome.CORRECT: ("passed", None),
    Outcome.WRONG: ("wrong", "failed"),
    Outcome.UNPARSED: ("unparsed", "failed"),
    Outcome.TRUNCATED: ("truncated", "failed"),
    Outcome.REFUSED: ("refused", "failed"),
    Outcome.ERROR: ("unanswered", "error"),
    Outcome.SKIPPED: ("skipped", None),
}

#: What a test raises to say that the answer is not right.
_VERDICTS = (AssertionError, pytest.fail.Exception)


def outcome_of(played: CaseOutcome) -> Outcome:
    """The one outcome of a case."""
    error = played.error
    if error is None:
        return Outcome.CORRECT
    if _is_verdict(played):
        return played.answer.failure if played.answer else Outcome.WRONG
    # A case that a mark `xfail(run=False)` ends is not asked either.
    skips = isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception, BudgetSpent))
    return Outcome.SKIPPED if skips else Outcome.ERROR


def result_of(case: Case, played: CaseOutcome) -> Result:
    """The line of `results.jsonl` for a case that asked a question."""
    assert case.question is not None
    question, journal, answer = case.question, played.journal, played.answer
    outcome = outcome_of(played)
    return Result(
        id=question.id,
        benchmark=question.benchmark,
        subject=question.subject,
        category=question.category,
        model=case.label,
        outcome=outcome,
        answer=question.answer,
        prediction=answer.letter if answer else None,
        rule=answer.rule if answer else "",
        latency_s=round(journal.latency_s, 4),
        usage=journal.usage,
        requests=journal.sent,
        served_model=journal.served_model,
        error=_one_line(played.error) if outcome is Outcome.ERROR else "",
        choices=len(question.choices),
        language=question.language,
        probabilities=answer.probabilities if answer else None,
        letters=answer.letters if answer else (),
        score=answer.score if answer else None,
        rounds=answer.rounds if answer else (),
    )


def record_of(case: Case, played: CaseOutcome) -> dict[str, Any]:
    """Everything the controller needs of a case, in types that xdist can carry."""
    result = result_of(case, played).to_dict() if case.question else None
    return {
        "order": case.order,
        "facts": case.process.facts_to_tell(),
        "result": result,
        "stored": played.journal.stored,
        "spent_usd": played.journal.spent_usd,
        "unasked": str(played.error) if isinstance(played.error, BudgetSpent) else "",
        "requests": b"".join(played.journal.requests),
        "responses": b"".join(played.journal.responses),
        "debate": _debate_line(case, played),
    }


def _debate_line(case: Case, played: CaseOutcome) -> bytes:
    """The entry of the debate file, on a line of its own; nothing where no agents worked together."""
    if case.question is None or played.answer is None or played.answer.record is None:
        return b""
    name, entry = orjson.dumps(case.question.id), orjson.dumps(played.answer.record)
    return name + b": " + entry + b"\n"


def report_of(case: Case, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
    """The report of one phase of a case, or None where pytest's own is the right one.

    Built directly: pytest would spend 1.6 ms on the traceback of every wrong answer.
    """
    if call.when != "call" or case.played is None:
        return _passed(case, call) if call.excinfo is None else _unplayed(case, call)
    played, case.played = case.played, None
    report = _graded(case, call, played) if case.question else _own_test(case, call, played)
    report.user_properties.append((PROPERTY, record_of(case, played)))
    return report


def _unplayed(case: Case, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
    """A mark skips the case, or a fixture failed: nothing was asked, and it counts all the same."""
    if call.when != "setup" or case.question is None:
        return None
    assert call.excinfo is not None
    played = CaseOutcome(Journal(), error=call.excinfo.value, began=False)
    report = _graded(case, call, played)
    report.user_properties.append((PROPERTY, record_of(case, played)))
    return report


def _graded(case: Case, call: pytest.CallInfo[None], played: CaseOutcome) -> pytest.TestReport:
    outcome = outcome_of(played)
    if outcome is Outcome.CORRECT:
        report = _passed(case, call)
    elif isinstance(played.error, BudgetSpent):
        report = _report(
            case, call, "skipped", (case.template.file, case.template.line or 0, str(played.error))
        )
    elif outcome is Outcome.SKIPPED or (_is_bug(played) and _is_new(case, played.error)):
        report = pytest.TestReport.from_item_and_call(case, call)
    else:
        report = _failed(case, call, _reason(played))
    report.mmlubench = outcome.value  # type: ignore[attr-defined]  # extra attributes are allowed
    return report


def _own_test(case: Case, call: pytest.CallInfo[None], played: CaseOutcome) -> pytest.TestReport:
    """A test of the user's own that talks to a model: an ordinary test but for provider errors."""
    if isinstance(played.error, ProviderError):
        return _failed(case, call, _one_line(played.error))
    return _passed(case, call) if played.error is None else pytest.TestReport.from_item_and_call(case, call)


def _passed(case: Case, call: pytest.CallInfo[None]) -> pytest.TestReport:
    return _report(case, call, "passed", None)


def _failed(case: Case, call: pytest.CallInfo[None], reason: str) -> pytest.TestReport:
    return _report(case, call, "failed", reason)


def _report(case: Case, call: pytest.CallInfo[None], outcome: Any, longrepr: Any) -> pytest.TestReport:
    return pytest.TestReport(
        case.nodeid,
        case.location,
        case.template.keywords,
        outcome,
        longrepr,
        call.when,  # type: ignore[arg-type]  # never "collect" for an item
        (),
        call.duration,
        call.start,
        call.stop,
        case.user_properties,
    )


def _reason(played: CaseOutcome) -> str:
    if not _is_verdict(played):
        return _one_line(played.error)
    if played.answer is not None:
        return played.answer.explanation
    return next(iter(str(played.error).splitlines()), "the assertion failed")


def _is_verdict(played: CaseOutcome) -> bool:
    """Whether the test itself says that the answer is not right; what a fixture asserts says nothing of it."""
    return played.began and isinstance(played.error, _VERDICTS)


def _is_bug(played: CaseOutcome) -> bool:
    """A mistake in the test's own code, or its fixtures', deserves its traceback."""
    return not (isinstance(played.error, MmluBenchError) or _is_verdict(played))


def _is_new(case: Case, error: BaseException | None) -> bool:
    """Whether the test fails at this line for the first time: a thousand times the same traceback helps nobody."""
    trace = error.__traceback__ if error else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (type(error), trace and trace.tb_frame.f_code, trace and trace.tb_lineno)
    is_new = place not in case.template.shown
    case.template.shown.add(place)
    return is_new


def _one_line(error: BaseException | None) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ProviderError) else f"{type(error).__name__}: {text}"

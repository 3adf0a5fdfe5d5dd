"""The report of a case: from the outcome of its coroutine to one `Outcome` and pytest's `TestReport`."""

from __future__ import annotations

from typing import Any

import pytest

from mmlubench.engine.journal import Journal
from mmlubench.errors import AwaitsBatch, BudgetSpent, EnoughAsked, MmluBenchError, ProviderError, UserError
from mmlubench.jsonl import encoded
from mmlubench.plugin.case_outcome import CaseOutcome
from mmlubench.plugin.cases import Case
from mmlubench.plugin.thin_report import ThinReport
from mmlubench.printable import printable
from mmlubench.schema import Entry, Outcome

#: The name of a case's record in `report.user_properties`, which xdist carries from its workers.
PROPERTY = "mmlubench"

#: The errors that end a case before it is asked.
_NOT_ASKED = (BudgetSpent, EnoughAsked, AwaitsBatch)
#: The errors that a test raises if the answer is not right.
_VERDICTS = (AssertionError, pytest.fail.Exception)


def outcome_of(case_outcome: CaseOutcome) -> Outcome:
    """Return the outcome of a case."""
    error = case_outcome.error
    if error is None:
        return Outcome.CORRECT
    if _is_verdict(case_outcome):
        return case_outcome.answer.failure if case_outcome.answer else Outcome.WRONG
    # A mark `xfail(run=False)` also ends a case before it is asked.
    skips = isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception, *_NOT_ASKED))
    return Outcome.SKIPPED if skips else Outcome.ERROR


def result_of(case: Case, case_outcome: CaseOutcome) -> Entry:
    """Return the line of `results.jsonl` for a case with a question."""
    question, journal, answer = case.question, case_outcome.journal, case_outcome.answer
    assert question is not None
    outcome = outcome_of(case_outcome)
    return Entry(
        id=question.id,
        benchmark=question.benchmark,
        subject=question.subject,
        category=question.category,
        model=case.label,
        outcome=outcome,
        answer=question.answer,
        prediction=answer.letter if answer else None,
        rule=answer.rule if answer else "",
        latency_s=_rounded(journal.latency_s),
        usage=journal.usage,
        requests=journal.sent,
        served_model=journal.served_model,
        served_provider=journal.served_provider,
        error=_one_line(case_outcome.error) if outcome is Outcome.ERROR else "",
        choices=len(question.choices),
        language=question.language,
        probabilities=answer.probabilities if answer else None,
        letters=answer.letters if answer else (),
        score=answer.score if answer else None,
        rounds=answer.rounds if answer else (),
        recipe=case.template.recipe,
        letter_mass=answer.letter_mass if answer else None,
        unlisted_mass=answer.unlisted_mass if answer else 0.0,
        second_tries=answer.second_tries if answer else 0,
        order=question.order,
    )


def _rounded(seconds: float) -> float:
    """Return a wait to a tenth of a millisecond; one that was measured is never 0, which says that there was none."""
    return max(round(seconds, 4), 0.0001) if seconds else 0.0


def record_of(case: Case, case_outcome: CaseOutcome) -> dict[str, Any]:
    """Return everything that the writer needs of a case; in a worker, in types that xdist can carry."""
    result = _result_in_record(case, case_outcome) if case.has_question else None
    return {
        "order": case.process.place(case),
        "facts": case.process.new_facts(),
        "result": result,
        "runs": case_outcome.runs,
        "stored": case_outcome.journal.stored,
        "batched": case_outcome.journal.batched,
        "fingerprint": case_outcome.journal.fingerprint,
        "not_sent": case_outcome.journal.not_sent,
        "spent_usd": case_outcome.journal.spent_usd,
        "unasked": str(case_outcome.error) if isinstance(case_outcome.error, BudgetSpent) else "",
        "saved": isinstance(case_outcome.error, EnoughAsked),
        "requests": b"".join(case_outcome.journal.requests),
        "responses": b"".join(case_outcome.journal.responses),
        "debate": _debate_line(case, case_outcome),
    }


def _result_in_record(case: Case, case_outcome: CaseOutcome) -> Entry | dict[str, Any]:
    """Return the result, as a dictionary if it goes to another process, may hold a key to mask, or is to be checked."""
    result = result_of(case, case_outcome)
    stays = not hasattr(case.config, "workerinput")  # xdist's
    return result if stays and result.outcome is not Outcome.ERROR and not result.recipe else result.to_dict()


def _debate_line(case: Case, case_outcome: CaseOutcome) -> bytes:
    """Return the entry of the debate file, on one line; empty without a debate."""
    if not case.has_question or case_outcome.answer is None or case_outcome.answer.record is None:
        return b""
    assert case.question is not None
    entry = {"model": case.label, **case_outcome.answer.record}
    return encoded(case.question.id) + b": " + encoded(entry) + b"\n"


def report_of(case: Case, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
    """Return the report of one phase of a case, or None where pytest's own report is the right one.

    It is built directly, since pytest would spend 1.6 ms on the traceback of every wrong answer.
    """
    if call.when != "call" or case.case_outcome is None:
        return _passed(case, call) if call.excinfo is None else _not_begun(case, call)
    case_outcome, case.case_outcome = case.case_outcome, None
    report = _graded(case, call, case_outcome) if case.has_question else _own_test(case, call, case_outcome)
    report.user_properties.append((PROPERTY, record_of(case, case_outcome)))
    # Its traceback leads back to the outcome: only the garbage collector could free both.
    case_outcome.error = None
    return report


def renew(report: ThinReport) -> None:
    """Bring a report up to date if another plugin has run its case again since, without making a new report."""
    case, case_outcome = report.case, report.case.case_outcome
    if report.when != "call" or case_outcome is None or not case.has_question:
        return
    case.case_outcome = None
    outcome = outcome_of(case_outcome)
    report.mmlubench = outcome.value
    report.longrepr = None if outcome is Outcome.CORRECT else _reason(case_outcome)
    others = [pair for pair in report.user_properties if pair[0] != PROPERTY]
    report.user_properties = [*others, (PROPERTY, record_of(case, case_outcome))]
    case_outcome.error = None


def is_plain(case: Case) -> bool:
    """Whether the report of a case that ended says only what its outcome is, without a traceback."""
    outcome = case.case_outcome
    if outcome is None or not case.has_question or isinstance(outcome.error, pytest.xfail.Exception):
        return False  # pytest itself makes another report of an expected failure
    if outcome.error is None or isinstance(outcome.error, MmluBenchError):
        return True
    return _is_verdict(outcome) and not _judges_itself(case, outcome)


def _not_begun(case: Case, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
    """Return the report of a case that a mark skips, or whose fixture failed: it counts, although nothing was asked."""
    if call.when != "setup" or not case.has_question:
        return None
    assert call.excinfo is not None
    case_outcome = CaseOutcome(Journal(), error=call.excinfo.value, began=False)
    report = _graded(case, call, case_outcome)
    report.user_properties.append((PROPERTY, record_of(case, case_outcome)))
    return report


def _graded(case: Case, call: pytest.CallInfo[None], case_outcome: CaseOutcome) -> pytest.TestReport:
    outcome = outcome_of(case_outcome)
    if outcome is Outcome.CORRECT:
        report = _passed(case, call)
    elif isinstance(case_outcome.error, _NOT_ASKED):
        where = (case.template.file, case.template.line or 0)
        report = ThinReport(case, call, "skipped", (*where, str(case_outcome.error)))
    elif outcome is Outcome.SKIPPED or _is_shown(case, case_outcome):
        report = pytest.TestReport.from_item_and_call(case, call)
    else:
        report = _failed(case, call, _reason(case_outcome))
    report.mmlubench = outcome.value  # type: ignore[attr-defined]  # extra attributes are allowed
    return report


def _own_test(case: Case, call: pytest.CallInfo[None], case_outcome: CaseOutcome) -> pytest.TestReport:
    """Return the report of a user's own test: that of an ordinary test, but without a traceback for our errors."""
    error = case_outcome.error
    if isinstance(error, (ProviderError, UserError)):
        return _failed(case, call, _one_line(error))
    return _passed(case, call) if error is None else pytest.TestReport.from_item_and_call(case, call)


def _passed(case: Case, call: pytest.CallInfo[None]) -> pytest.TestReport:
    return ThinReport(case, call, "passed", None)


def _failed(case: Case, call: pytest.CallInfo[None], reason: str) -> pytest.TestReport:
    return ThinReport(case, call, "failed", printable(reason))


def _reason(case_outcome: CaseOutcome) -> str:
    if not _is_verdict(case_outcome):
        return _one_line(case_outcome.error)
    if case_outcome.answer is not None:
        return case_outcome.answer.explanation
    return next(iter(str(case_outcome.error).splitlines()), "the assertion failed")


def _is_verdict(case_outcome: CaseOutcome) -> bool:
    """Whether the test itself says that the answer is not right; an assertion in a fixture does not say so."""
    return case_outcome.began and isinstance(case_outcome.error, _VERDICTS)


def _is_bug(case_outcome: CaseOutcome) -> bool:
    """Whether it is a mistake in the code of the test or its fixtures, which is shown with its traceback."""
    return not (isinstance(case_outcome.error, MmluBenchError) or _is_verdict(case_outcome))


def _is_shown(case: Case, case_outcome: CaseOutcome) -> bool:
    """Whether the traceback of a failure is shown: of the code of the test that asks the model itself, or of a bug.

    That of a bug is shown once for each line that fails, and not a thousand times.
    """
    if _judges_itself(case, case_outcome):
        return case.template.is_shown(case.nodeid)
    error = case_outcome.error
    if not _is_bug(case_outcome) or error is None:
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return case.template.is_shown((type(error), trace and trace.tb_frame.f_code, trace and trace.tb_lineno))


def _judges_itself(case: Case, case_outcome: CaseOutcome) -> bool:
    """Whether the test itself says what is wrong with a reply, as it asks no solver."""
    return _is_verdict(case_outcome) and case.template.overrides.asks_itself


def _one_line(error: BaseException | None) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ProviderError) else f"{type(error).__name__}: {text}"

"""CommonsenseQA: 1,221 questions of five choices (Talmor et al. 2019, arXiv 1811.00937).

The validation split is asked, as the test split has no answers; the training split gives up to seven examples.

pytest benchmarks -k commonsense_qa --model claude
pytest benchmarks -k commonsense_qa --model claude --shots 7
"""

import pytest

from mmlubench import Question, Solver


@pytest.mark.questions("commonsense_qa")
async def test_commonsense_qa(question: Question, solver: Solver) -> None:
    """One question, one case: a wrong letter fails the assertion, and the plugin counts it as wrong."""
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation

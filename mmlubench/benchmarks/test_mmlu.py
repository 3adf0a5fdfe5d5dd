"""MMLU: 14,042 questions in 57 subjects, four choices each (Hendrycks et al. 2021, arXiv 2009.03300).

pytest benchmarks -k mmlu --model claude
pytest benchmarks -k "mmlu and anatomy" --model vllm/my-model@http://localhost:8000/v1 --recipe five_shot
"""

import pytest

from mmlubench import Question, Solver


@pytest.mark.questions("mmlu")
async def test_mmlu(question: Question, solver: Solver) -> None:
    """One question, one case: a wrong letter fails the assertion, and the plugin counts it as wrong."""
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation

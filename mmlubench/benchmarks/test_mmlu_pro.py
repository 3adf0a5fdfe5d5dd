"""MMLU-Pro: 12,032 questions in 14 categories, three to ten choices each (Wang et al. 2024, arXiv 2406.01574).

pytest benchmarks -k mmlu_pro --model claude --recipe mmlu_pro
pytest benchmarks -k "mmlu_pro and law" --model vllm/my-model@http://localhost:8000/v1 --limit 100
"""

import pytest

from mmlubench import Question, Solver


@pytest.mark.questions("mmlu_pro")
async def test_mmlu_pro(question: Question, solver: Solver) -> None:
    """One question, one case: the letters run as far as the question has choices."""
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation

"""MMMLU: the 14,042 test questions of MMLU, translated by people into 14 languages (openai/MMMLU on the hub).

pytest benchmarks -k mmmlu --model claude --language DE_DE --language FR_FR
pytest benchmarks -k "mmmlu and anatomy" --model claude                      # in all languages
pytest benchmarks -k mmmlu --model claude --max-question-tokens 256 --tokenizer ./tokenizer.json
"""

import pytest

from mmlubench import Question, Solver


@pytest.mark.questions("mmmlu")
async def test_mmmlu(question: Question, solver: Solver) -> None:
    """One question in one language, one case; worked examples are the English ones of MMLU."""
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation

"""A benchmark of one's own of any size, for whole runs."""

SUMS = """
import pytest
from mmlubench import Question

ROWS = [
    Question(f"sums/addition/{n:04}", "sums", "addition", "stem", f"{n} + 1 = ?", ("1", "2", "3", "4"), "A")
    for n in range(COUNT)
]

@pytest.mark.questions("sums", rows=ROWS)
async def test_sums(question, solver):
    answer = await solver(question)
    assert answer.letter == question.answer, answer.explanation
"""


def sums(count: int) -> str:
    """A test file with so many questions `sums/addition/0000`, …, whose answer is A."""
    return SUMS.replace("COUNT", str(count))

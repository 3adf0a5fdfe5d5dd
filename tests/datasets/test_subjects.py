from __future__ import annotations

from collections import Counter

import pytest

from mmlubench.datasets.sets.subjects import CATEGORIES, SUBJECTS


def test_there_are_57_subjects_and_14042_questions() -> None:
    assert len(SUBJECTS) == 57
    assert sum(known.questions for known in SUBJECTS.values()) == 14_042


@pytest.mark.parametrize(
    ("category", "subjects", "questions"),
    [
        ("stem", 18, 3_018),
        ("humanities", 13, 4_705),
        ("social_sciences", 12, 3_077),
        ("other", 14, 3_242),
    ],
)
def test_domains_are_those_of_the_paper(category: str, subjects: int, questions: int) -> None:
    # Else a table by category could not be compared with a published one.
    assert Counter(known.category for known in SUBJECTS.values())[category] == subjects
    assert sum(known.questions for known in SUBJECTS.values() if known.category == category) == questions


def test_every_subject_is_in_one_of_the_four_domains() -> None:
    assert {known.category for known in SUBJECTS.values()} == set(CATEGORIES)


def test_anatomy_is_in_other_as_in_the_paper() -> None:
    assert SUBJECTS["anatomy"].category == "other"

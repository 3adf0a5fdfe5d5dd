"""The 57 subjects of MMLU: how many test questions each has, and the domain it belongs to. Data only.

Domains are those of Hendrycks et al. 2021 ("Measuring Massive Multitask Language Understanding") and of the
code published with it. Some harnesses count anatomy as STEM; here, as there, it is in `other`.
"""

from __future__ import annotations

from typing import NamedTuple

#: The four domains.
CATEGORIES = ("stem", "humanities", "social_sciences", "other")


class Subject(NamedTuple):
    """The size and domain of a subject."""

    questions: int
    """The number of questions in the complete test split."""
    category: str
    """The domain of the subject, one of `CATEGORIES`."""


SUBJECTS = {
    "abstract_algebra": Subject(100, "stem"),
    "anatomy": Subject(135, "other"),
    "astronomy": Subject(152, "stem"),
    "business_ethics": Subject(100, "other"),
    "clinical_knowledge": Subject(265, "other"),
    "college_biology": Subject(144, "stem"),
    "college_chemistry": Subject(100, "stem"),
    "college_computer_science": Subject(100, "stem"),
    "college_mathematics": Subject(100, "stem"),
    "college_medicine": Subject(173, "other"),
    "college_physics": Subject(102, "stem"),
    "computer_security": Subject(100, "stem"),
    "conceptual_physics": Subject(235, "stem"),
    "econometrics": Subject(114, "social_sciences"),
    "electrical_engineering": Subject(145, "stem"),
    "elementary_mathematics": Subject(378, "stem"),
    "formal_logic": Subject(126, "humanities"),
    "global_facts": Subject(100, "other"),
    "high_school_biology": Subject(310, "stem"),
    "high_school_chemistry": Subject(203, "stem"),
    "high_school_computer_science": Subject(100, "stem"),
    "high_school_european_history": Subject(165, "humanities"),
    "high_school_geography": Subject(198, "social_sciences"),
    "high_school_government_and_politics": Subject(193, "social_sciences"),
    "high_school_macroeconomics": Subject(390, "social_sciences"),
    "high_school_mathematics": Subject(270, "stem"),
    "high_school_microeconomics": Subject(238, "social_sciences"),
    "high_school_physics": Subject(151, "stem"),
    "high_school_psychology": Subject(545, "social_sciences"),
    "high_school_statistics": Subject(216, "stem"),
    "high_school_us_history": Subject(204, "humanities"),
    "high_school_world_history": Subject(237, "humanities"),
    "human_aging": Subject(223, "other"),
    "human_sexuality": Subject(131, "social_sciences"),
    "international_law": Subject(121, "humanities"),
    "jurisprudence": Subject(108, "humanities"),
    "logical_fallacies": Subject(163, "humanities"),
    "machine_learning": Subject(112, "stem"),
    "management": Subject(103, "other"),
    "marketing": Subject(234, "other"),
    "medical_genetics": Subject(100, "other"),
    "miscellaneous": Subject(783, "other"),
    "moral_disputes": Subject(346, "humanities"),
    "moral_scenarios": Subject(895, "humanities"),
    "nutrition": Subject(306, "other"),
    "philosophy": Subject(311, "humanities"),
    "prehistory": Subject(324, "humanities"),
    "professional_accounting": Subject(282, "other"),
    "professional_law": Subject(1534, "humanities"),
    "professional_medicine": Subject(272, "other"),
    "professional_psychology": Subject(612, "social_sciences"),
    "public_relations": Subject(110, "social_sciences"),
    "security_studies": Subject(245, "social_sciences"),
    "sociology": Subject(201, "social_sciences"),
    "us_foreign_policy": Subject(100, "social_sciences"),
    "virology": Subject(166, "other"),
    "world_religions": Subject(171, "humanities"),
}

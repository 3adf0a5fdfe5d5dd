"""The real data sets: figures that were measured by other programs. Needs MMLUBENCH_DATA."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.real_data


def test_mmlu_has_the_figures_that_are_known_of_it(real_data, figures):
    found = figures("mmlu", "--data", real_data("mmlu").parent)
    answers, repeats = found["answers"], found["repeats"]
    subjects = {one["subject"]: one for one in answers["subjects"]}
    n = answers["n"]
    assert (n, len(subjects)) == (14_042, 57)
    shares = {letter: round(count / n, 3) for letter, count in answers["letters"].items()}
    assert shares == {"A": 0.229, "B": 0.247, "C": 0.255, "D": 0.269}
    assert (answers["majority_letter"], answers["majority"]) == ("D", 3_776)

    def longest(name):
        return round(subjects[name]["longest"] / subjects[name]["n"], 2)

    assert round(answers["longest"] / n, 3) == 0.279
    assert (longest("international_law"), longest("jurisprudence")) == (0.51, 0.44)
    skewed = sorted(subjects.values(), key=lambda one: -one["majority"] / one["n"])[:3]
    assert [
        (one["subject"], one["majority_letter"], round(one["majority"] / one["n"], 2)) for one in skewed
    ] == [
        ("high_school_statistics", "D", 0.47),
        ("professional_medicine", "D", 0.45),
        ("college_chemistry", "D", 0.41),
    ]
    (length, *_) = found["lengths"]
    assert [round(end) for end in length["percentiles"].values()] == [37, 117, 1_136, 4_671]
    assert (repeats["same_question"], repeats["same_whole"]) == (173, 105)
    assert len(repeats["equal_choices"]) == 9
    # A plain search finds 581; in 4 of them the letters are part of other words, such as "fall of the".
    assert (repeats["all_of_letters"], repeats["all_or_none"]) == (581, 577)
    assert repeats["also_in"] == {"dev": 5, "validation": 43}
    assert found["missing"] == []


def test_the_verdicts_of_mmlu_redux_are_those_of_its_authors(real_data, figures):
    real_data("mmlu_redux")
    redux = figures("mmlu", "--data", real_data("mmlu").parent)["redux"]
    assert redux["annotated"] == 5_698  # of 5,700: two match no question as it stands in MMLU
    assert redux["verdicts"]["wrong_groundtruth"] == 107
    assert redux["subjects"]["virology"] == [57, 100]


OKAPI = """name: okapi
file: okapi.parquet
columns: {question: Question, choices: [A, B, C, D], answer: Answer, subject: Subject, id: id, language: language}
"""


def test_real_translations_are_compared_by_item(real_data, figures, tmp_path):
    import pandas as pd

    okapi, mmlu = real_data("okapi_m_mmlu", "de.parquet"), real_data("mmlu")
    rows = [
        pd.read_parquet(okapi / f"{code}.parquet").assign(language=code) for code in ("ar", "de", "hi", "zh")
    ]
    for split, short in (("dev", "dev"), ("validation", "val")):
        english = pd.read_parquet(mmlu / f"{split}.parquet")
        number = english.groupby("subject").cumcount().astype(str)
        choices = pd.DataFrame(english["choices"].tolist(), columns=list("ABCD"))
        letters = english["answer"].map(lambda place: "ABCD"[place])
        more: dict[str, Any] = {
            "id": english["subject"] + f"/{short}/" + number,
            "language": "en",
            "Answer": letters,
        }
        rows.append(
            english.rename(columns={"question": "Question", "subject": "Subject"}).assign(**more, **choices)
        )
    columns = ["id", "Question", *"ABCD", "Answer", "Subject", "language"]
    pd.concat(rows)[columns].to_parquet(tmp_path / "okapi.parquet")
    (tmp_path / "okapi.benchmark.yaml").write_text(OKAPI)
    found = {one["language"]: one for one in figures(tmp_path / "okapi.benchmark.yaml")["languages"]}
    assert {name: one["n"] for name, one in found.items()} == {
        **{"ar": 1_707, "de": 1_726, "hi": 1_649, "zh": 1_692},
        "en": 285 + 1_531,
    }
    for name, one in found.items():
        assert one["compared"] == one["n"], name
        assert one["other_key"] == [], name  # Okapi's keys are the English ones
    assert found["de"]["scripts"] == ["Latin"]
    for name in ("ar", "hi", "zh"):
        assert 0.9 < found[name]["in_script"] / found[name]["letters"] < 1
        assert found[name]["untranslated"] < 10
    assert found["zh"]["length_ratio"] < 0.4 < 1 < found["de"]["length_ratio"] < 1.3

"""The embedded samples: what holds for that of every data set, and what for MMLU-Pro, CommonsenseQA and MMMLU alone."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.datasets import NAMES, find, load
from mmlubench.resources import fixture
from mmlubench.schema import Question

Row = dict[str, Any]

PRO_KEYS = [
    "split",
    "question_id",
    "question",
    "options",
    "answer",
    "answer_index",
    "cot_content",
    "category",
    "src",
]
PRO_CATEGORIES = {
    "biology",
    "business",
    "chemistry",
    "computer science",
    "economics",
    "engineering",
    "health",
    "history",
    "law",
    "math",
    "other",
    "philosophy",
    "physics",
    "psychology",
}
CSQA_KEYS = ["split", "id", "question", "question_concept", "choices", "answerKey"]
MMMLU_KEYS = ["split", "language", "Question", "A", "B", "C", "D", "Answer", "Subject"]

LATIN = r"A-Za-z\u00c0-\u024f\u1e00-\u1eff"
#: What the letters of a language are, and marks or words that no other language of the sample has all of.
SCRIPTS = {
    "AR_XY": (r"\u0600-\u06ff", ["؟", "ال"]),
    "BN_BD": (r"\u0980-\u09ff", ["?", "কোন", "৬"]),
    "DE_DE": (LATIN, ["ö", "ß", "ä", " der "]),
    "ES_LA": (LATIN, ["¿", "ñ", "á", " la "]),
    "FR_FR": (LATIN, ["œ", "è", "à", "Quelle "]),
    "HI_IN": (r"\u0900-\u097f", ["?", "है", "कौन"]),
    "ID_ID": (LATIN, ["manakah", " yang "]),
    "IT_IT": (LATIN, ["è", "ì", "Quale "]),
    "JA_JP": (r"\u3040-\u30ff\u4e00-\u9fff", ["。", "どれですか", "ヨ", "臓"]),
    "KO_KR": (r"\uac00-\ud7a3", ["?", "입니까"]),
    "PT_BR": (LATIN, ["ã", "ç", "ê", "Qual "]),
    "SW_KE": (LATIN, ["Kitabu", " gani", " ipi"]),
    "YO_NG": (LATIN + r"\u0300-\u036f", ["ẹ\u0300", "ọ\u0301", "ṣ", "ń", " wo "]),
    "ZH_CN": (r"\u4e00-\u9fff", ["\uff1f", "哪", "脏"]),
}
#: Far above what two questions on one topic share, and below what a reworded copy would.
TOO_ALIKE = 0.8


def read(name: str) -> list[Row]:
    return [orjson.loads(line) for line in fixture(f"questions/{name}.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def pro() -> list[Row]:
    return read("mmlu_pro")


@pytest.fixture(scope="module")
def csqa() -> list[Row]:
    return read("commonsense_qa")


@pytest.fixture(scope="module")
def mmmlu() -> list[Row]:
    return read("mmmlu")


@pytest.fixture(scope="module")
def by_language(mmmlu: list[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in mmmlu:
        groups[row["language"]].append(row)
    return groups


def of_split(rows: list[Row], split: str) -> list[Row]:
    return [row for row in rows if row["split"] == split]


def options(row: Row) -> list[str]:
    if "options" in row:
        return row["options"]
    return row["choices"]["text"] if "choices" in row else [row[letter] for letter in "ABCD"]


def question(row: Row) -> str:
    return row.get("question") or row["Question"]


def everything(rows: list[Row]) -> str:
    return " ".join(text for row in rows for text in (question(row), *options(row)))


def plain(text: str) -> str:
    return " ".join(text.lower().split())


def words(text: str) -> frozenset[str]:
    """The words of a text, in any script: marks that belong to a letter stay with it."""
    return frozenset("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text.lower()).split())


# every data set


def sample(name: str) -> list[Question]:
    """What is asked of a sample, and its worked examples."""
    loaded = load(name, "sample", examples=False)
    return [*loaded.questions, *(shot for shots in loaded.examples.values() for shot in shots)]


@pytest.mark.parametrize(
    ("name", "keys"), [("mmlu_pro", PRO_KEYS), ("commonsense_qa", CSQA_KEYS), ("mmmlu", MMMLU_KEYS)]
)
def test_every_line_has_the_columns_of_the_real_data_set(name: str, keys: list[str]) -> None:
    # The split, and for MMMLU the language, stand before them: the real sets have a file for each.
    assert all(list(row) == keys for row in read(name))


@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_a_sample_is_empty_or_has_stray_blanks(name: str) -> None:
    for asked in sample(name):
        for text in (asked.text, *asked.choices):
            assert text
            assert text == text.strip()


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_in_the_composed_form(name: str) -> None:
    # A model, and somebody who searches the file, would take the other form for other text.
    text = fixture(find(name).sample).read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)


@pytest.mark.parametrize("name", NAMES)
def test_options_of_one_question_differ(name: str) -> None:
    # Two equal options would make a right reply count as wrong.
    for asked in sample(name):
        assert len({plain(text) for text in asked.choices}) == len(asked.choices), asked.text


@pytest.mark.parametrize("name", NAMES)
def test_no_question_of_a_sample_comes_twice(name: str) -> None:
    questions = sample(name)
    assert len({plain(asked.text) for asked in questions}) == len(questions)


@pytest.mark.parametrize("name", NAMES)
def test_no_option_is_a_filler_or_points_to_the_others(name: str) -> None:
    for asked in sample(name):
        for text in asked.choices:
            assert plain(text) not in ("n/a", "none")
            assert "of the above" not in plain(text)


# MMLU-Pro


def test_all_14_categories_have_questions_and_five_worked_examples(pro: list[Row]) -> None:
    test = Counter(row["category"] for row in of_split(pro, "test"))
    validation = Counter(row["category"] for row in of_split(pro, "validation"))
    assert set(test) == set(validation) == PRO_CATEGORIES
    assert min(test.values()) >= 3
    assert set(validation.values()) == {5}
    assert {row["split"] for row in pro} == {"test", "validation"}


def test_rows_come_by_category_as_in_the_real_set(pro: list[Row]) -> None:
    for split in ("test", "validation"):
        categories = [row["category"] for row in of_split(pro, split)]
        assert categories == sorted(categories)


def test_letter_and_place_of_the_answer_agree(pro: list[Row]) -> None:
    for row in pro:
        assert "ABCDEFGHIJ".index(row["answer"]) == row["answer_index"] < len(row["options"])


def test_questions_have_three_to_ten_options_and_most_have_ten(pro: list[Row]) -> None:
    sizes = Counter(len(row["options"]) for row in of_split(pro, "test"))
    assert set(sizes) == set(range(3, 11))
    assert sizes[10] > sizes.total() / 2


@pytest.mark.parametrize("split", ["test", "validation"])
def test_ten_letters_are_right_equally_often(pro: list[Row], split: str) -> None:
    # A model that always says "C" must not look better than chance.
    answers = Counter(row["answer"] for row in of_split(pro, split))
    for letter in "ABCDEFGHIJ":
        assert 0.08 <= answers[letter] / answers.total() <= 0.12


@pytest.mark.parametrize("split", ["test", "validation"])
def test_one_letter_does_not_follow_from_the_last(pro: list[Row], split: str) -> None:
    places = [row["answer_index"] for row in of_split(pro, split)]
    steps = Counter((following - this) % 10 for this, following in pairwise(places))
    assert max(steps.values()) <= 0.2 * len(places)


def test_the_right_option_cannot_be_told_by_its_length(pro: list[Row]) -> None:
    longest = [
        [len(option) for option in row["options"]].index(max(map(len, row["options"]))) == row["answer_index"]
        for row in pro
    ]
    assert sum(longest) / len(pro) < 0.35


def test_only_worked_examples_are_worked_out(pro: list[Row]) -> None:
    # A rationale in the test split would be shown to the model with the answer in it.
    assert {row["cot_content"] for row in of_split(pro, "test")} == {""}
    for row in of_split(pro, "validation"):
        assert row["cot_content"].startswith("A: Let's think step by step. ")
        assert row["cot_content"].endswith(f" The answer is ({row['answer']}).")
        assert row["cot_content"].count("The answer is") == 1


def test_ids_are_numbers_of_our_own(pro: list[Row]) -> None:
    # The real ids lie below 20,000: a sample question must never be taken for a real one.
    ids = [row["question_id"] for row in pro]
    assert len(set(ids)) == len(ids)
    assert all(type(number) is int and number >= 900_000 for number in ids)
    assert {row["src"] for row in pro} == {"mmlubench"}


@pytest.mark.parametrize("part", ["\n", '"', "{{", "```", r"\frac", "$", "é", "₄", "€"])
def test_mmlu_pro_texts_have_what_breaks_careless_templates(pro: list[Row], part: str) -> None:
    assert any(part in text for row in pro for text in (row["question"], *row["options"]))


# CommonsenseQA


def test_commonsense_qa_has_questions_and_seven_shots(csqa: list[Row]) -> None:
    assert Counter(row["split"] for row in csqa) == {"validation": 20, "train": 7}


def test_commonsense_qa_has_five_options_with_their_letters(csqa: list[Row]) -> None:
    for row in csqa:
        assert row["choices"]["label"] == list("ABCDE")
        assert len(row["choices"]["text"]) == 5
        assert row["answerKey"] in row["choices"]["label"]
        assert row["question_concept"]


def test_commonsense_qa_ids_are_short_and_unique(csqa: list[Row]) -> None:
    assert len({row["id"] for row in csqa}) == len(csqa)
    assert all(re.fullmatch("[0-9a-f]{16}", row["id"]) for row in csqa)


def test_commonsense_qa_letters_are_right_equally_often(csqa: list[Row]) -> None:
    assert set(Counter(row["answerKey"] for row in of_split(csqa, "validation")).values()) == {4}
    assert set(Counter(row["answerKey"] for row in of_split(csqa, "train"))) == set("ABCDE")


def test_the_right_choice_of_commonsense_qa_cannot_be_told_by_its_length(csqa: list[Row]) -> None:
    longest = [max(options(row), key=len) == options(row)["ABCDE".index(row["answerKey"])] for row in csqa]
    assert sum(longest) / len(csqa) < 0.35


# MMMLU


def test_all_14_languages_have_the_same_12_questions(by_language: dict[str, list[Row]]) -> None:
    assert set(by_language) == set(SCRIPTS)
    keyed = {
        tuple((row["Subject"], row["Answer"], row["split"]) for row in rows) for rows in by_language.values()
    }
    assert len(keyed) == 1
    assert len(keyed.pop()) == 12


def test_three_subjects_of_each_domain(by_language: dict[str, list[Row]]) -> None:
    from mmlubench.datasets.sets.subjects import SUBJECTS

    subjects = [row["Subject"] for row in by_language["DE_DE"]]
    assert subjects == sorted(set(subjects))
    domains = Counter(SUBJECTS[subject].category for subject in subjects)
    assert domains == {"stem": 3, "humanities": 3, "social_sciences": 3, "other": 3}


def test_each_letter_is_right_three_times_in_each_language(by_language: dict[str, list[Row]]) -> None:
    for rows in by_language.values():
        assert Counter(row["Answer"] for row in rows) == dict.fromkeys("ABCD", 3)


@pytest.mark.parametrize("language", sorted(SCRIPTS))
def test_every_question_is_written_in_the_script_of_its_language(
    by_language: dict[str, list[Row]], language: str
) -> None:
    # A text in the wrong column, or mis-decoded on the way, would be a score for another language.
    script, marks = SCRIPTS[language]
    letters = re.compile(f"[{script}]")
    for row in by_language[language]:
        assert all(letters.match(c) for c in row["Question"] if c.isalpha()), row["Question"]
    text = everything(by_language[language])
    assert [mark for mark in marks if unicodedata.normalize("NFC", mark) not in text] == []


def test_kana_hangul_and_chinese_characters_do_not_mix(by_language: dict[str, list[Row]]) -> None:
    assert not re.search(r"[\u3040-\u30ff\uac00-\ud7a3]", everything(by_language["ZH_CN"]))
    assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", everything(by_language["KO_KR"]))
    assert not re.search(r"[\uac00-\ud7a3]", everything(by_language["JA_JP"]))


def test_options_of_the_other_scripts_are_translated_too(by_language: dict[str, list[Row]]) -> None:
    # Numbers and chemical formulas are the same everywhere; everything else is not.
    for language in ("AR_XY", "BN_BD", "HI_IN", "JA_JP", "KO_KR", "ZH_CN"):
        for row in by_language[language]:
            if row["Subject"] != "high_school_chemistry":
                assert not re.search("[A-Za-z]", " ".join(options(row))), row


# the real data


def real_questions(folder: Path) -> list[str]:
    import pyarrow.parquet as pq

    files = sorted(folder.glob("*/**/*.parquet"))
    assert files, f"no parquet files under {folder}"
    texts = []
    for file in files:
        schema = pq.read_schema(file)
        columns = [
            field.name for field in schema if "question" in field.name.lower() and field.type == "string"
        ]
        assert columns, f"no question in {file}"
        for column in pq.read_table(file, columns=columns).columns:
            texts += [str(text) for text in column.to_pylist()]
    return texts


@pytest.mark.real_data
def test_no_question_of_a_sample_is_one_of_a_real_data_set() -> None:
    # The samples must stay our own text: neither a copy of a real row nor one with a few words changed.
    folder = os.environ.get("MMLUBENCH_DATA")
    if not folder:
        pytest.skip(
            "set MMLUBENCH_DATA to a folder with the data sets' *.parquet to compare with the real rows"
        )
    real = real_questions(Path(folder))
    own = [asked.text for name in NAMES for asked in sample(name)]
    assert not {plain(text) for text in own} & {plain(text) for text in real}

    bags = set(map(words, real))
    frequency = Counter(word for bag in bags for word in bag)
    holding: dict[str, list[frozenset[str]]] = defaultdict(list)
    for bag in bags:
        for word in bag:
            holding[word].append(bag)
    for text in own:
        bag = words(text)
        # A text that shares more than four fifths of these words holds at least one of the rarest fifth.
        rare = sorted(bag, key=frequency.__getitem__)[: len(bag) // 5 + 1]
        near = (other for word in rare for other in holding.get(word, ()))
        assert all(len(bag & other) <= TOO_ALIKE * len(bag | other) for other in near), text

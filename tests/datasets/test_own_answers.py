"""Answers and choices of a user's own data: what is read, what is doubted, and what `shuffle: true` does."""

# ruff: noqa: RUF001 (other scripts are the point)
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from mmlubench.datasets import DataSet, load
from mmlubench.datasets.from_yaml import description
from mmlubench.datasets.packed import Packer
from mmlubench.errors import DataError
from mmlubench.named_letters import names_letters

Own = Callable[..., DataSet]
FOUR = ["w", "x", "y", "z"]


@pytest.fixture
def own(tmp_path: Path) -> Own:
    """Load rows of question, choices and answer, and of other columns, as a YAML describes them."""

    def loaded(rows: Sequence[Mapping[str, Any]], **said: Any) -> DataSet:
        (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        columns = {"question": "q", "choices": "c", "answer": "a", **said.pop("columns", {})}
        path = tmp_path / "own.benchmark.yaml"
        path.write_text(yaml.safe_dump({"name": "own", "file": "rows.jsonl", "columns": columns, **said}))
        return load(description.read(path), "hub")

    return loaded


def rows(answers: Sequence[Any], choices: Any = FOUR) -> list[dict[str, Any]]:
    return [{"q": f"Which of these is number {n}?", "c": choices, "a": a} for n, a in enumerate(answers)]


def letters(data: DataSet) -> str:
    return "".join(question.answer for question in data.questions)


# -- numbers from 0 or from 1


def test_numbers_without_a_zero_are_warned_of(own: Own) -> None:
    data = own(rows([1, 2, 3, 1, 2, 3]))
    assert letters(data) == "BCDBCD"  # as they are counted from 0; never a guess
    assert "none is 0: say `index_base: 1` if they are counted from 1" in data.notice


@pytest.mark.parametrize("said", [{"index_base": 0}, {"index_base": 1}])
def test_whoever_says_the_base_is_not_warned(own: Own, said: dict[str, Any]) -> None:
    assert own(rows([1, 2, 3, 1, 2, 3]), **said).notice == ""


def test_numbers_with_a_zero_labels_and_texts_are_no_reason_to_warn(own: Own) -> None:
    assert own(rows([0, 2, 3, 1, 2, 3])).notice == ""
    labelled = {"text": FOUR, "label": [1, 2, 3, 4]}
    assert (letters(data := own(rows([1, 2, 3, 4, 2], labelled))), data.notice) == ("ABCDB", "")
    numbers = ["2", "3", "4", "5"]
    assert own(rows([2, 3, 4, 5, 4], numbers), answer="text").notice == ""


def test_a_number_behind_the_last_choice_says_which_base_would_fit(own: Own) -> None:
    with pytest.raises(DataError) as caught:
        own(rows([1, 2, 4]))
    assert str(caught.value).endswith(
        "row 2: answer is 4, and a whole number from 0 to 3 was expected; no answer is 0, so they seem to "
        "count from 1: then say `index_base: 1` (rows count from 0)."
    )
    with pytest.raises(DataError, match=r"a whole number from 0 to 3 was expected \(rows"):
        own(rows([0, 2, 4]))  # counted from 1, 0 is no choice either


# -- the same letter in every row


@pytest.mark.parametrize(
    ("answers", "warned"), [("AAAA", True), ("DDDDD", True), ("AAB", False), ("AABA", False)]
)
def test_one_letter_in_every_row_is_warned_of(own: Own, answers: str, warned: bool) -> None:
    data = own(rows(answers))
    assert ("the right letter of all" in data.notice) is warned
    assert ("`shuffle: true`" in data.notice) is warned


def test_shuffled_choices_keep_the_right_one_and_record_their_order(own: Own) -> None:
    plain, mixed = own(rows("D" * 60)), own(rows("D" * 60), shuffle=True)
    assert "shuffled" in mixed.notice
    assert "warning" not in mixed.notice
    assert min(Counter(letters(mixed)).get(letter, 0) for letter in "ABCD") > 5  # about as often each
    for before, after in zip(plain.questions, mixed.questions, strict=True):
        assert (before.order, sorted(after.order)) == ("", [*"ABCD"])
        assert after.choices["ABCD".index(after.answer)] == "z"
        assert [before.choices["ABCD".index(letter)] for letter in after.order] == [*after.choices]
    assert mixed.sha256 != plain.sha256


def test_shuffled_order_depends_on_the_id_alone(own: Own, tmp_path: Path) -> None:
    made = own(rows("A" * 30), shuffle=True).questions
    fewer = own(rows("A" * 30)[:7], shuffle=True).questions
    assert [*made[:7]] == [*fewer]
    assert [question.order for question in made[:4]] == ["CBAD", "BACD", "BCDA", "BDCA"]  # in every version
    code = (
        "import sys; from mmlubench.datasets import load; from mmlubench.datasets.from_yaml import description;"
        "print(*(q.order for q in load(description.read(sys.argv[1]), 'hub').questions))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "own.benchmark.yaml")]
    for seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        found = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()
        assert found == [question.order for question in fewer]


def test_worked_examples_are_shuffled_too(own: Own) -> None:
    both = [{**row, "s": "dev" if n < 20 else "test"} for n, row in enumerate(rows("A" * 40))]
    data = own(both, columns={"split": "s"}, split="test", shots_split="dev", shuffle=True)
    shots = data.examples["own"]
    assert len(set(letters(data))) > 1
    assert len({shot.answer for shot in shots}) > 1
    assert all(shot.choices["ABCD".index(shot.answer)] == "w" for shot in shots)


def test_packed_questions_keep_their_order(own: Own) -> None:
    made = own(rows("A" * 5), shuffle=True).questions
    packer = Packer()
    packer.add([*made])
    assert packer.packed() == made


# -- the shapes that people's data have


@pytest.mark.parametrize(
    "answer", ["B", "b", " b ", "(B)", "b)", "B.", "(b).", "B:", 1, "1", 1.0, "1.0", "x", "x "]
)
def test_spellings_of_an_answer(own: Own, answer: Any) -> None:
    if answer == "(b).":
        with pytest.raises(
            DataError, match="a letter from A to D, or a whole number from 0 to 3, or the text"
        ):
            own(rows([answer]))
    else:
        assert letters(own(rows([answer]))) == "B"


@pytest.mark.parametrize(
    "choices",
    [
        {"A": "w", "B": "x", "C": "y"},
        {"A": "w", "B": "x", "C": "y", "D": None},
        '{"A": "w", "B": "x", "C": "y"}',
        [{"label": "A", "text": "w"}, {"label": "B", "text": "x"}, {"label": "C", "text": "y"}],
        {"text": ["w", "x", "y"], "label": ["A", "B", "C"]},
        ["w", "x", "y", None, ""],
        "['w', 'x', 'y']",
        '["w", "x", "y"]',
        "('w', 'x', 'y')",
    ],
)
def test_shapes_of_choices(own: Own, choices: Any) -> None:
    if isinstance(choices, str) and choices.startswith("("):
        with pytest.raises(DataError, match="a list of 2 to 26 was expected"):
            own(rows(["B"], choices))
    else:
        (question,) = own(rows(["B"], choices)).questions
        assert (question.choices, question.answer) == (("w", "x", "y"), "B")


def test_keys_that_are_numbers_name_the_right_choice(own: Own) -> None:
    assert letters(own(rows(["1", "3"], {"1": "w", "2": "x", "3": "y"}), answer="letter")) == "AC"


def test_true_and_false_are_choices(own: Own) -> None:
    assert letters(own(rows([True, False], [True, False]))) == "AB"
    assert letters(own(rows([True, False], ["False", "True"]))) == "BA"


@pytest.mark.parametrize("text", ["['w' 'x' 'y']", "[w, x]", "[" * 5000, "w|x|y", "['w', 'x'" + ", [" * 3000])
def test_a_text_that_is_no_list_is_told(own: Own, text: str) -> None:
    with pytest.raises(DataError, match=r"row 0: it has .*, and a list of 2 to 26 was expected"):
        own(rows(["A"], text))


def test_choices_that_carry_their_letters_are_warned_of(own: Own) -> None:
    assert "prompts add their own" in own(rows("ABC", ["A. w", "B. x", "C. y"])).notice
    assert own(rows("ABC", ["A. Lincoln", "T. Roosevelt", "C. Coolidge"])).notice == ""
    shuffled = own(rows("ABC" * 4, ["A. w", "B. x", "C. y"]), shuffle=True).notice
    assert "prompts add their own, which are others in the new order: take theirs out" in shuffled
    assert "warning" not in own(rows("ABC" * 4, ["w", "x", "y"]), shuffle=True).notice


def test_questions_and_choices_that_are_there_twice_are_warned_of(own: Own) -> None:
    made = rows("ABCD")
    notice = own([*made, {**made[0], "a": "B"}, made[1], {**made[2], "c": FOUR[::-1], "a": "B"}]).notice
    assert notice == (
        "warning: 3 questions of 7 there before (see --dedup); 1 question with different right answers"
    )
    assert own([*made, {**made[0], "q": "?", "c": ["w", "w"]}]).notice == (
        "warning: two choices are the same in 1 question"
    )


def test_a_list_of_structs_in_parquet(own: Own, tmp_path: Path, stand_in: ModuleType) -> None:
    own(rows("A"))
    choices = [{"label": "1", "text": "w"}, {"label": "2", "text": "x"}]
    (tmp_path / "rows.parquet").write_bytes(stand_in.parquet(rows(["2", "1"], choices)))
    path = tmp_path / "own.benchmark.yaml"
    path.write_text(path.read_text().replace("rows.jsonl", "rows.parquet"))
    questions = load(description.read(path), "hub").questions
    assert [(q.choices, q.answer) for q in questions] == [(("w", "x"), "B"), (("w", "x"), "A")]


# -- the language

CHINESE = {"q": "下列哪一项是中国的首都？", "c": ["北京", "上海", "广州", "深圳"], "a": "A"}
JAPANESE = {"q": "日本の首都はどこですか。", "c": ["東京", "大阪"], "a": "A"}


@pytest.mark.parametrize(
    ("row", "language"),
    [
        (CHINESE, "zh"),
        (JAPANESE, "ja"),
        ({"q": "대한민국의 수도는?", "c": ["서울", "부산"], "a": "A"}, "ko"),
        ({"q": "ما هي عاصمة مصر؟", "c": ["القاهرة", "الإسكندرية"], "a": "A"}, "ar"),
        ({"q": "भारत की राजधानी क्या है?", "c": ["दिल्ली", "मुंबई"], "a": "A"}, "hi"),
        ({"q": "বাংলাদেশের রাজধানী কী?", "c": ["ঢাকা", "খুলনা"], "a": "A"}, "bn"),
        ({"q": "What does 你好 mean?", "c": ["hello", "bye"], "a": "A"}, ""),
        ({"q": "Столица России?", "c": ["Москва", "Тверь"], "a": "A"}, ""),
        ({"q": "1 + 1 = ?", "c": ["2", "3"], "a": "A"}, ""),
    ],
)
def test_the_script_tells_the_language(own: Own, row: dict[str, Any], language: str) -> None:
    data = own([row])
    assert data.questions[0].language == language
    assert (f"taken for `language: {language}`" in data.notice) is bool(language)


def test_a_language_that_is_said_is_not_told_by_the_script(own: Own) -> None:
    data = own([CHINESE], language="ZH_TW")
    assert (data.questions[0].language, data.notice) == ("ZH_TW", "")


def test_a_question_has_one_id_in_every_language(own: Own) -> None:
    both = [{**row, "l": language, "i": "7"} for row, language in ((CHINESE, "ZH_CN"), (JAPANESE, "JA_JP"))]
    data = own(both, columns={"language": "l", "id": "i"})
    assert [question.id for question in data.questions] == ["own/JA_JP/own/7", "own/ZH_CN/own/7"]


def test_subjects_that_differ_in_blanks_alone_have_ids_of_their_own(own: Own) -> None:
    both = [
        {**row, "s": subject}
        for row, subject in zip(rows("ABC"), ["high school", "high_school"] * 2, strict=False)
    ]
    data = own(both, columns={"subject": "s"})
    assert [(q.id, q.subject) for q in data.questions] == [
        ("own/high_school/0000", "high school"),
        ("own/high_school/0002", "high school"),
        ("own/high_school/0001", "high_school"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Both A and B",
        "neither A nor B",
        "A and C only",
        "(A), (B), and (C)",
        "A, B",
        "both A and D are correct.",
    ],
)
def test_a_question_whose_choices_name_letters_is_not_shuffled(own: Own, text: str) -> None:
    data = own(rows("ABCD" * 3, ["w", "x", text, "z"]), shuffle=True)
    assert letters(data) == "ABCD" * 3
    assert data.notice.startswith(
        "choices shuffled by the id of their question, but for 12 questions whose choices name letters"
    )


@pytest.mark.parametrize(
    "text", ["A", "x and y are both vitamins", "Vitamins A and D", "C++", "BRCA and B", ""]
)
def test_other_choices_are(text: str) -> None:
    assert not names_letters(["w", text])

"""A benchmark of the user's own: what a YAML may say, and what is said of one that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.datasets import load
from mmlubench.datasets.base import Rows
from mmlubench.datasets.from_yaml import description
from mmlubench.datasets.from_yaml.rows import Columns, questions
from mmlubench.errors import DataError, EmptySelection
from mmlubench.schema import ALPHABET, Question

Put = Callable[..., Path]
CSV = """\
Question,A,B,C,D,Right,Topic
What is the capital of Peru?,Lima,Quito,Bogotá,,A,south america
"Paris, of all towns, lies on the",Rhine,Seine,Danube,Elbe,B,europe
Which is a town?,Oslo,Norway,,,A,europe
"""
COLUMNS = {"question": "Question", "choices": [*"ABCD"], "answer": "Right"}


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a YAML and the files it names, and return the path of the YAML."""

    def write(
        said: Mapping[str, Any] | str | None = None, files: Mapping[str, str] | None = None, **more: Any
    ) -> Path:
        for name, text in (files or {"rows.csv": CSV}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        usual = {"name": "towns", "file": "rows.csv", "columns": COLUMNS}
        path = tmp_path / "towns.benchmark.yaml"
        path.write_text(said if isinstance(said, str) else yaml.safe_dump({**usual, **(said or {}), **more}))
        return path

    return write


def asked(path: Path) -> tuple[Question, ...]:
    return tuple(load(description.read(path), "hub").questions)


# -- what it gives


def test_a_csv_becomes_questions(put: Put, tmp_path: Path) -> None:
    spec = description.read(put(description="Towns and rivers.", columns={**COLUMNS, "subject": "Topic"}))
    assert (spec.name, spec.description, spec.languages) == ("towns", "Towns and rivers.", ())
    towns = load(spec, "nowhere that matters")
    assert [question.id for question in towns.questions] == [
        "towns/europe/0000",
        "towns/europe/0001",
        "towns/south_america/0000",
    ]
    first, second, third = towns.questions
    assert (first.text, first.choices, first.answer) == (
        "Paris, of all towns, lies on the",
        ("Rhine", "Seine", "Danube", "Elbe"),
        "B",
    )
    assert second.choices == ("Oslo", "Norway")  # a row may have fewer choices than there are columns
    assert (third.subject, third.category, third.benchmark) == ("south america", "towns", "towns")
    assert towns.source == f"{tmp_path}/rows.csv"
    assert (towns.examples, towns.notice) == ({}, "")


def test_changed_rows_have_another_hash(put: Put) -> None:
    one = load(description.read(put()), "hub").sha256
    assert one != load(description.read(put(files={"rows.csv": CSV.replace("Elbe", "Oder")})), "hub").sha256


@pytest.mark.parametrize("suffix", [".tsv", ".json", ".jsonl", ".parquet"])
def test_every_kind_of_file_gives_the_same_questions(
    put: Put, tmp_path: Path, suffix: str, stand_in: ModuleType
) -> None:
    rows = [
        {"Question": "What?", "A": "x", "B": "y", "Right": "A"},
        {"Question": "Why?", "A": "y", "B": "z", "Right": "B"},
    ]
    content = {
        ".tsv": "\n".join(
            "\t".join(values) for values in ([*rows[0]], *(row.values() for row in rows))
        ).encode(),
        ".json": orjson.dumps(rows),
        ".jsonl": b"\n".join(map(orjson.dumps, rows)) + b"\n\n",
        ".parquet": stand_in.parquet(rows),
    }[suffix]
    (tmp_path / f"rows{suffix}").write_bytes(content)
    path = put(file=f"rows{suffix}", columns={**COLUMNS, "choices": ["A", "B"]})
    assert [(q.text, q.choices, q.answer) for q in asked(path)] == [
        ("What?", ("x", "y"), "A"),
        ("Why?", ("y", "z"), "B"),
    ]


def test_paths_are_taken_from_the_folder_of_the_yaml(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(file="below/rows.csv", files={"below/rows.csv": CSV})
    monkeypatch.chdir("/")
    assert len(asked(path)) == 3


def test_all_columns_find_their_place(put: Put) -> None:
    line = {
        "q": "Wie?",
        "c": ["a", "b"],
        "a": "B",
        "s": "tiere",
        "k": "natur",
        "i": 17,
        "w": "Darum (B).",
        "l": "DE_DE",
    }
    columns = {field.name: name for field, name in zip(fields(Columns), "qcaskiwl", strict=False)}
    (question,) = asked(put(file="r.jsonl", files={"r.jsonl": orjson.dumps(line).decode()}, columns=columns))
    assert question == Question(
        "towns/tiere/17", "towns", "tiere", "natur", "Wie?", ("a", "b"), "B", "DE_DE", "Darum (B)."
    )


def test_one_language_may_be_said_for_all(put: Put) -> None:
    assert {question.language for question in asked(put(language="DE_DE"))} == {"DE_DE"}
    with pytest.raises(EmptySelection):  # but there is none to choose from
        load(description.read(put()), "hub", languages=["de"])


def test_worked_examples_come_from_a_file_of_their_own_or_by_a_column(put: Put) -> None:
    more = CSV.replace("Peru", "Chile").replace("Lima", "Santiago")
    apart = load(description.read(put(shots_file="dev.csv", files={"rows.csv": CSV, "dev.csv": more})), "hub")
    assert [q.id for q in apart.examples["towns"]] == [
        "towns/towns/dev-0000",
        "towns/towns/dev-0001",
        "towns/towns/dev-0002",
    ]
    assert apart.examples["towns"][0].text == "What is the capital of Chile?"
    said = {"split": "europe", "shots_split": "south america", "columns": {**COLUMNS, "split": "Topic"}}
    together = load(description.read(put(said)), "hub")
    assert (len(together.questions), len(together.examples["towns"])) == (2, 1)


def test_ids_may_hold_what_a_test_id_may_not(put: Put) -> None:
    files = {"rows.csv": "Question,A,B,Right,Id\nWhat?,x,y,A,a/b c[1]::2\n"}
    columns = {**COLUMNS, "choices": ["A", "B"], "id": "Id"}
    assert [q.id for q in asked(put(files=files, columns=columns))] == ["towns/towns/a_b_c_1_2"]


# -- how the right answer is named


def made(answers: Sequence[Any], choices: Sequence[Any], way: str = "auto", base: int = 0) -> list[str]:
    columns = Columns("q", "c", "a")
    cells = {"q": ["?"] * len(answers), "c": [*choices], "a": [*answers]}
    return [one.answer for one in questions("own", columns, way, base, "", "", [Rows("file", cells)])]


@pytest.mark.parametrize(
    ("way", "base", "answers", "expected"),
    [
        ("letter", 0, ["A", "c ", "B"], "ACB"),
        ("index", 0, [0, "2", 1], "ACB"),
        ("index", 1, [1, "3", 2], "ACB"),
        ("text", 0, ["red", " blue", "green"], "ACB"),
        ("auto", 0, ["A", "c", "B"], "ACB"),
        ("auto", 0, [0, 2, 1], "ACB"),
        ("auto", 1, ["1", "3", "2"], "ACB"),
        ("auto", 0, ["red", "blue", "green"], "ACB"),
    ],
)
def test_letter_number_and_text(way: str, base: int, answers: list[Any], expected: str) -> None:
    assert "".join(made(answers, [["red", "green", "blue"]] * 3, way, base)) == expected


def test_labels_of_the_data_are_letters_too() -> None:
    choices = {"text": ["red", "green", "blue"], "label": ["1", "2", "3"]}
    assert made(["3", "1"], [choices, choices], "letter") == ["C", "A"]
    letters = {"text": ["red", "green"], "label": ["A", "B"]}
    assert made(["B"], [letters]) == ["B"]


def test_a_list_may_stand_in_a_cell_as_json() -> None:
    assert made(["B"], ['["red", "green"]']) == ["B"]


def test_numbers_are_choices_as_they_are_written() -> None:
    assert made(["1.5"], [[1, 1.5, 2]], "text") == ["B"]


def test_what_fits_in_two_ways_that_differ_is_not_guessed() -> None:
    # Read by number, "2" is C; read as text it is A.
    with pytest.raises(DataError) as caught:
        made(["1", "2"], [["0", "1", "2"], ["2", "3", "4"]])
    assert str(caught.value) == (
        "file, row 1: answer is '2', which can be read as index and as text; say which it is, "
        "as in `answer: index` (rows count from 0)."
    )
    assert made(["1", "2"], [["0", "1", "2"], ["2", "3", "4"]], "index") == ["B", "C"]
    assert made(["1", "2"], [["0", "1", "2"], ["0", "3", "2"]]) == ["B", "C"]  # here both say the same


@given(st.data(), st.sampled_from(["letter", "index", "text"]), st.sampled_from([0, 1]))
def test_whatever_the_way_the_choice_is_the_one_that_was_meant(
    data: st.DataObject, way: str, base: int
) -> None:
    choices = data.draw(
        st.lists(st.text("abcxyz ", min_size=1), min_size=2, max_size=26, unique_by=str.strip)
    )
    choices = [choice.strip() or "empty" for choice in choices]
    if len(set(choices)) < len(choices):
        return
    place = data.draw(st.integers(0, len(choices) - 1))
    named = {"letter": ALPHABET[place], "index": place + base, "text": choices[place]}[way]
    assert made([named], [choices], way, base) == [ALPHABET[place]]


@pytest.mark.parametrize(
    ("way", "base", "answer", "expected"),
    [
        ("letter", 0, "D", "answer is 'D', and a letter from A to C was expected"),
        ("letter", 0, None, "answer is None, and a letter from A to C was expected"),
        ("index", 0, 3, "answer is 3, and a whole number from 0 to 2 was expected"),
        ("index", 1, 0, "answer is 0, and a whole number from 1 to 3 was expected"),
        ("text", 0, "pink", "answer is 'pink', and the text of exactly one of its choices was expected"),
        ("auto", 0, "D", "answer is 'D', and a letter from A to C was expected"),
    ],
)
def test_an_answer_that_names_no_choice_is_told(way: str, base: int, answer: Any, expected: str) -> None:
    good = {"letter": "A", "index": 1, "text": "red", "auto": "A"}[way]
    with pytest.raises(DataError) as caught:
        made([good, good, answer], [["red", "green", "blue"]] * 3, way, base)
    assert str(caught.value) == f"file, row 2: {expected} (rows count from 0)."


def test_the_text_of_two_choices_names_neither() -> None:
    with pytest.raises(DataError, match="the text of exactly one of its choices was expected"):
        made(["red"], [["red", "red"]], "text")


# -- rows that cannot be used


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        (["only"], "it has 1 choice, and a list of 2 to 26 was expected"),
        ([*ALPHABET, "more"], "it has 27 choices, and a list of 2 to 26 was expected"),
        ("red", "it has the choices 'red', and a list of 2 to 26 was expected"),
        (None, "it has the choices None, and a list of 2 to 26 was expected"),
        (["red", "", "blue"], "choice B is '', and a text was expected"),
        (["red", None], "choice B is None, and a text was expected"),
        (["red", ["blue"]], "choice B is ['blue'], and a text was expected"),
        (
            {"label": ["A", "B"]},
            "it has the choices {'label': ['A', 'B']}, and a list of 2 to 26 was expected",
        ),
    ],
)
def test_choices_that_are_none_are_told(choices: Any, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        made(["A"], [choices])
    assert str(caught.value) == f"file, row 0: {problem} (rows count from 0)."


def test_eleven_options_are_fine_in_data_of_ones_own() -> None:
    assert made(["K"], [[*"abcdefghijk"]]) == ["K"]


def test_a_gap_between_choices_is_told(put: Put) -> None:
    with pytest.raises(DataError, match=r"rows\.csv, row 2: choice B is '', and a text was expected"):
        asked(put(files={"rows.csv": CSV.replace("Oslo,Norway,,", "Oslo,,Norway,")}))


def test_an_empty_question_is_told(put: Put) -> None:
    with pytest.raises(DataError, match=r"row 2: Question is '', and a text that is not empty was expected"):
        asked(put(files={"rows.csv": CSV.replace("Which is a town?", "")}))


def test_two_rows_of_one_id_are_told(put: Put) -> None:
    path = put(columns={**COLUMNS, "id": "Topic"})
    with pytest.raises(DataError) as caught:
        asked(path)
    assert str(caught.value) == (
        f"{path.parent}/rows.csv, row 2: the id 'europe' is that of row 1 too, and every row needs its own "
        "(rows count from 0)."
    )


def test_an_empty_data_set_is_told(put: Put) -> None:
    with pytest.raises(DataError, match=r"rows\.csv: it has no rows, and at least one question was expected"):
        asked(put(files={"rows.csv": CSV.splitlines()[0] + "\n"}))
    with pytest.raises(DataError, match=r"rows\.csv: it is empty, and a line with the names of its columns"):
        asked(put(files={"rows.csv": ""}))


def test_a_column_that_is_not_there_is_told_with_those_that_are(put: Put) -> None:
    with pytest.raises(DataError) as caught:
        asked(put(columns={**COLUMNS, "answer": "Answer"}))
    assert str(caught.value).endswith(
        "rows.csv: column 'Answer' is missing; expected Question, A, B, C, D, Answer, "
        "found Question, A, B, C, D, Right, Topic."
    )


def test_a_split_that_no_row_has_is_told_with_those_that_are_there(put: Put) -> None:
    said = {"split": "asia", "columns": {**COLUMNS, "split": "Topic"}}
    with pytest.raises(
        DataError, match=r"no row has 'asia' in its column 'Topic'; found south america, europe\."
    ):
        asked(put(said))


def test_a_cell_that_is_neither_text_nor_number_is_told(put: Put) -> None:
    line = orjson.dumps({"q": "?", "c": ["a", "b"], "a": "A", "s": ["x"]}).decode()
    columns = dict(zip(("question", "choices", "answer", "subject"), "qcas", strict=True))
    with pytest.raises(DataError, match=r"row 0: s is \['x'\], and a text was expected"):
        asked(put(file="r.jsonl", files={"r.jsonl": line}, columns=columns))


# -- a YAML that cannot be used

COMMIT = "c" * 40


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"colums": {}},
            "unknown key 'colums'; allowed here: name, description, file, shots_file, hub, config, ",
        ),
        ({"colums": {}}, "did you mean 'columns'?"),
        (
            {"columns": {**COLUMNS, "anser": "x"}},
            "unknown key 'columns.anser'; allowed here: question, choices,",
        ),
        (
            {"columns": {"question": "q", "choices": "c"}},
            "columns.answer is missing: give the name of the column of answers.",
        ),
        (
            {"columns": {**COLUMNS, "answer": 3}},
            "columns.answer is 3: give the name of the column of answers.",
        ),
        (
            {"columns": {**COLUMNS, "choices": [1, 2]}},
            "columns.choices is [1, 2]: give the name of a column that holds lists, or a list of 2 to 26 names.",
        ),
        (
            {"columns": {**COLUMNS, "choices": ["A"]}},
            "columns.choices is ['A']: give the name of a column that holds lists, or a list of 2 to 26 names.",
        ),
        (
            {"columns": {**COLUMNS, "choices": ["A", ""]}},
            "columns.choices is ['A', '']: give the name of a column that holds lists, or a list of 2 to 26 names.",
        ),
        ({"columns": "Question"}, "columns is 'Question': give keys and values."),
        (
            {"name": None},
            "name is missing: give a name of letters, digits and underscores, such as capitals.",
        ),
        (
            {"name": "my towns"},
            "name is 'my towns': give a name of letters, digits and underscores, such as capitals.",
        ),
        ({"file": None}, "it must have either file, for rows on this machine, or hub, for a data set there."),
        ({"hub": "o/n"}, "it must have either file, for rows on this machine, or hub"),
        ({"file": None, "hub": "o/n"}, "hub needs revision, the commit in full (40 digits from 0 to f)"),
        ({"file": None, "hub": "o/n", "revision": "main"}, "hub needs revision, the commit in full"),
        (
            {"file": None, "hub": "o/n", "revision": COMMIT, "shots_file": "x.csv"},
            "shots_file goes with file;",
        ),
        ({"revision": COMMIT}, "revision goes with hub; leave it out for a file."),
        ({"answer": "number"}, "answer is 'number': give one of letter, index, text, flag, first, auto."),
        ({"index_base": "1"}, "index_base is '1': give a whole number."),
        ({"index_base": True}, "index_base is True: give a whole number."),
        (
            {"columns": {**COLUMNS, "question": "{a:upper}"}},
            "columns.question has 'upper', and a column, or a text such as '{title}: {text}', was expected.",
        ),
        ({"columns": {**COLUMNS, "question": "{a"}}, "columns.question has '{a', and a column, or a text"),
        ({"columns": {**COLUMNS, "question": "{{a}}"}}, "columns.question has '{{a}}', and a column, or a"),
        ({"replace": {"(": ""}}, "replace has '(', which is no regular expression ("),
        ({"replace": {"a": r"\1"}}, "replace has 'a', which is no regular expression ("),
        (
            {"replace": {"a": 1}},
            "replace is {'a': 1}: give texts by regular expression, such as {' +': ' '}.",
        ),
        ({"split": "test"}, "split chooses rows of a file by a column, so columns.split has to name it."),
    ],
)
def test_a_wrong_key_or_value_is_one_sentence(put: Put, change: dict[str, Any], problem: str) -> None:
    path = put(change)
    with pytest.raises(DataError) as caught:
        description.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: [", ", line 1: not valid YAML ("),
        ("- name", "expected the keys name, description, file, "),
        ("", "and found nothing."),
        ("name: a\x00b", "not valid YAML ("),
    ],
)
def test_what_is_no_such_yaml_is_one_sentence(put: Put, text: str, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        description.read(put(text))
    assert problem in str(caught.value)


def test_a_yaml_or_file_that_is_not_there_is_one_sentence(put: Put, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.yaml: cannot be read \(No such file"):
        description.read(tmp_path / "nowhere.yaml")
    with pytest.raises(
        DataError, match=r"there is no file .*/gone\.csv; a path is taken from the folder of this"
    ):
        asked(put(file="gone.csv"))


def test_a_file_of_another_kind_is_told_the_kinds(put: Put) -> None:
    with pytest.raises(
        DataError, match=r"rows\.xlsx: its name must end in one of \.csv, \.tsv, \.json, \.jsonl, "
    ):
        asked(put(file="rows.xlsx", files={"rows.xlsx": CSV}))

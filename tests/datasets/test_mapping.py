"""The shapes of published data sets as a YAML maps them: languages, subjects, passages, labels, choices in a text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.datasets.base import Rows
from mmlubench.datasets.from_yaml import in_text, wording
from mmlubench.datasets.from_yaml.kept import kept
from mmlubench.datasets.from_yaml.rows import Columns, questions
from mmlubench.errors import DataError
from mmlubench.schema import ALPHABET, Question, untranslated

WORDS = st.text("abcdefgh xyz", min_size=1, max_size=12).map(str.strip).filter(bool)


def rows(part: str = "", **columns: list[Any]) -> Rows:
    return Rows("made up", columns, part=part)


def asked(columns: Columns, *files: Rows, answer: str = "letter", parts: str = "") -> list[Question]:
    return questions("made", columns, answer, None, "", "", files, parts=parts)


@given(
    WORDS,
    st.lists(WORDS, min_size=2, max_size=10),
    st.sampled_from(["({}) ", "{}) "]),
    st.sampled_from(["\n", " "]),
)
def test_choices_are_cut_out_of_the_text_as_they_were_put_in(
    stem: str, choices: list[str], mark: str, between: str
) -> None:
    lines = [mark.format(letter) + choice for letter, choice in zip(ALPHABET, choices, strict=False)]
    text = between.join([f"{stem}?", *lines])
    assert in_text.cut(rows(q=[text]), 0, text) == (f"{stem}?", tuple(choices))


@pytest.mark.parametrize("text", ["No choices here.", "Q?\nA) one\nC) three", "Q?\nA) x", "A) x\nB) y"])
def test_a_text_without_its_choices_is_told_and_not_guessed(text: str) -> None:
    with pytest.raises(DataError, match="there are no choices in its text"):
        in_text.cut(rows(q=[text]), 0, text)


def test_a_heading_over_the_choices_is_no_part_of_the_question() -> None:
    text = "Which?\nAnswer Choices:\n(A) one\n(B) two"
    assert in_text.cut(rows(q=[text]), 0, text) == ("Which?", ("one", "two"))


def test_a_passage_stands_before_the_question_where_there_is_one() -> None:
    data = rows(p=["A miller.", None, " "], q=["Who?"] * 3, c=[["x", "y"]] * 3, a=["A"] * 3)
    made = asked(Columns("q", "c", "a", context="p"), data)
    assert [one.text for one in made] == ["A miller.\n\nWho?", "Who?", "Who?"]


def test_translations_share_what_is_left_of_their_ids_whatever_the_order_of_rows() -> None:
    columns = Columns("q", "c", "a", id=("link", "n"))
    choices = [["x", "y"]] * 2
    german = rows("de", q=["eins", "zwei"], c=choices, a=["A", "B"], link=["l", "l"], n=[1, 2])
    french = rows("fr", q=["deux", "un"], c=choices, a=["B", "A"], link=["l", "l"], n=[2, 1])
    made = [one for part in (german, french) for one in asked(columns, part, parts="language")]
    by_key: dict[str, set[str]] = {}
    for one in made:
        by_key.setdefault(untranslated(one.id, one.language), set()).add(one.text)
    assert by_key == {"made/made/l-1": {"eins", "un"}, "made/made/l-2": {"zwei", "deux"}}
    assert {one.language for one in made} == {"de", "fr"}


def test_a_configuration_is_the_subject_of_its_rows() -> None:
    made = asked(Columns("q", "c", "a"), rows("law", q=["?"], c=[["x", "y"]], a=["B"]), parts="subject")
    assert [(one.id, one.subject) for one in made] == [("made/law/0000", "law")]


def test_the_choice_with_the_label_1_is_right() -> None:
    cell = {"choices": ["x", "y", "z"], "labels": [0, 1, 0]}
    made = asked(Columns("q", "t", "t"), rows(q=["?"], t=[cell]), answer="flag")
    assert (made[0].choices, made[0].answer) == (("x", "y", "z"), "B")


@pytest.mark.parametrize("labels", [[1, 1, 0], [0, 0, 0], [1, 0], [0, 2, 0]])
def test_labels_of_which_not_exactly_one_is_1_are_told(labels: list[int]) -> None:
    data = rows(q=["?"], t=[{"choices": ["x", "y", "z"], "labels": labels}])
    with pytest.raises(DataError, match="of which one is 1"):
        asked(Columns("q", "t", "t"), data, answer="flag")


def test_a_question_is_put_together_out_of_columns() -> None:
    data = rows(t=["Tea", "Tea"], q=["she pours.", None], c=[["x", "y"]] * 2, a=["A", "B"])
    made = asked(Columns("{t}: {q:capitalized}", "c", "a"), data)
    assert [one.text for one in made] == ["Tea: She pours.", "Tea:"]


def test_a_question_of_empty_columns_is_told() -> None:
    with pytest.raises(DataError, match="t, q are empty, and a text was expected"):
        asked(Columns("{t}{q}", "c", "a"), rows(t=[" "], q=[None], c=[["x", "y"]], a=["A"]))


@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(st.sampled_from(["[title]", "[step] "]), max_size=3))
def test_what_is_replaced_never_leaves_an_empty_text(words: list[str], marks: list[str]) -> None:
    text = "".join(marks)
    assert wording.tidied(text, {r"\[.*?\]": ""}).strip() == text.strip() or not marks
    both = " ".join([*marks, *words])
    assert wording.tidied(both, {r"\[.*?\]": "", " +": " "}).split() == " ".join(words).split()


@given(st.lists(st.sampled_from("ab"), min_size=1), st.sampled_from("ab"))
def test_where_keeps_the_rows_with_that_value_and_their_numbers(values: list[str], wanted: str) -> None:
    expected = [at for at, value in enumerate(values) if value == wanted]
    data = rows(kind=values, n=[*range(len(values))])
    if not expected:
        with pytest.raises(DataError, match="no row has"):
            kept(data, {"kind": wanted}, {})
        return
    found = kept(data, {"kind": wanted}, {})
    assert [found.number(at) for at in range(len(found))] == expected == [*found.columns["n"]]


def test_rows_known_to_be_broken_are_left_out() -> None:
    assert kept(rows(n=[1, 2, 3]), {}, {"n": 2}).columns["n"] == [1, 3]

"""The figures of small data sets, against values worked by hand."""

from __future__ import annotations

import pytest

from tests.lab.explore.conftest import row

ROWS = [
    row("1", "Which moon is the largest?", "Io|Ganymede|Triton|Moon", "B"),
    row("2", "Which moon is the largest?", "Io|Ganymede|Triton|Moon", "C"),  # the same with another key
    row("3", "Which moon is the largest?", "Io|Europa|Titan|Phobos", "C"),  # the same text, other choices
    row("4", "Which is a moon?", "Io|Io|Mars|None of the above", "D"),
    row("5", "What fell?", "Rome, in the fall of the empire|Mars|Io|Sun", "A", "history"),
    row("6", "Is it hot?", "yes|no|sometimes|all of these", "B", "history"),
]


def test_baselines_are_counted_of_the_letters_and_lengths(planets, figures):
    planets(ROWS)
    found = figures("planets")["answers"]
    assert found["n"] == 6
    assert found["letters"] == {"A": 1, "B": 2, "C": 2, "D": 1}
    assert (found["majority_letter"], found["majority"]) == ("B", 2)
    assert found["majority_by_subject"] == 2 + 1  # C of moons; of history's A and B, either
    # The longest: 1 Ganymede (right), 2 Ganymede, 3 Europa and Phobos are as long and neither is right,
    # 4 "None of the above" (right), 5 "Rome, …" (right), 6 "all of these".
    assert found["longest"] == 3
    assert found["chance"] == 0.25
    assert [(one["subject"], one["n"], one["longest"]) for one in found["subjects"]] == [
        ("history", 2, 1),
        ("moons", 4, 2),
    ]


def test_repeated_questions_and_doubtful_choices_are_counted(planets, figures):
    planets(ROWS)
    found = figures("planets")["repeats"]
    assert found["same_question"] == 2
    assert found["same_whole"] == 1
    assert found["other_key"] == [["planets/moons/1", "planets/moons/2"]]
    assert found["equal_choices"] == ["planets/moons/4"]
    planets([row("1", "Which?", "a b| a  b |c|d", "C"), row("2", "Which?", "Bb|BB|bb|B b", "A")])
    assert figures("planets")["repeats"]["equal_choices"] == ["planets/moons/1"]
    assert found["all_or_none"] == 2  # "fall of the empire" refers to no other choice
    assert found["all_of_letters"] == 3


def test_lengths_are_those_of_question_and_choices(planets, figures, words):
    planets([row("1", "a b c", "d|e", "A"), row("2", "a", "b|c", "B")])
    found = {one["what"]: one for one in figures("planets", "--tokenizer", words)["lengths"]}
    assert found["characters of the question"]["mean"] == (5 + 1) / 2
    assert found["characters of question and choices"]["percentiles"]["100"] == 9  # with two line ends
    tokens = found[f"tokens: {words}"]
    assert (tokens["mean"], tokens["percentiles"]["100"]) == (4, 5)
    assert tokens["within"] == {"128": 2, "256": 2, "512": 2}


@pytest.mark.parametrize("length", [128, 129])
def test_a_question_of_as_many_tokens_as_the_limit_is_within_it(planets, figures, words, length):
    planets([row("1", " ".join(["a"] * (length - 2)), "b|c", "A")])
    within = figures("planets", "--tokenizer", words)["lengths"][-1]["within"]
    assert within == {"128": int(length == 128), "256": 1, "512": 1}


LANGUAGES = [
    row("1", "One moon", "Io|Mars", "A", language="en"),
    row("2", "Two moons", "Io|Mars", "B", language="en"),
    row("1", "Ein Mond ja", "Io|Mars", "A", language="de"),
    row("2", "Two moons", "Io|Mars", "A", language="de"),  # untranslated, and another key
    row("1", "एक चाँद", "आयो|मंगल", "A", language="hi"),
    row("2", "Two moons", "Io|मंगल", "B", language="hi"),
    row("3", "तीन", "आयो|मंगल", "B", language="hi"),  # not there in English
]


def test_languages_are_compared_with_english_by_item(planets, figures, words):
    planets(LANGUAGES)
    found = {one["language"]: one for one in figures("planets", "--tokenizer", words)["languages"]}
    german, hindi = found["de"], found["hi"]
    assert (german["n"], german["compared"]) == (2, 2)
    assert (german["untranslated"], german["untranslated_whole"]) == (1, 1)
    assert german["other_key"] == ["planets/de/moons/2"]
    assert german["length_ratio"] == pytest.approx((11 + 8 + 9 + 8) / (8 + 8 + 9 + 8))
    assert german["token_ratio"][str(words)] == pytest.approx((5 + 4) / (4 + 4))
    assert (hindi["n"], hindi["compared"]) == (3, 2)
    assert (hindi["untranslated"], hindi["untranslated_whole"]) == (1, 0)
    assert hindi["scripts"] == ["Devanagari"]
    assert hindi["latin"] == len("Twomoons") + len("Io")
    assert hindi["mostly_other"] == 1  # "Two moons" and "Io" against the letters of one word
    assert hindi["in_script"] + hindi["latin"] == hindi["letters"]


def test_an_unmatched_question_and_another_key_are_told(planets, lab):
    planets(LANGUAGES)
    told = " ".join(lab("explore", "planets").output.split())
    assert "hi: 1 of 3 questions could not be matched with English ones." in told
    assert "de: 50.0 % (1) of 2 keys differ from those in English" in told


def test_only_the_languages_that_are_asked_for_are_counted(planets, figures):
    planets(LANGUAGES)
    assert figures("planets", "--language", "de", "--language", "HI")["answers"]["languages"] == {
        "de": 2,
        "hi": 3,
    }


def test_columns_are_told_with_their_empty_cells(planets, figures):
    planets([row("1", "One?", "a|b", "A"), row("2", "Two?", "a|b|c", "B")])
    found = {one["name"]: one for one in figures("planets")["schema"]["columns"]}
    assert (found["choices"]["holds"], found["choices"]["rows"]) == ("list of 2 to 3 text", 2)
    assert (found["choices"]["blank"], found["choices"]["nulls"]) == (0, 0)
    assert (found["language"]["blank"], found["language"]["distinct"]) == (2, 1)
    assert (found["question"]["distinct"], found["subject"]["distinct"]) == (2, 1)


def test_rows_that_no_run_would_take_are_described_all_the_same(planets, lab):
    rows = [row("1", "One?", "a|b", "A"), row("2", "Two?", "a|b", "A")]
    rows[1]["question"] = None
    planets(rows)
    ended = lab("explore", "planets")
    assert ended.exit_code == 1
    line = next(line for line in ended.output.splitlines() if line.startswith("question "))
    assert line.split() == ["question", "text", "2", "50.0", "%", "(1)", "0", "1"]
    assert "rows.jsonl, row 1" in ended.output.splitlines()[-1]

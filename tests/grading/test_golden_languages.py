"""The golden corpora of the 14 languages: what a user would notice is a reply read wrongly, or not at all."""

import json
from collections import Counter
from pathlib import Path

import pytest

from mmlubench.grading import extract, is_refusal
from mmlubench.grading.languages import CODES, code_of
from mmlubench.grading.refusal import ANY_LANGUAGE


def rows(name):
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


REPLIES = rows("golden_languages.jsonl")
OTHER = rows("golden_other_languages.jsonl")
REFUSALS = rows("golden_refusals.jsonl")


@pytest.mark.parametrize("code", CODES)
def test_replies_are_read_as_a_person_would_read_them(code):
    mine = [row for row in REPLIES if code_of(row["language"]) == code]
    read = [
        (row["reply"], extract(row["reply"], row.get("letters", "ABCD"), row["language"])) for row in mine
    ]
    wrong = [
        f"{reply!r}: {found}"
        for row, (reply, found) in zip(mine, read, strict=True)
        if found[0] != row["letter"]
    ]
    assert not wrong


@pytest.mark.parametrize("language", ["", "EN_US", "SW_KE"])
def test_a_reply_in_another_language_than_the_question_is_read(language):
    # Chinese models answer in Chinese, and questions of one's own may say nothing of their language
    read = [(row, extract(row["reply"], "ABCD", language)) for row in OTHER]
    assert not [(row["reply"], found) for row, found in read if found.letter != row["letter"]]


def test_the_other_languages_are_many_and_of_both_kinds():
    assert len(OTHER) >= 140
    assert sum(row["letter"] is None for row in OTHER) >= 40


@pytest.mark.parametrize("code", CODES)
def test_each_language_has_many_spellings_of_both_kinds(code):
    mine = [row for row in REPLIES if code_of(row["language"]) == code]
    assert len({row["reply"] for row in mine if row["letter"]}) >= 25
    assert sum(row["letter"] is None for row in mine) >= 10


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: f"{row['language']}-{ascii(row['reply'])[1:30]}")
def test_a_refusal_is_told_from_doubt(row):
    assert is_refusal(row["reply"], row["language"]) is row["refusal"]
    assert is_refusal(row["reply"], ANY_LANGUAGE) is row["refusal"]


def test_refusals_of_all_languages_are_there():
    counts = Counter((code_of(row["language"]), row["refusal"]) for row in REFUSALS)
    assert set(counts) == {(code, kind) for code in CODES for kind in (True, False)}
    assert min(counts.values()) >= 5


def test_a_refusal_in_another_language_needs_its_locale():
    assert not is_refusal("Ich kann diese Frage nicht beantworten.")

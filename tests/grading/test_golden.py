"""The golden corpora in English: what a user would notice is a model's answer read wrongly, or not at all."""

import json
from pathlib import Path

import pytest

from mmlubench.grading import extract
from mmlubench.grading.extractions import read_default
from mmlubench.schema import Question


def rows(name):
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


ENGLISH, THINKING = rows("golden_english.jsonl"), rows("golden_thinking.jsonl")


def name_of(row):
    return f"{row['letter']}:{ascii(row['reply'])[1:41]}"


@pytest.mark.parametrize("row", ENGLISH, ids=name_of)
def test_reply_is_read_as_a_person_would_read_it(row):
    assert extract(row["reply"], row.get("letters", "ABCD")).letter == row["letter"]


@pytest.mark.parametrize("row", THINKING, ids=name_of)
def test_thinking_of_all_families_is_no_answer(row):
    question = Question("x/y/0", "x", "y", "z", "?", ("one", "two", "three", "four"), "B")
    assert read_default(row["reply"], question).letter == row["letter"]


@pytest.mark.parametrize(("corpus", "least"), [(ENGLISH, 1800), (THINKING, 140)])
def test_corpus_is_large_and_has_both_kinds(corpus, least):
    # a corpus that shrinks, or holds only easy cases, protects nobody
    assert len(corpus) >= least
    assert sum(row["letter"] is None for row in corpus) >= least / 4
    assert len({(row["reply"], row.get("letters")) for row in corpus}) == len(corpus)

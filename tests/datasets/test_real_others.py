"""The other real data sets, whole. Needs MMLUBENCH_DATA."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mmlubench.datasets import load
from mmlubench.datasets.length import shorter_than
from mmlubench.datasets.select import dedup
from mmlubench.datasets.sets import redux
from mmlubench.datasets.sets.commonsense_qa import COMMONSENSE_QA
from mmlubench.datasets.sets.mmlu_pro import COUNTS
from mmlubench.datasets.sets.mmmlu import LOCALES
from mmlubench.datasets.sets.subjects import SUBJECTS

pytestmark = pytest.mark.real_data

Real = Callable[..., Path]
SHAPE = Path(__file__).parents[2] / "perf" / "mmmlu_shape.py"


# -- MMLU-Pro


def test_mmlu_pro_is_complete(real_data: Real) -> None:
    pro = load("mmlu_pro", str(real_data("mmlu_pro")))
    assert Counter(question.category for question in pro.questions) == COUNTS
    assert pro.notice == ""
    by_number = Counter(len(question.choices) for question in pro.questions)
    assert by_number == {10: 9981, 9: 801, 4: 607, 8: 320, 7: 159, 6: 92, 5: 52, 3: 20}
    assert sum(len(examples) for examples in pro.examples.values()) == 70


def test_its_worked_examples_lost_their_fillers_and_have_solutions(real_data: Real) -> None:
    pro = load("mmlu_pro", str(real_data("mmlu_pro")))
    examples = [example for same in pro.examples.values() for example in same]
    assert all("N/A" not in example.choices and example.rationale for example in examples)
    assert Counter(len(example.choices) < 10 for example in examples)[True] == 21


def test_the_letter_decides_where_upstream_disagrees_with_itself(real_data: Real) -> None:
    pro = load("mmlu_pro", str(real_data("mmlu_pro")))
    (odd,) = (question for question in pro.questions if question.id.endswith("/3983"))
    assert odd.answer == "C"


# -- CommonsenseQA


def test_commonsense_qa_is_complete(real_data: Real) -> None:
    sense = load("commonsense_qa", str(real_data("commonsense_qa", "validation.parquet")))
    assert (len(sense.questions), sense.notice) == (1221, "")
    letters = Counter(question.answer for question in sense.questions)
    assert letters == {"A": 239, "B": 255, "C": 241, "D": 251, "E": 235}
    assert len(sense.examples["commonsense"]) == COMMONSENSE_QA.shots_per_subject
    assert sense.questions[0].id == "commonsense_qa/1afa02df02c908a558b4036e80242fac"


# -- MMLU-Redux and repeats


def test_105_questions_of_mmlu_are_repeats(real_data: Real) -> None:
    questions = load("mmlu", str(real_data("mmlu"))).questions
    left = dedup(questions)
    assert len(left) == 13_937
    gone = {question.id for question in questions} - {question.id for question in left}
    same_subject: Counter[bool] = Counter()
    first = {(question.text, question.choices): question for question in reversed(questions)}
    for question in questions:
        if question.id in gone:
            same_subject[first[question.text, question.choices].subject == question.subject] += 1
    assert same_subject == {False: 78, True: 27}


def test_annotations_find_their_questions_by_what_they_say(real_data: Real) -> None:
    mmlu = load("mmlu", str(real_data("mmlu")))
    data = str(real_data("mmlu_redux").parent)
    sound = redux.apply(mmlu, "ok", data)
    corrected = redux.apply(mmlu, "corrected", data)
    # Of 5,330 one is in no MMLU, and one has other words in its question.
    assert len(sound.questions) == 5_328
    assert len(corrected.questions) == 5_328 + 101
    assert "2 annotated rows match no question" in sound.notice
    assert (
        "left out bad_question_clarity 132, wrong_groundtruth 107, multiple_correct_answers 39,"
        in sound.notice
    )
    assert {question.id for question in corrected.questions} <= {question.id for question in mmlu.questions}
    keys = {question.id: question.answer for question in mmlu.questions}
    assert sum(keys[question.id] != question.answer for question in corrected.questions) == 101


def test_matching_by_words_agrees_with_the_rows_that_were_noted_with_them(real_data: Real) -> None:
    noted = pq.ParquetFile(real_data("mmlu_redux") / "test.parquet").read().to_pylist()
    mmlu = load("mmlu", str(real_data("mmlu")))
    in_file = {row["mmlu_test_row"] for row in noted if row["error_type"] == "ok"}
    texts = pq.ParquetFile(real_data("mmlu") / "test.parquet").read().column("question").to_pylist()
    expected = Counter(texts[row] for row in in_file if row >= 0)
    found = Counter(q.text for q in redux.apply(mmlu, "ok", str(real_data("mmlu"))).questions)
    assert (expected - found).total() <= 1
    assert (found - expected).total() == 0


# -- MMMLU's shape


@pytest.fixture(scope="module")
def shape(real_data: Real, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shape")
    subprocess.run([sys.executable, SHAPE, real_data("mmlu").parent, out], check=True)
    return out


def test_the_shape_of_mmmlu_loads_whole(shape: Path) -> None:
    loaded = load("mmmlu", str(shape))
    assert Counter(question.language for question in loaded.questions) == dict.fromkeys(LOCALES, 14_042)
    assert loaded.notice == ""
    assert {subject: len(examples) for subject, examples in loaded.examples.items()} == dict.fromkeys(
        SUBJECTS, 5
    )
    # No two requests are the same, so that a run over it measures what a real one would.
    assert len({question.text for question in loaded.questions}) == 196_588


def test_its_questions_share_what_is_the_same(shape: Path) -> None:
    # 196,588 names of 57 subjects would be 10 MB by themselves.
    questions = load("mmmlu", str(shape), languages=["de", "ar"]).questions
    for name in ("subject", "category", "language", "benchmark", "answer"):
        values = [getattr(question, name) for question in questions]
        assert len({id(value) for value in values}) == len(set(values)), name


def test_short_questions_are_counted_in_every_language(shape: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    words.pre_tokenizer = Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    questions = load("mmmlu", str(shape), languages=["de", "ja"], examples=False).questions
    kept, counts = shorter_than(questions, 256, str(tmp_path))
    assert counts.keys() == {"DE_DE", "JA_JP"}
    assert sum(short for short, _ in counts.values()) == len(kept) < len(questions)
    assert {of for _, of in counts.values()} == {14_042}

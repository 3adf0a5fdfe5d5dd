"""A user would see an extraction under its name read as another, or a typo in the name go unnoticed."""

import json
from pathlib import Path

import pytest

from mmlubench import registry
from mmlubench.errors import UserError
from mmlubench.grading import EXTRACTIONS, find_extraction, read_answer
from mmlubench.grading.languages import CODES
from mmlubench.schema import Completion, Outcome, Question
from tests.hang_guard import cpu_limit

QUESTION = Question("x/y/0", "x", "y", "z", "?", ("one", "two", "three", "four"), "C")
GERMAN = Question("x/DE_DE/y/0", "x", "y", "z", "?", ("eins", "zwei", "drei", "vier"), "C", "DE_DE")


def read(text, extraction, finish_reason="stop", question=QUESTION):
    return read_answer(question, Completion(text, finish_reason), extraction)


def test_an_unknown_name_is_answered_with_the_names_there_are():
    with pytest.raises(UserError) as error:
        find_extraction("tigre")
    assert str(error.value) == (
        f"There is no extraction 'tigre'; known: {', '.join(EXTRACTIONS.names())}. Did you mean 'tiger'?"
    )


@pytest.mark.parametrize(
    ("extraction", "letter", "rule"),
    [
        ("default", "C", "answer_cue"),
        ("tiger", "B", "tiger_answer_is"),
        ("tiger_local", "B", "tiger_answer_is"),
        ("tiger_first", "B", "tiger_answer_is"),
        ("simple_evals", "C", "simple_evals"),
        ("inspect", "C", "inspect_strict"),
    ],
)
def test_each_name_reads_in_its_own_way(extraction, letter, rule):
    answer = read("The answer is Barium?\nANSWER: C", extraction)
    assert (answer.letter, answer.rule) == (letter, rule)


def test_the_default_never_guesses_where_the_official_chain_does():
    assert read("So I would guess", "default").failure is Outcome.UNPARSED
    guess = read("So I would guess", "tiger")
    assert (guess.letter, guess.failure) == ("I", Outcome.WRONG)


@pytest.mark.parametrize("extraction", ["tiger", "simple_evals", "inspect"])
def test_the_chains_of_others_see_the_thinking_as_they_do_at_home(extraction):
    assert read("<think>\nANSWER: B\nanswer is B</think> Hm.", extraction).letter == "B"
    assert read("<think>ANSWER: B</think>Hm.", "default").letter is None


@pytest.mark.parametrize("extraction", sorted(set(EXTRACTIONS.ours) - {"tiger_first"}))
def test_a_reply_without_a_letter_keeps_its_reason(extraction):
    assert read("hm", extraction).failure is Outcome.UNPARSED
    assert read("hm", extraction, "length").failure is Outcome.TRUNCATED
    assert read("hm", extraction, "content_filter").failure is Outcome.REFUSED


def test_the_language_of_the_question_is_heard():
    answer = read("Die richtige Antwort ist C.", "default", question=GERMAN)
    assert (answer.letter, answer.rule) == ("C", "answer_cue:de")
    refusal = read("Es tut mir leid, dabei kann ich leider nicht helfen.", "default", question=GERMAN)
    assert refusal.failure is Outcome.REFUSED


HOSTILE = {
    "prose": "Each option must be weighed with care, because the text says much. ",
    "no letters": "x",
    "letters": "A ",
    "cues": "answer: ",
    "blanks": "ANSWER:          ",
    "cue of blanks": "ANSWER:" + " " * 999,
    "long cue": "ANSWER" + "\n" * 999,
    "questions": "Answer: A? ",
    "half cues": "answer is (",
    "stars": "**",
    "long words": "答案是选项",
}


@pytest.mark.parametrize("extraction", EXTRACTIONS.ours)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_reply_of_any_length_is_read_in_linear_time(extraction, name):
    # measured: 0.2 s; a quadratic pattern would take minutes
    piece = HOSTILE[name]
    with cpu_limit(30):
        find_extraction(extraction)(piece * (300_000 // len(piece)), QUESTION)


@pytest.mark.long
@pytest.mark.parametrize("code", CODES)
def test_other_languages_are_read_in_linear_time_too(code):
    question = Question("x/y/0", "x", "y", "z", "?", ("1", "2", "3", "4"), "C", code)
    reader = find_extraction("default")
    corpus = (Path(__file__).parent / "golden_languages.jsonl").read_text(encoding="utf-8").splitlines()
    own = [row["reply"] for row in map(json.loads, corpus) if row["language"].lower().startswith(code)]
    for piece in ("A) ", "A\n", "**", *own[5::40]):
        with cpu_limit(10):
            reader(piece * (60_000 // len(piece)), question)


@pytest.mark.parametrize("returned", ["B", "BA", None, ("B", "rule", "more")])
def test_what_a_strangers_extraction_returns_is_checked(returned, monkeypatch):
    # "BA" would be taken for the letter B, read by the rule A.
    monkeypatch.setitem(registry._registered["extraction"], "theirs", lambda text, question: returned)
    monkeypatch.setattr(EXTRACTIONS, "_found", {})
    with pytest.raises(UserError, match=r"returned .*: return a mmlubench\.Extraction\(letter, rule\)"):
        find_extraction("theirs")("Answer: B", QUESTION)

"""`--run`: what models made of the questions, against values worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmlubench.schema import Entry, Outcome, Usage
from tests.lab.explore.conftest import row
from tests.made_runs import write_run

#: Key, letter of the first model, letter of the second, by language and id.
SAID = {
    ("de", "1"): ("A", "A", "B"),
    ("de", "2"): ("B", "C", "C"),
    ("de", "3"): ("C", "C", "C"),
    ("fr", "1"): ("A", "B", "B"),
    ("fr", "2"): ("B", "C", "A"),
    ("fr", "3"): ("C", "C", "C"),
}


def entry(language: str, name: str, key: str, letter: str, model: str) -> Entry:
    outcome = Outcome.CORRECT if letter == key else Outcome.WRONG
    return Entry(
        f"planets/{language}/moons/{name}", "planets", "moons", "", model, outcome, key, letter, "cue", 0.1, Usage(),
        language=language,
    )  # fmt: skip


@pytest.fixture
def runs(planets) -> list[Path]:
    """The data set, and a run of each of two models."""
    planets(
        [
            row(n, f"{'long ' * int(n)}{lang}?", "a|b|c", key, language=lang)
            for (lang, n), (key, *_) in SAID.items()
        ]
    )
    made = []
    for number, model in enumerate(("one", "two")):
        entries = [
            entry(language, name, key, said[number], model) for (language, name), (key, *said) in SAID.items()
        ]
        made.append(write_run(Path.cwd() / "reports" / f"run-{model}", entries))
    return made


def test_accuracy_by_letter_and_by_language_and_subject(runs, figures):
    found = figures("planets", "--run", runs[0], "--run", runs[1])["runs"]
    assert found["models"] == {"one": 6, "two": 6}
    by_key = {(one["model"], one["name"]): (one["points"], one["n"]) for one in found["by_key"]}
    assert by_key == {
        **{("one", "A"): (1, 2), ("one", "B"): (0, 2), ("one", "C"): (2, 2)},
        **{("two", "A"): (0, 2), ("two", "B"): (0, 2), ("two", "C"): (2, 2)},
    }
    by_subject = {(one["model"], one["language"], one["name"]): one["points"] for one in found["by_subject"]}
    assert by_subject["one", "de", "moons"] == 2
    assert by_subject["one", "fr", "moons"] == by_subject["two", "de", "moons"] == 1


def test_accuracy_by_length_is_by_tokens_where_there_is_a_tokenizer(runs, figures, words):
    in_tokens = figures("planets", "--run", "run-one", "--tokenizer", words)["runs"]
    assert in_tokens["length_in"] == f"tokens of {words}"
    assert [(one["name"], one["points"], one["n"]) for one in in_tokens["by_length"]] == [
        ("1\N{EN DASH}128", 3, 6)
    ]
    in_characters = figures("planets", "--run", "run-one")["runs"]
    assert in_characters["length_in"] == "characters"
    assert [(one["points"], one["n"]) for one in in_characters["by_length"]] == [(1, 2), (0, 2), (2, 2)]


def test_languages_agree_where_the_letters_of_an_item_are_equal(runs, figures):
    one, two = figures("planets", "--run", runs[0], "--run", runs[1])["items"]["agreement"]
    assert (one["n"], one["right_in_all"], one["right_in_some"], one["right_in_none"]) == (3, 1, 1, 1)
    assert one["pairs"] == {"de fr": [2, 3]}
    assert two["pairs"] == {"de fr": [2, 3]}


def test_an_item_is_missed_if_no_model_is_right_in_any_language(runs, figures, lab):
    found = figures("planets", "--run", runs[0], "--run", runs[1])["items"]
    assert found["answered"] == 3
    (missed,) = found["missed"]
    assert (missed["item"], missed["key"], missed["answers"]) == ("moons/2", "B", {"C": 3, "A": 1})
    assert missed["question"].startswith("long long")
    told = " ".join(lab("explore", "planets", "--run", runs[0], "--run", runs[1]).output.split())
    assert "33.3 % (1) of 3 items that both models answered got no right answer." in told


def test_of_missed_items_those_with_a_bad_key_come_first():
    from mmlubench.lab.explore.items import items
    from mmlubench.stats.compare.result import Case, Result

    cases = {
        f"mmlu/s/{name}": Case(0.0, "B", "A", "s", "c", "", f"mmlu/s/{name}") for name in ("1", "2", "3", "4")
    }
    result = Result("mmlu", "m", "zero_shot", "run", cases, name="m")
    verdicts = {"s/1": "ok", "s/3": "bad_question_clarity", "s/4": "wrong_groundtruth"}
    assert [one.item for one in items([result], [], verdicts).missed] == ["s/4", "s/3", "s/1", "s/2"]


def test_a_run_of_other_questions_is_told(runs, lab, planets):
    other = write_run(Path("reports/run-other"), [entry("xx", "9", "A", "A", "m")])
    ended = lab("explore", "planets", "--run", other)
    assert ended.exit_code == 1
    assert "none of its questions is in these data; give the --data that it was asked with." in ended.output
    mixed = [entry("de", "1", "A", "A", "m"), entry("xx", "9", "A", "A", "m")]
    told = lab("explore", "planets", "--run", write_run(Path("reports/run-mixed"), mixed)).output
    assert "m: 1 answered question of the run not in these data." in " ".join(told.split())
    ended = lab("explore", "mmlu", "--data", "sample", "--run", runs[0])
    assert "it asked planets, not mmlu; name a run of mmlu." in ended.output


def test_answers_of_a_mock_are_called_so(planets, lab):
    planets([row("1", "One?", "a|b|c", "A", language=language) for language in ("de", "fr")])
    folder = write_run(Path("reports/run-mock"), [entry("de", "1", "A", "A", "m")], mock=True)
    assert "MOCK: the answers of m are canned" in lab("explore", "planets", "--run", folder).output

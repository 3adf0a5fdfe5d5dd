"""`mmlubench eval-debate`: the accuracy of each round, against an evaluator written from the format alone.

The format: an object by question id; in each entry `answer` is the right letter and `agent_contexts` has a chat for
each agent, whose K-th assistant turn is what it said in round K. The majority of the letters that are found decides.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.commands.eval_debate import eval_debate

Scores = Callable[..., dict[str, Any]]
WORDS = ("So the answer is ({}).", "The correct option is ({})", "Hence it is clear that the answer is ({}).")


def evaluate(file: Path, number: int) -> tuple[float, dict[str, float]]:
    """The independent evaluator: accuracy in all and by category."""
    right: dict[str, list[bool]] = {}
    for entry in json.loads(file.read_text()).values():
        votes: dict[str, int] = {}
        for chat in entry["agent_contexts"]:
            replies = [turn["content"] for turn in chat if turn["role"] == "assistant"]
            found = re.findall(r"is \(([A-Z])\)", replies[number - 1])
            if found:
                votes[found[-1]] = votes.get(found[-1], 0) + 1
        best = max(votes, key=lambda letter: votes[letter]) if votes else None  # of a tie, the first
        right.setdefault(entry["category"], []).append(best == entry["answer"])
    every = [one for ones in right.values() for one in ones]
    return sum(every) / len(every), {name: sum(ones) / len(ones) for name, ones in right.items()}


def made_up(chance: random.Random, questions: int, agents: int, rounds: int) -> dict[str, Any]:
    """Debates in which agents change their minds, do not know, tie, and quote one another."""

    def chat() -> list[dict[str, str]]:
        turns = [{"role": "system", "content": "Be brief."}] if chance.random() < 0.5 else []
        for number in range(rounds):
            said = chance.choice(WORDS).format(chance.choice("ABCD"))
            reply = chance.choice((said, f"They say the answer is (D), but no.\n{said}", "I cannot tell."))
            turns += [{"role": "user", "content": f"Round {number}"}, {"role": "assistant", "content": reply}]
        return turns

    return {
        str(number): {
            "question": "Which one?",
            "options": ["w", "x", "y", "z"],
            "answer": chance.choice("ABCD"),
            "category": chance.choice(("law", "math")),
            "initial_prompt_used": "one",
            "collaborative_prompt_used": "two",
            "agent_contexts": [chat() for _ in range(agents)],
            "extracted_answers": [None]
            * agents,  # scripts write those of the last round only: not to be relied on
        }
        for number in range(questions)
    }


@pytest.fixture
def scores(tmp_path: Path) -> Scores:
    """What the command says of these debates, as JSON."""

    def run(debates: Any, *options: str) -> dict[str, Any]:
        file = tmp_path / "debate.json"
        file.write_text(json.dumps(debates))
        ran = CliRunner().invoke(eval_debate, [str(file), "--json", *options])
        assert ran.exit_code == 0, ran.output
        return dict(json.loads(ran.stdout))

    return run


@pytest.mark.parametrize("seed", range(5))
def test_every_round_has_the_accuracy_that_an_evaluator_of_the_format_finds(
    seed: int, scores: Scores, tmp_path: Path
) -> None:
    debates = made_up(random.Random(seed), questions=60, agents=4, rounds=3)
    last = scores(debates)
    for number in (1, 2, 3):
        figures = scores(debates, "--round", str(number))
        accuracy, by_category = evaluate(tmp_path / "debate.json", number)
        assert figures["round"] == number
        assert figures["all"]["accuracy"] == pytest.approx(accuracy)
        assert {name: row["accuracy"] for name, row in figures["categories"].items()} == pytest.approx(
            by_category
        )
        assert last["debate"]["rounds"][number - 1]["accuracy"] == pytest.approx(accuracy)
    assert last == scores(debates, "--round", "3")


def test_the_figures_of_three_questions_by_hand(scores: Scores) -> None:
    def entry(answer: str, *agents: str) -> dict[str, Any]:
        chats = [
            [turn for letter in letters for turn in ({"role": "user", "content": "?"}, reply(letter))]
            for letters in agents
        ]
        return {"question": "?", "options": ["x", "y", "z"], "answer": answer, "agent_contexts": chats}

    def reply(letter: str) -> dict[str, str]:
        return {
            "role": "assistant",
            "content": "I pass." if letter == "-" else f"The answer is ({letter}).",
        }

    figures = scores(
        {
            "1": entry("A", "AA", "AA", "BA"),
            "2": entry("B", "AB", "BB", "CB"),
            "3": entry("C", "-A", "-A", "-B"),
        }
    )
    assert figures["all"] | {"ci95": None} == {
        "agents": 3,
        "n": 3,
        "correct": 2,
        "accuracy": pytest.approx(2 / 3),
        "agent_accuracy": pytest.approx(6 / 9),
        "agreement": pytest.approx((1 + 1 + 2 / 3) / 3),
        "no_vote": 0,
        "ci95": None,
    }
    assert (figures["debate"]["changed_for_better"], figures["debate"]["changed_for_worse"]) == (1, 0)
    assert list(figures["categories"]) == ["(none)"]


def test_debates_that_ended_early_are_counted_where_they_were_and_told(
    scores: Scores, tmp_path: Path
) -> None:
    debates = made_up(random.Random(1), questions=4, agents=2, rounds=2)
    debates["0"]["agent_contexts"] = [chat[:-2] for chat in debates["0"]["agent_contexts"]]
    debates["1"]["agent_contexts"] = [[{"role": "user", "content": "Every request failed."}]]
    assert scores(debates, "--round", "1")["all"]["n"] == 3
    assert scores(debates)["all"]["n"] == 2
    ran = CliRunner().invoke(eval_debate, [str(tmp_path / "debate.json")])
    assert ran.exit_code == 0
    assert "2 of 4 debates ended before round 2." in ran.output


def test_a_reader_gets_a_table_and_what_the_rounds_were_good_for(
    tmp_path: Path, command: Callable[..., Any]
) -> None:
    file = tmp_path / "debate.json"
    file.write_text(json.dumps(made_up(random.Random(2), questions=20, agents=3, rounds=2)))
    ended = command(tmp_path, "eval-debate", "debate.json", "--round", "2")
    assert (ended.returncode, ended.stderr) == (0, "")
    accuracy, _ = evaluate(file, 2)
    lines = ended.stdout.splitlines()
    assert lines[0].split()[:3] == ["category", "n", "vote"]
    assert [line.split()[0] for line in lines[2:5]] == ["law", "math", "all"]
    assert f"{accuracy:.3f}" in lines[4]
    assert [line.partition(":")[0] for line in lines[6:8]] == ["round 1", "round 2"]
    assert "changed for the better" in lines[8]


def test_letters_are_read_anew_in_the_way_that_is_asked_for(scores: Scores) -> None:
    debates = made_up(random.Random(3), questions=3, agents=2, rounds=1)
    for entry in debates.values():
        for chat in entry["agent_contexts"]:
            chat[-1]["content"] = f"Perhaps {entry['answer']}"
    assert scores(debates)["all"]["no_vote"] == 3
    assert scores(debates, "--extraction", "tiger")["all"]["accuracy"] == 1.0


SHAPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "list": lambda debates: [*debates.values()],
    "list with ids": lambda debates: [{"question_id": int(name), **entry} for name, entry in debates.items()],
    "list of one id": lambda debates: [{"id": "same", **entry} for entry in debates.values()],
    "entries in an object": lambda debates: {"model": "m", "agents": 3, "debates": debates},
    "list in an object": lambda debates: {
        "config": {"rounds": 2},
        "results": [*debates.values()],
        "note": [],
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_other_shapes_of_the_same_debates_have_the_same_scores(shape: str, scores: Scores) -> None:
    debates = made_up(random.Random(7), questions=30, agents=3, rounds=2)
    assert scores(SHAPES[shape](debates), "--round", "1") == scores(debates, "--round", "1")


def test_pairs_by_question_are_read_with_the_options_in_the_question(scores: Scores) -> None:
    # As gen_mmlu.py of Du et al. writes them.
    asked = (
        "Can you answer the following question? Is 1 (or 2) less?: A) 1, B) 2, C) both A) s, D) none Explain."
    )
    chats = [[{"role": "user", "content": asked}, {"role": "assistant", "content": f"({x})"}] for x in "BBA"]
    assert scores({asked: [chats, "B"], "Or? A) x, B) y": [chats[:2], "A"]})["all"]["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (None, (), "it cannot be read (No such file or directory); give a debate file."),
        ("{]", (), ", line 1: not valid JSON ("),
        ("[]", (), ": expected an object of debates by question id, with at least one in it."),
        ("{}", (), ": expected an object of debates by question id, with at least one in it."),
        ('{"7": 1}', (), ", entry 7: expected an object with question, options, answer, agent_contexts."),
        ("ok", ("--round", "3"), "--round 3: debate.json has rounds 1 to 2."),
        ("ok", ("--round", "0"), "--round 0: debate.json has rounds 1 to 2."),
        ("ok", ("--extraction", "magic"), "There is no extraction 'magic'; known: default, "),
        ("silent", (), ": there is no reply: agent_contexts has no message of the role assistant."),
    ],
)
def test_what_cannot_be_scored_is_told_in_a_sentence(
    content: str | None, options: tuple[str, ...], told: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    debates = made_up(random.Random(4), questions=2, agents=2, rounds=2)
    if content == "silent":
        for entry in debates.values():
            entry["agent_contexts"] = [[], []]
    if content is not None:
        text = json.dumps(debates) if content in ("ok", "silent") else content
        (tmp_path / "debate.json").write_text(text)
    sentence = refused(tmp_path, "eval-debate", "debate.json", *options)
    assert told in sentence
    assert sentence.startswith(("debate.json", "--round", "There is no extraction"))

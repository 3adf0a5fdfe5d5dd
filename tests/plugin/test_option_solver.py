"""--solver, --agents, --rounds, --agent-model and the prompts of agents: several work on each question."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FEW = ("--limit", "12", "--seed", "3")
DEBATE = ("--solver", "debate")
BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
INITIAL = "name: terse\ndescription: short\ntemplate: |\n  On {{ category }}: {{ question }}\n"
LOOP = "{% for one in other_agent_responses %}<{{ one }}>{% endfor %}"
HEAD = "name: mine\ndescription: mine\n"
COLLABORATIVE = f"name: crowd\ndescription: all\ntemplate: |\n  {LOOP} Now?\n"


def debate_file(folder: Any) -> dict[str, Any]:
    """The only debate file of the newest run."""
    (path,) = folder.run_folder().glob("debate_*.json")
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("options", "calls", "spoke"),
    [
        (("debate",), 6, [3, 3]),
        (("debate", "--agents", "2", "--rounds", "3"), 6, [2, 2, 2]),
        (("self_consistency",), 6, [6]),  # the control: as many calls, and nobody hears of anybody
        (("self_consistency", "--agents", "2", "--rounds", "3"), 6, [6]),
        (("debate_judge",), 5, [2, 2, 1]),
        (("critic",), 5, [1, 1, 1, 1, 1]),
    ],
)
def test_every_way_to_work_together_makes_its_calls_and_tells_its_rounds(folder, options, calls, spoke):
    folder.run("--model", "mock/hash", *FEW, "--solver", *options)
    assert len(folder.lines("requests")) == len(folder.lines("responses")) == 12 * calls
    for line in folder.lines("results"):
        assert [len(letters) for letters in line["rounds"]] == spoke
        assert line["requests"] == calls
    entry = folder.entry()
    assert (entry["n"], entry["requests"]) == (12, 12 * calls)
    assert [one["agents"] for one in entry["debate"]["rounds"]] == spoke


def test_agents_are_asked_at_a_temperature_at_which_they_differ(folder):
    folder.run("--model", "mock/hash", "--limit", "1", *DEBATE)
    assert {line["parameters_asked"]["temperature"] for line in folder.lines("requests")} == {0.7}
    folder.run("--model", "mock/hash", "--limit", "1", *DEBATE, "--temperature", "0.2")
    assert {line["parameters_asked"]["temperature"] for line in folder.lines("requests")} == {0.2}


@BOTH
def test_the_debate_file_holds_every_question_once_and_in_order(folder, workers):
    folder.run_apart("--model", "mock/hash", *FEW, *DEBATE, *workers)
    debates, results = debate_file(folder), folder.lines("results")
    assert list(debates) == [line["id"] for line in results]
    for line in results:
        entry = debates[line["id"]]
        assert entry["extracted_answers"] == line["rounds"][-1]
        assert (entry["answer"], entry["category"]) == (line["answer"], line["category"])
        assert [len(chat) for chat in entry["agent_contexts"]] == [4, 4, 4]
        how = [entry[key] for key in ("model", "temperature", "agents", "rounds")]
        assert how == ["mock-hash", 0.7, 3, 2]
    assert not list(folder.run_folder().glob("*.part"))


def test_the_debate_file_is_scored_as_the_run_was(folder):
    from click.testing import CliRunner

    from mmlubench.commands.eval_debate import eval_debate

    folder.run("--model", "mock/hash", "--limit", "40", "--solver", "debate_judge", "--rounds", "2")
    (path,) = folder.run_folder().glob("debate_*.json")
    scored = json.loads(CliRunner().invoke(eval_debate, [str(path), "--json"]).stdout)
    entry = folder.entry()
    assert scored["debate"] == entry["debate"]
    assert scored["all"]["accuracy"] == entry["accuracy"]


def test_a_run_without_agents_writes_no_debate_file(folder):
    folder.run("--model", "mock/hash", *FEW)
    assert not list(folder.run_folder().glob("debate*"))
    assert folder.entry()["debate"] is None


def test_the_rounds_are_told_on_the_screen(folder):
    folder.run("--model", "mock/hash", *FEW, *DEBATE).stdout.fnmatch_lines(
        ["*debate of 3 agents in 2 rounds: accuracy*", "*round 1: vote*", "*changed for the better*"]
    )


def test_agents_may_be_different_models_in_turn(folder):
    models = ("--agent-model", "mock/A", "--agent-model", "mock/B")
    assert "leave --model out" in folder.refused("--model", "mock/hash", *DEBATE, *models)
    folder.run("--limit", "3", *DEBATE, *models)
    assert folder.entry()["model"] == "mock-A+mock-B"
    assert all(line["rounds"] == [["A", "B", "A"]] * 2 for line in folder.lines("results"))
    assert all(line["prediction"] == "A" for line in folder.lines("results"))
    asked = [line["model"] for line in folder.lines("requests")]
    assert (asked.count("mock-A"), asked.count("mock-B"), len(asked)) == (12, 6, 18)


def test_prompts_of_ones_own_are_sent_and_recorded(folder):
    folder.write("initial.yaml", INITIAL)
    folder.write("crowd.yaml", COLLABORATIVE)
    prompts = ("--initial-prompt", "initial.yaml", "--collaborative-prompt", "crowd.yaml")
    folder.run("--model", "mock/B", "--limit", "1", *DEBATE, *prompts)
    (entry,) = debate_file(folder).values()
    first, _, second, _ = (turn["content"] for turn in entry["agent_contexts"][0])
    assert first.startswith(f"On {entry['category'].replace('_', ' ')}: {entry['question']}\nA. ")
    assert second == "<ANSWER: B><ANSWER: B> Now?"
    assert (entry["initial_prompt_used"], entry["collaborative_prompt_used"]) == ("terse", "crowd")
    assert entry["collaborative_prompt_file"] == "crowd.yaml"
    terse, crowd = folder.json("manifest")["roles"]
    assert (terse["name"], crowd["source"], len(crowd["sha256"])) == ("terse", "crowd.yaml", 64)


def quoted(result: Any) -> dict[str, tuple[int, int]]:
    """Requests and tokens in, by model, as --estimate prints them."""
    found = re.findall(
        r"^(\S+): ([\d,]+) requests, about ([\d,]+) tokens in", result.stdout.str(), re.MULTILINE
    )
    return {label: (int(n.replace(",", "")), int(read.replace(",", ""))) for label, n, read in found}


def test_an_estimate_counts_what_agents_read_of_one_another(folder):
    estimate = ("--model", "mock/hash", *FEW, "--estimate", "--solver")
    ((calls, alone),) = quoted(folder.run(*estimate, "self_consistency")).values()
    ((as_many, heard),) = quoted(folder.run(*estimate, "debate")).values()
    assert calls == as_many == 72
    # In the second round each of three agents has the question twice, its own reply and two others of 150 tokens.
    assert heard > alone + 12 * 3 * 3 * 150
    assert not (folder.path / "reports").exists()


def test_an_estimate_is_of_the_models_that_will_be_asked(folder):
    models = ("--agent-model", "mock/A", "--agent-model", "mock/B")
    told = quoted(folder.run(*FEW, "--estimate", *DEBATE, *models))
    assert {label: calls for label, (calls, _) in told.items()} == {"mock-A": 48, "mock-B": 24}


def test_an_estimate_says_what_it_cannot_know(folder):
    # "0 requests" would be taken for free.
    folder.write(
        "test_chat.py",
        "import pytest\n@pytest.mark.look_ahead\nasync def test_chat(model):\n    await model.generate(None)\n",
    )
    lines = folder.run("test_chat.py", "--model", "mock/hash", "--estimate", "-q").outlines
    assert "not estimated: 1 case of tests that ask a model by themselves, as dialogues do" in lines
    assert not any("0 requests" in line for line in lines)


def test_benchmarks_of_ones_own_are_debated_as_well(folder):
    folder.own_benchmark(count=4)
    model = folder.scripted("The answer is (A).", "The answer is (B).", "I cannot tell.", None)
    folder.run("test_capitals.py", "--model", model, *DEBATE)
    assert folder.outcomes() == ["correct", "wrong", "unparsed", "error"]
    # Who was asked and did not answer is an error and no wrong answer: there is no debate to be told.
    assert list(debate_file(folder)) == [f"capitals/europe/{n:04d}" for n in range(3)]
    assert folder.entry()["debate"]["questions"] == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((*DEBATE, "--agents", "0"), "--agents 0: it must be at least 1"),
        ((*DEBATE, "--rounds", "0"), "--rounds 0: it must be at least 1"),
        ((*DEBATE, "--agent-model", "nobody"), "--agent-model nobody: no such entry; there are "),
        ((*DEBATE, "--scoring", "logprob"), "--scoring has no meaning with --solver debate"),
        ((*DEBATE, "--recipe", "cot"), "--recipe has no meaning with --solver debate"),
        (
            (*DEBATE, "--agents", "1"),
            "--agents 1: a debate needs two; give --agents 2, or take --solver self_consistency.",
        ),
        (("--solver", "critic", "--agents", "4"), "--agents has no meaning with --solver critic"),
        (
            (*DEBATE, "--initial-prompt", "persona.yaml"),
            "persona.yaml: template uses the unknown variable persona; it may use category, "
            "subject, question, choices, options, letters, letters_list.",
        ),
        (
            (*DEBATE, "--collaborative-prompt", "persona.yaml"),
            "persona.yaml: template uses the unknown variable persona; it may use category, "
            "subject, question, choices, options, letters, letters_list, other_agent_responses.",
        ),
        (
            (*DEBATE, "--initial-prompt", "bare.yaml"),
            "bare.yaml: template is missing: give text that is not empty.",
        ),
        ((*DEBATE, "--collaborative-prompt", "bare.yaml"), "bare.yaml: template is missing"),
        ((*DEBATE, "--collaborative-prompt", "fails.yaml"), "fails.yaml: the template cannot be filled in"),
        ((*DEBATE, "--initial-prompt", "none.yaml"), "none.yaml: cannot be read (No such file or directory)"),
        (("--agent-model", "mock/B"), "--agent-model has no meaning with --solver single"),
    ],
)
def test_what_cannot_work_is_told_in_a_sentence_before_anything_is_asked(folder, options, told):
    folder.write("persona.yaml", HEAD + 'template: "{{ question }} {{ persona }}"\n')
    folder.write("bare.yaml", HEAD)
    folder.write("fails.yaml", HEAD + 'template: "{{ other_agent_responses[0].reason }}"\n')
    assert told in folder.refused("--model", "mock/B", *options)


@pytest.mark.parametrize("options", [("--agents", "0"), ("--initial-prompt", "bare.yaml")])
def test_with_workers_it_is_told_once_as_well(folder, options):
    folder.write("bare.yaml", HEAD)
    assert options[-1] in folder.refused("--model", "mock/B", *DEBATE, *options, "-n", "2")


# -- the store: what an agent said is never asked again ---------------------------------------------------------------

QUESTIONS, CALLS = 40, 6
SAMPLE = ("--data", "sample", "--limit", str(QUESTIONS), "--concurrency", "8", *DEBATE)


def told(run: Path) -> list[dict[str, Any]]:
    """The debates of a run folder, and the results but for how long each purchase took."""
    results = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    (debates,) = run.glob("debate_*.json")
    return [*({**line, "latency_s": 0} for line in results), json.loads(debates.read_text())]


@pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)], ids=["plain", "n2"]
)
def test_a_debate_that_was_killed_goes_on_without_asking_anybody_twice(
    workers: tuple[str, ...],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server, folder, calm = start_server("--latency-ms", "50"), make_folder(), make_folder()
    options = ("--model", server.model, *SAMPLE, *workers)
    running = start_pytest(folder, *options)
    server.wait_for(100)
    running.kill()
    running.process.communicate()
    time.sleep(0.1)  # the server is still at what was in flight
    asked = server.stats()["total"]
    assert 100 <= asked < QUESTIONS * CALLS

    ran = run_pytest(folder, *options)
    # The agents of a question begin with the same prompt; each of them was asked, and nobody beyond what was in flight,
    # or had arrived and was being written.
    assert QUESTIONS * CALLS <= server.stats()["total"] <= QUESTIONS * CALLS + 8 + 4
    ended = ran.run_folders[-1]
    undisturbed = run_pytest(calm, *options)
    assert told(ended) == told(undisturbed.run_folders[-1])

    before = server.stats()["total"]
    again = run_pytest(folder, *options)
    assert server.stats()["total"] == before
    assert (again.run_folders[-1] / "results.jsonl").read_bytes() == (ended / "results.jsonl").read_bytes()
    assert told(again.run_folders[-1]) == told(ended)


def test_when_one_agent_fails_what_the_others_said_is_in_the_log_and_in_the_store(
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    # 422 is final: the case is over while the other agents are still waiting for their replies.
    server = start_server("--latency-ms", "20", "--error-rate", "0.2", "--error-codes", "422")
    folder = make_folder()
    ran = run_pytest(folder, "--model", server.model, *SAMPLE)
    seen, entry = server.stats(), ran.entry
    assert 5 < entry["outcomes"]["error"] < QUESTIONS
    assert len(ran.lines("requests")) == len(ran.lines("responses")) == entry["requests"] == seen["total"]
    with sqlite3.connect(folder / "reports" / "store.sqlite") as db:
        (kept,) = db.execute("SELECT count(*) FROM replies").fetchone()
    db.close()
    assert kept == seen["total"] - seen["errors"]
    assert all(line["rounds"] == [] for line in ran.lines("results") if line["outcome"] == "error")

"""A run that was paid for becomes a file, and a mock that reads it gives the same grades without network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from mmlubench.commands.record import read_replies
from mmlubench.errors import UserError
from mmlubench.models.mock_replies import load

USAGE = {"input_tokens": 9, "output_tokens": 3, "cost_usd": 0.5}


def reply(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "model": "claude",
        "completion": text,
        "finish_reason": "stop",
        "usage": USAGE,
        **more,
    }


def failure(name: str, status: int = 500, **more: Any) -> dict[str, Any]:
    line = {"id": name, "model": "claude", "error": "claude: HTTP 500", "status": status, "latency_s": 0.1}
    return line | more


def graded(name: str, outcome: str) -> dict[str, Any]:
    return {"id": name, "model": "claude", "outcome": outcome}


def lines(*records: object) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """A run folder with these replies and, where a run would have written it, their grades."""

    def make(*responses: object, results: tuple[object, ...] = (), name: str = "20260101-MOCK") -> Path:
        folder = tmp_path / "reports" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        (folder / "responses.jsonl").write_bytes(lines(*responses))
        (folder / "results.jsonl").write_bytes(lines(*results))
        return folder

    return make


# -- from end to end


@pytest.fixture(scope="module")
def paid(
    make_folder: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> Any:
    """A run in which some requests failed for good, and some were tried again."""
    server = start_server("--latency-ms", "5", "--error-rate", "0.2", "--error-codes", "400,500")
    return run_pytest(make_folder(), "--model", server.model, "--data", "sample", "--no-store")


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_a_recorded_run_is_replayed_with_the_same_grades(
    paid: Any,
    ending: str,
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    command: Callable[..., Any],
) -> None:
    folder = make_folder()
    file = folder / "fixtures" / "replies" / f"paid.{ending}"
    ended = command(paid.folder, "record", "latest", "--to", str(file))
    assert ended.returncode == 0, ended
    errors = list(paid.outcomes().values()).count("error")
    assert errors
    first, second = ended.stdout.splitlines()
    assert first == f"{file}: {120 - errors} replies of vllm-fake; {errors} errors left out"
    entry = {"model_name": "mock/paid", "provider": "mock", "responses": str(file)}
    assert "{model_name: mock/paid, provider: mock, responses:" in second
    (folder / "models.yaml").write_text(json.dumps({"models": {"again": entry}}))
    replayed = run_pytest(folder, "--model", "again")
    assert replayed.outcomes() == paid.outcomes()
    assert all("MOCK" in run.name for run in replayed.run_folders)


TOLD = ("outcome", "prediction", "letters", "rounds", "score")


@pytest.mark.parametrize(
    ("options", "calls", "ending"),
    [
        (("--solver", "debate"), 6, "json"),
        (("--epochs", "3", "--shuffle-choices"), 3, "jsonl"),
        (("--solver", "debate_judge", "--epochs", "2", "--epochs-reducer", "majority"), 10, "json"),
    ],
    ids=["debate", "epochs", "both"],
)
def test_what_agents_and_epochs_said_is_replayed_to_the_letter(
    options: tuple[str, ...],
    calls: int,
    ending: str,
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
    command: Callable[..., Any],
) -> None:
    # Some requests are made again, and their replies come late: whose is whose must be kept.
    server = start_server("--latency-ms", "10", "--error-rate", "0.05", "--error-codes", "500,422")
    options = ("--data", "sample", "--limit", "20", *options)
    paid = run_pytest(make_folder(), "--model", server.model, "--no-store", *options)
    folder = make_folder()
    file = folder / f"said.{ending}"
    ended = command(paid.folder, "record", "latest", "--to", str(file))
    assert ended.returncode == 0, ended
    errors = list(paid.outcomes().values()).count("error")
    first = f"{file}: {(20 - errors) * calls} replies of vllm-fake to {20 - errors} questions"
    assert ended.stdout.splitlines()[0].partition(";")[0] == first
    entry = {"model_name": "mock/said", "provider": "mock", "responses": str(file)}
    (folder / "models.yaml").write_text(json.dumps({"models": {"again": entry}}))
    replayed = run_pytest(folder, "--model", "again", *options)
    for before, after in zip(paid.lines("results"), replayed.lines("results"), strict=True):
        assert [before[name] for name in TOLD] == [after[name] for name in TOLD]


# -- which reply of several


def test_a_question_that_was_asked_twice_keeps_both_replies(make_run: Callable[..., Path]) -> None:
    # Cut off at first, then asked again for more tokens: the second reply decided, and so it will.
    run = make_run(
        failure("q/1", 529),
        reply("q/1", "Let me think", finish_reason="length"),
        reply("q/1", "ANSWER: A", reasoning="hm", metadata={"seed": 1}, turn=1),
        reply("q/2", "ANSWER: B"),
        reply("q/2", "ANSWER: B"),
        results=(graded("q/1", "correct"), graded("q/2", "wrong")),
    )
    replies = read_replies(run)
    cut, whole = replies.by_id["q/1"]
    assert (cut["completion"], cut["finish_reason"]) == ("Let me think", "length")
    assert (whole["completion"], whole["reasoning"], whole["metadata"]) == ("ANSWER: A", "hm", {"seed": 1})
    assert replies.by_id["q/2"]["completion"] == "ANSWER: B"
    assert replies.told == "3 replies of claude to 2 questions"


def test_of_two_tests_that_ask_the_same_the_last_reply_is_kept_and_it_is_told(
    make_run: Callable[..., Path],
) -> None:
    replies = read_replies(make_run(reply("q/1", "ANSWER: A"), reply("q/1", "ANSWER: B")))
    assert replies.by_id["q/1"]["completion"] == "ANSWER: B"
    assert replies.told == "1 reply of claude; the last one each where there were several (1)"


def test_replies_stand_in_the_order_of_asking_whenever_they_came(make_run: Callable[..., Path]) -> None:
    said = [reply("q/1", f"{e}{t}", epoch=e, turn=t) for e, t in ((1, 1), (0, 0), (1, 0), (0, 2))]
    rows = read_replies(make_run(*said)).by_id["q/1"]
    # What was never answered, in a case that lived with it, is not answered in the replay either.
    assert [[one and one["completion"] for one in row] for row in rows] == [["00", None, "02"], ["10", "11"]]


def test_a_debate_that_lost_an_agent_is_left_out(make_run: Callable[..., Path]) -> None:
    run = make_run(
        reply("q/1", "ANSWER: A", turn=1),
        failure("q/1", turn=0),
        reply("q/2", "ANSWER: B"),
        results=(graded("q/1", "error"), graded("q/2", "wrong")),
    )
    replies = read_replies(run)
    assert list(replies.by_id) == ["q/2"]
    assert replies.told == "1 reply of claude; 1 error left out"


@pytest.mark.parametrize(("outcome", "kept"), [("truncated", ["q/1", "q/2"]), ("error", ["q/2"])])
def test_a_second_request_that_failed_counts_as_the_case_did(
    outcome: str, kept: list[str], make_run: Callable[..., Path]
) -> None:
    # A server that refuses the larger budget leaves the first reply to be graded; one that breaks down leaves none.
    run = make_run(
        reply("q/1", "Let me think", finish_reason="length"),
        failure("q/1", turn=1),
        reply("q/2", "ANSWER: B"),
        results=(graded("q/1", outcome), graded("q/2", "wrong")),
    )
    assert sorted(read_replies(run).by_id) == kept


def test_a_reply_whose_test_broke_down_afterwards_is_kept(make_run: Callable[..., Path]) -> None:
    run = make_run(reply("q/1", "ANSWER: A"), results=(graded("q/1", "error"),))
    assert read_replies(run).told == "1 reply of claude"


def test_a_run_that_was_killed_is_recorded_as_far_as_it_came(make_run: Callable[..., Path]) -> None:
    run = make_run(reply("q/1", "ANSWER: A"), reply("q/2", "ANSWER: B"))
    with (run / "responses.jsonl").open("ab") as file:
        file.write(b'{"id": "q/3", "model": "cla')
    assert sorted(read_replies(run).by_id) == ["q/1", "q/2"]


def test_replies_lose_their_price_and_nothing_else(make_run: Callable[..., Path]) -> None:
    # A replay that says "cost $1.20" would be believed.
    run = make_run(reply("q/1", "ANSWER: A", stored=True, latency_s=0.3, served_model="claude-x"))
    assert read_replies(run).by_id == {
        "q/1": {
            "completion": "ANSWER: A",
            "usage": {"input_tokens": 9, "output_tokens": 3},
            "finish_reason": "stop",
        }
    }


# -- what the command refuses


def test_log_probabilities_are_played_back_as_they_came(make_run: Callable[..., Path]) -> None:
    said = [[" B", -0.1], [" A", -2.5]]
    kept = read_replies(make_run(reply("q/1", "", logprobs=said))).by_id["q/1"]
    assert kept["logprobs"] == said


def test_a_run_scored_by_echo_has_several_replies_to_a_question_and_says_so(
    make_run: Callable[..., Path],
) -> None:
    # A mock would give the last letter's tokens for all letters, and the first letter would win.
    run = make_run(*(reply("q/1", "", logprobs=[[x, -1.0]], continuation=x) for x in (" A", " B")))
    with pytest.raises(UserError, match="logprob:echo"):
        read_replies(run)


def test_of_several_models_one_must_be_named(make_run: Callable[..., Path]) -> None:
    other = {**reply("q/1", "ANSWER: B"), "model": "gpt"}
    run = make_run(reply("q/1", "ANSWER: A"), other)
    with pytest.raises(UserError, match=r"has replies of claude, gpt: choose one with --model LABEL\.$"):
        read_replies(run)
    with pytest.raises(UserError, match=r"^--model gp: .* has replies of claude, gpt\.$"):
        read_replies(run, "gp")
    assert read_replies(run, "gpt").by_id["q/1"]["completion"] == "ANSWER: B"


@pytest.mark.parametrize(
    ("responses", "sentence"),
    [
        ((), r"responses\.jsonl has no reply: there is nothing to play back\.$"),
        ((failure("q/1"),), r"has no reply of claude, only errors: there is nothing to play back\.$"),
        (({"id": "q/1"},), r"responses\.jsonl has a line that no run writes: \{\"id\":\"q/1\"\}"),
        (({**reply("q/1", ""), "completion": 3},), r"has a line that no run writes"),
        (({**reply("q/1", ""), "usage": 3},), r"has a line that no run writes"),
        (({**reply("q/1", ""), "id": [3]},), r"has a line that no run writes"),
        # Counted from the end, they would put one reply in the place of another.
        ((reply("q/1", "", epoch=-1),), r"has a line that no run writes"),
        ((reply("q/1", ""), reply("q/1", "", turn=-1)), r"has a line that no run writes"),
    ],
)
def test_a_run_without_replies_is_one_sentence(
    responses: tuple[object, ...], sentence: str, make_run: Callable[..., Path]
) -> None:
    with pytest.raises(UserError, match=sentence):
        read_replies(make_run(*responses))


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"responses\.jsonl cannot be read \(No such file or directory\): is it"
    ):
        read_replies(tmp_path)


def test_nothing_is_overwritten_unless_it_is_asked_for(
    make_run: Callable[..., Path], command: Callable[..., Any], refused: Callable[..., str]
) -> None:
    run = make_run(reply("q/1", "ANSWER: A"))
    folder = run.parents[1]
    (folder / "mine.json").write_text("mine")
    assert refused(folder, "record", run.name, "--to", "mine.json") == (
        "--to mine.json: it exists already; give another name, or --force to replace a file."
    )
    for content in ("mine", "", '{"name": "my package", "version": "1"}', '{"q/1": {"completion": "A"}}'):
        (folder / "mine.json").write_text(content)
        assert refused(folder, "record", run.name, "--to", "mine.json", "--force") == (
            "--to mine.json: it is no file of replies, and --force replaces no other; give another name."
        )
        assert (folder / "mine.json").read_text() == content
    (folder / "mine.json").unlink()
    assert command(folder, "record", run.name, "--to", "mine.json").returncode == 0
    assert command(folder, "record", run.name, "--to", "mine.json", "--force").returncode == 0
    assert (folder / "mine.json").stat().st_mode & 0o777 == 0o600
    assert load(str(folder / "mine.json"))["q/1"].text == "ANSWER: A"
    assert "ends in .json or .jsonl" in refused(folder, "record", str(run), "--to", "mine.txt")
    (folder / "file").touch()
    said = refused(folder, "record", "latest", "--to", "file/mine.json")
    assert said.startswith("--to file/mine.json: it cannot be written (")


def test_runs_are_found_by_path_id_and_as_the_latest(
    make_run: Callable[..., Path], command: Callable[..., Any], refused: Callable[..., str]
) -> None:
    first = make_run(reply("q/1", "the first"), name="20260101-1")
    make_run(reply("q/1", "the second"), name="20260102-1")
    folder = first.parents[1]
    (first.parent / "zzz").mkdir()  # no run
    found = {}
    for run in (str(first), "20260101-1", "latest"):
        assert command(folder, "record", run, "--to", "r.json", "--force").returncode == 0
        found[run] = load(str(folder / "r.json"))["q/1"].text
    assert list(found.values()) == ["the first", "the first", "the second"]
    assert refused(folder, "record", "2025", "--to", "x.json") == (
        "2025: no such run; give a run folder, the id of a run under reports, or latest."
    )
    said = refused(folder, "record", "latest", "--to", "x.json", "--run-dir", "none")
    assert said == "latest: there is no run under none; name its folder, or give --run-dir DIR."


def test_ten_thousand_recorded_replies_are_all_there(
    make_run: Callable[..., Path], command: Callable[..., Any]
) -> None:
    texts = (f"Because of this and that, {'the reason is clear. ' * 40}\nANSWER: {n}" for n in range(10_000))
    run = make_run(*(reply(f"mmlu/law/{n:05}", text) for n, text in enumerate(texts)))
    for name in ("r.json", "r.jsonl"):
        file = run.parents[1] / name
        assert command(run, "record", str(run), "--to", str(file)).returncode == 0
        assert len(load(str(file))) == 10_000

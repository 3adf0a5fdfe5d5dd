"""Requests and replies are found again for each case, whatever the files lack."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmlubench import zstd
from mmlubench.reports.logs import Exchange, cases_of
from mmlubench.schema import Entry, Outcome, Usage


def entry(question: str, model: str = "m", recipe: str = "") -> Entry:
    usage = Usage()
    return Entry(question, "b", "s", "c", model, Outcome.WRONG, "A", "B", "line", 0.1, usage, recipe=recipe)


def line(question: str, model: str = "m", *, attempt: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": question, "model": model, "attempt": attempt, **more}


def write(folder: Path, name: str, lines: Iterable[dict[str, Any]]) -> None:
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))


def told(folder: Path, entries: list[Entry]) -> list[tuple[int, list[tuple[Any, Any]]]]:
    def texts(exchange: Exchange) -> tuple[Any, Any]:
        return (exchange.request or {}).get("text"), (exchange.response or {}).get("text")

    return [(number, [texts(one) for one in exchanges]) for number, exchanges in cases_of(folder, entries)]


def test_a_retry_stands_behind_the_attempt_that_failed(tmp_path):
    write(tmp_path, "requests", [line("q", text="1st"), line("q", attempt=2, text="2nd")])
    write(tmp_path, "responses", [line("q", text="busy"), line("q", attempt=2, text="A")])
    assert told(tmp_path, [entry("q")]) == [(0, [("1st", "busy"), ("2nd", "A")])]


def test_a_request_that_was_cancelled_has_no_reply_and_takes_none(tmp_path):
    write(
        tmp_path, "requests", [line("p", text="1"), line("q", text="2", cancelled=True), line("r", text="3")]
    )
    write(tmp_path, "responses", [line("p", text="a"), line("r", text="c")])
    found = told(tmp_path, [entry("p"), entry("q"), entry("r")])
    assert found == [(0, [("1", "a")]), (1, [("2", None)]), (2, [("3", "c")])]


def test_the_same_question_to_two_models(tmp_path):
    lines = [line(q, model, text=f"{q}{model}") for q in "pq" for model in ("m", "n")]
    write(tmp_path, "requests", lines)
    write(tmp_path, "responses", lines)
    entries = [entry(q, model) for model in ("m", "n") for q in "pq"]
    found = dict(told(tmp_path, entries))
    assert found == {at: [(f"{e.id}{e.model}",) * 2] for at, e in enumerate(entries)}


def test_agents_belong_to_the_case_whatever_they_are_called(tmp_path):
    lines = [line("q", agent, turn=turn, text=f"{agent}{turn}") for turn in (0, 1) for agent in ("x", "y")]
    write(tmp_path, "requests", lines)
    write(tmp_path, "responses", reversed(lines))
    ((number, found),) = told(tmp_path, [entry("q")])
    assert number == 0
    assert found == [(text, text) for text in ("x0", "y0", "x1", "y1")]


def test_two_debates_of_one_question_by_the_same_agents_are_kept_apart(tmp_path):
    lines = [line("q", agent, text=f"{case}{agent}") for case in "12" for agent in ("x", "y")]
    write(tmp_path, "requests", lines)
    write(tmp_path, "responses", lines)
    found = told(tmp_path, [entry("q", "m"), entry("q", "n")])
    assert found == [(0, [("1x", "1x"), ("1y", "1y")]), (1, [("2x", "2x"), ("2y", "2y")])]


def test_a_case_that_was_run_again_has_all_its_requests(tmp_path):
    lines = [line("q", text="first run"), line("q", text="second run")]
    write(tmp_path, "requests", lines)
    write(tmp_path, "responses", lines)
    assert told(tmp_path, [entry("q")]) == [(0, [("first run",) * 2, ("second run",) * 2])]


def test_either_file_may_be_missing_and_the_last_line_cut_off(tmp_path):
    assert told(tmp_path, [entry("q")]) == []
    write(tmp_path, "responses", [line("q", text="a")])
    assert told(tmp_path, [entry("q")]) == [(0, [(None, "a")])]
    (tmp_path / "responses.jsonl").unlink()
    write(tmp_path, "requests", [line("q", text="1"), line("r", text="2")])
    with (tmp_path / "requests.jsonl").open("a") as file:
        file.write('{"id": "s", "mod')
    assert told(tmp_path, [entry("q"), entry("r")]) == [(0, [("1", None)]), (1, [("2", None)])]


def test_compressed_logs_are_read(tmp_path):
    for name in ("requests", "responses"):
        lines = json.dumps(line("q", text=name)) + "\n"
        (tmp_path / f"{name}.jsonl.zst").write_bytes(zstd.frame(lines.encode()))
    assert told(tmp_path, [entry("q")]) == [(0, [("requests", "responses")])]


def test_what_has_no_result_is_left_out(tmp_path):
    write(tmp_path, "requests", [line("gone", text="1"), line("q", text="2")])
    write(tmp_path, "responses", [line("gone", text="a"), line("q", text="b")])
    assert told(tmp_path, [entry("q")]) == [(0, [("2", "b")])]

"""A run with a recipe of inspect's, compared question by question with inspect's own prompts, reading and scores."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from peers.ours import Row, Run

SCRIPT = Path(__file__).with_name("in_inspect.py")
GOLDEN = Path(__file__).parents[2] / "tests" / "grading"
LIMIT_S = 1800
#: What the replies of the tests are read for: four choices, of which any may be right.
MADE_UP: Row = {
    "question": "?",
    "subject": "anatomy",
    "choices": ["one", "two", "three", "four"],
    "answer": 1,
}


def table(run: Run, python: str) -> Iterator[str]:
    """Yield the lines that tell how many prompts, letters and scores are equal, with each one that is not."""
    items = [{"row": one.row, "reply": one.reply} for one in run.asked]
    theirs = inspected(run, python, items)
    prompts = [
        one.id for one, peer in zip(run.asked, theirs, strict=True) if one.messages != peer["messages"]
    ]
    read = [
        f"{one.id}: {one.letter} here, {peer['letters']} there: {one.reply!r:.80}"
        for one, peer in zip(run.asked, theirs, strict=True)
        if [one.letter] * (one.letter is not None) != peer["letters"]
    ]
    scored = [
        f"{one.id}: {one.outcome} here, {peer['score']} there"
        for one, peer in zip(run.asked, theirs, strict=True)
        if (one.outcome == "correct") != (peer["score"] == "C")
    ]
    with_letter = sum(one.letter is not None for one in run.asked)
    yield f"questions                     {len(run.asked)}"
    yield from _counted("prompts equal byte for byte  ", prompts, len(run.asked))
    yield from _counted(f"letters equal ({with_letter} with one)  ", read, len(run.asked))
    yield from _counted("right or not equal           ", scored, len(run.asked))
    replies = golden()
    yield from _counted(
        f"letters of {len(replies)} other replies", _golden_differences(run, python, replies), len(replies)
    )


def golden() -> list[str]:
    """Return the replies of the tests' corpora, and each letter of theirs as inspect wants it."""
    files = sorted(GOLDEN.glob("golden_*.jsonl"))
    replies = [json.loads(line)["reply"] for file in files for line in file.read_text("utf-8").splitlines()]
    return [*replies, *(f"ANSWER: {reply}" for reply in replies if len(reply) < 80)]


def inspected(run: Run, python: str, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what inspect makes of each item. Raises CalledProcessError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        order, result = Path(folder) / "order.json", Path(folder) / "result.json"
        order.write_text(json.dumps({"shots": run.shots, "examples": run.examples, "items": items}))
        subprocess.run([python, str(SCRIPT), str(order), str(result)], check=True, timeout=LIMIT_S)
        found: list[dict[str, Any]] = json.loads(result.read_text())
    return found


def _golden_differences(run: Run, python: str, replies: Sequence[str]) -> list[str]:
    from mmlubench.grading.inspect_choice import read_inspect  # only here is the package needed
    from mmlubench.schema import Question

    question = Question("x/y/0", "x", "y", "z", "?", tuple(MADE_UP["choices"]), "B")
    theirs = inspected(run._replace(shots=0), python, [{"row": MADE_UP, "reply": reply} for reply in replies])
    ours = [read_inspect(reply, question).letter for reply in replies]
    return [
        f"{letter} here, {peer['letters']} there: {reply!r:.100}"
        for letter, peer, reply in zip(ours, theirs, replies, strict=True)
        if [letter] * (letter is not None) != peer["letters"]
    ]


def _counted(what: str, differing: Sequence[str], total: int) -> Iterator[str]:
    yield f"{what} {total - len(differing)} of {total}"
    yield from (f"  {line}" for line in differing)

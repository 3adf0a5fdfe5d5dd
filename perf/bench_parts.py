"""How long do the parts take that a user waits for? Prints CPU times beside the time that each may take.

    python perf/bench_parts.py

The best of five counts, so that little of it is what else the machine does.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from mmlubench.engine.limits.budget import Budget, Budgeted
from mmlubench.grading.extractions import EXTRACTIONS, find_extraction
from mmlubench.models.mock_replies import load
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Entry, Outcome, Question, Request, Usage
from mmlubench.stats.summarize import summarize

FULL_MMLU = 14_042
#: A part's name, what it does once, and the milliseconds it may take.
Part = tuple[str, Callable[[], object], float]


class Instant:
    """A Model that answers without a moment's delay."""

    async def generate(self, request: Request) -> Completion:
        return Completion("B", "stop", Usage(10, 1, cost_usd=1e-9))

    async def aclose(self) -> None: ...


def cases() -> list[Entry]:
    graded = (Outcome.CORRECT, "A", "A", "cue", 0.1, Usage(100, 5))
    return [Entry(f"mmlu/law/{n}", "mmlu", "law", "other", "m", *graded) for n in range(FULL_MMLU)]


def replies(folder: Path, suffix: str) -> str:
    """A file of 10,000 recorded replies."""
    texts = {f"mmlu/law/{n:05}": f"{'The reason is clear. ' * 40}\nANSWER: {n}" for n in range(10_000)}
    lines = (json.dumps({"id": name, "completion": text}) for name, text in texts.items())
    file = folder / f"replies.{suffix}"
    file.write_text(json.dumps(texts) if suffix == "json" else "\n".join(lines) + "\n")
    return str(file)


def budgeted() -> None:
    """What 2,000 requests pay for a limit on money."""
    model = Budgeted(Instant(), Budget(5.0), ModelSpec("m", "vllm", "m"))

    async def ask() -> None:
        for number in range(2000):
            await model.generate(Request(str(number), ()))

    asyncio.run(ask())


def parts(folder: Path) -> Iterator[Part]:
    yield "summary of 14,042 cases", partial(summarize, cases(), asked_model="m"), 50
    for suffix in ("json", "jsonl"):
        yield f"10,000 recorded replies from .{suffix}", partial(load, replies(folder, suffix)), 1000
    yield "budget, for 2,000 requests", budgeted, 100
    question = Question("x/y/0", "x", "y", "z", "?", ("1", "2", "3", "4"), "C")
    for name in EXTRACTIONS.ours:
        for piece in ("**", "answer is (", "Answer: A? "):
            text = piece * (100_000 // len(piece))
            read = partial(find_extraction(name), text, question)
            yield f"{name}: 100,000 characters of {piece!r}", read, 1000


def milliseconds(part: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        begin = time.process_time()
        part()
        times.append(time.process_time() - begin)
    return min(times) * 1000


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, part, most in parts(Path(folder)):
            took = milliseconds(part)
            print(f"{name:<60} {took:8.1f} ms   {'' if took < most else 'MORE THAN '}{most:g} ms allowed")

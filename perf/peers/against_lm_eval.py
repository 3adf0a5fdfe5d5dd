"""A run scored by `logprob:echo`, compared question by question with lm-eval on the same server."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from peers.ours import Asked, Run

SCRIPT = Path(__file__).with_name("in_lm_eval.py")
LIMIT_S = 3 * 3600
NEAR = 0.1
GAPS = {"hendrycks": "  "}
"""The blanks before the subject, for recipes that have others than lm-eval."""


class Pair(NamedTuple):
    """One question, as we asked it and as lm-eval did."""

    ours: Asked
    prompt: str
    logprobs: dict[str, float]

    @property
    def letter(self) -> str:
        return max(self.logprobs, key=lambda each: self.logprobs[each])  # the first of equal ones, as argmax

    @property
    def apart(self) -> float:
        """The largest difference of a letter's log-probability."""
        return max(abs(self.logprobs[each] - self.ours.logprobs[each]) for each in self.logprobs)

    @property
    def lead(self) -> float:
        """How far lm-eval's letter is ahead of ours, in its own log-probabilities."""
        return self.logprobs[self.letter] - self.logprobs[self.ours.letter or "A"]

    @property
    def difference(self) -> str:
        """How the prompts differ, in words; empty for equal ones."""
        mine, other = self.ours.prompt, self.prompt
        if mine == other:
            return ""
        if mine.count("\nAnswer:") != other.count("\nAnswer:"):
            return (
                "another number of worked examples: the recipe drops those that exceed its max_prompt_tokens"
            )
        if re.sub(r"about +", "about ", mine) == re.sub(r"about +", "about ", other):
            return "blanks before the subject"
        if re.sub(r"[ \n]+", " ", mine) == re.sub(r"[ \n]+", " ", other):
            return "blanks around a question: lm-eval strips them, the recipe keeps them as the paper does"
        return "other text"


def ask(run: Run, python: str, tokenizer: str, *, stock: bool, max_length: int, at_once: int) -> list[Pair]:
    """Have lm-eval ask the run's questions of the run's server. Raises CalledProcessError if it fails."""
    tests: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in run.asked:
        tests[one.row["subject"]].append({**one.row, "id": one.id})
    with tempfile.TemporaryDirectory() as folder:
        order, result = Path(folder) / "order.json", Path(folder) / "result.json"
        wanted = {
            **{"url": run.url, "model": run.model, "shots": run.shots, "tokenizer": tokenizer},
            **{"max_length": max_length, "at_once": at_once, "tests": tests, "examples": run.examples},
            "gap": "" if stock else GAPS.get(run.recipe, ""),
        }
        order.write_text(json.dumps(wanted))
        offline = {
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "HF_HOME": folder,
            "PATH": "/usr/bin:/bin",
        }
        subprocess.run(
            [python, str(SCRIPT), str(order), str(result)], env=offline, check=True, timeout=LIMIT_S
        )
        theirs = {each["id"]: each for each in json.loads(result.read_text())}
    return [Pair(one, theirs[one.id]["prompt"], theirs[one.id]["logprobs"]) for one in run.asked]


def table(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield the lines that tell how many prompts, letters and probabilities are equal, and what explains the others."""
    same = [pair for pair in pairs if not pair.difference]
    other = [pair for pair in pairs if pair.letter != pair.ours.letter]
    yield f"questions                     {len(pairs)}"
    yield f"prompts equal byte for byte   {len(same)}"
    yield f"letters equal                 {len(pairs) - len(other)}"
    if same:
        yield f"largest difference of a log-probability, equal prompts  {max(pair.apart for pair in same):.2g}"
    for words, count in Counter(pair.difference for pair in pairs if pair.difference).items():
        yield f"  {count} prompts differ: {words}"
    for pair in other:
        why = pair.difference or ("near tie" if max(pair.lead, pair.apart) < NEAR else "UNEXPLAINED")
        yield f"  {pair.ours.id}: {pair.ours.letter} here, {pair.letter} there, {pair.lead:.3f} ahead ({why})"

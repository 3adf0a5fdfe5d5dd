"""Are runs that end early right? Simulates --until and --decide-early on a made-up MMLU, with the code of the run.

    python perf/stopping.py [--runs 2000] [--seed 1]

A made-up MMLU has 14,042 questions in 57 subjects whose accuracies differ, and a simulated run asks them in the order
and ends it by the rule of the harness. Shown are, for --until, how often the 95 % interval covers the accuracy in all
questions and how many were asked; for --decide-early, how often the verdict is wrong, beside "peeking": the same gate
decided by the first plain 95 % interval that lies on one side of it. Standard errors of 2,000 runs: 0.5 % at 95 %.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mmlubench.datasets.select import asking_order
from mmlubench.run.stopping import FIRST_LOOK, LOOK_EVERY
from mmlubench.schema import Question
from mmlubench.stats.intervals import finite_population, wilson
from mmlubench.stats.sequential import Verdict, gate

TOTAL, SUBJECTS = 14_042, 57
LEAST = 0.65
#: A gate is looked at so often here; the harness looks after each answer, which is slower and no less valid.
LOOK_AT_GATE_EVERY = 10


class Ended(NamedTuple):
    """One simulated run."""

    n: int
    right: bool
    """Whether the interval covers the truth, or the verdict is the true one."""


def questions() -> list[Question]:
    """Make the questions: few subjects are large, as in MMLU."""
    sizes = [100] * 30 + [400] * (SUBJECTS - 31)
    sizes.append(TOTAL - sum(sizes))
    return [
        Question(f"mmlu/s{number:02}/{row:04}", "mmlu", f"s{number:02}", "", "", ("", ""), "A")
        for number, size in enumerate(sizes)
        for row in range(size)
    ]


def answers(accuracy: float, made: Sequence[Question], rng: random.Random) -> list[bool]:
    """Make the answers of a model of exactly this accuracy, better in some subjects than in others."""
    skill = {question.subject: rng.gauss(0, 0.12) for question in made}
    noisy = [rng.random() - skill[question.subject] for question in made]
    cut = sorted(noisy)[round(accuracy * TOTAL) - 1]
    return [value <= cut for value in noisy]


def until(half_width: float, right: Sequence[bool], order: Sequence[int]) -> Ended:
    """Run --until."""
    truth, correct = sum(right) / TOTAL, 0
    for n, at in enumerate(order, 1):
        correct += right[at]
        if n >= FIRST_LOOK and (n - FIRST_LOOK) % LOOK_EVERY == 0:
            low, high = wilson(correct, n, left=finite_population(n, TOTAL))
            if high - low <= 2 * half_width:
                return Ended(n, low <= truth <= high)
    return Ended(TOTAL, True)


def early(right: Sequence[bool], order: Sequence[int], *, peeking: bool = False) -> Ended:
    """Run --decide-early, or decide by the first plain interval on one side of the gate."""
    passes, correct = sum(right) >= LEAST * TOTAL, 0
    for n, at in enumerate(order, 1):
        correct += right[at]
        if (
            n % LOOK_AT_GATE_EVERY == 0
            and (verdict := _verdict(correct, n, peeking)) is not Verdict.UNDECIDED
        ):
            return Ended(n, (verdict is Verdict.PASSES) == passes)
    return Ended(TOTAL, True)


def _verdict(correct: int, n: int, peeking: bool) -> Verdict:
    if not peeking:
        return gate(correct, n, TOTAL, LEAST)
    low, high = wilson(correct, n, left=finite_population(n, TOTAL))
    if n < 100 or low < LEAST <= high:
        return Verdict.UNDECIDED
    return Verdict.PASSES if low >= LEAST else Verdict.FAILS


def orders(made: Sequence[Question], runs: int, seed: int, *, evenly: bool) -> Iterator[Sequence[int]]:
    """Make the order of each run."""
    for number in range(runs):
        yield asking_order(made, seed * 1_000_003 + number, evenly=evenly)


def line(name: str, ended: Sequence[Ended], *, wrong: bool) -> str:
    """Return one line of the table."""
    share = sum(one.right for one in ended) / len(ended)
    n = sorted(one.n for one in ended)
    figure = f"{100 * (1 - share):5.1f} % wrong" if wrong else f"{100 * share:5.1f} % covered"
    return f"{name:<38} {figure}   asked: median {statistics.median(n):8,.0f}, 90 % below {n[9 * len(n) // 10]:6,}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    made, rng = questions(), random.Random(options.seed)
    for half_width in (0.01, 0.02):
        for accuracy in (0.3, 0.5, 0.7, 0.9):
            right = answers(accuracy, made, rng)
            ended = [
                until(half_width, right, o) for o in orders(made, options.runs, options.seed, evenly=True)
            ]
            print(line(f"--until {half_width:g}, accuracy {accuracy:g}", ended, wrong=False), flush=True)
    for accuracy in (0.55, 0.63, 0.649, 0.65, 0.67, 0.75):
        right = answers(accuracy, made, rng)
        for peeking in (False, True):
            drawn = orders(made, options.runs, options.seed, evenly=False)
            name = f"gate {LEAST:g} {'by peeking' if peeking else '--decide-early'}, accuracy {accuracy:g}"
            print(line(name, [early(right, o, peeking=peeking) for o in drawn], wrong=True), flush=True)


if __name__ == "__main__":
    main()

"""How often do the 95 % intervals cover the truth? Monte Carlo coverage of every interval that is shown.

    python perf/coverage.py [--runs 4000] [--seed 1]

Each line simulates runs of which the truth is known, and counts how often the interval of the harness covers it. The
standard error of a line with 4,000 runs is 0.35 % at 95 %.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator

from mmlubench.schema import Outcome
from mmlubench.stats.compare.paired import Pair, compare
from mmlubench.stats.intervals import clustered_standard_error
from mmlubench.stats.tally import Tally

Covers = Callable[[random.Random], bool]


def covered(interval: tuple[float, float], truth: float) -> bool:
    """Whether the interval covers the truth."""
    return interval[0] <= truth <= interval[1]


def plain(n: int, accuracy: float) -> Covers:
    """Right and wrong answers to any questions like these."""

    def run(rng: random.Random) -> bool:
        tally, right = Tally(), sum(rng.random() < accuracy for _ in range(n))
        tally.add(Outcome.CORRECT, right)
        tally.add(Outcome.WRONG, n - right)
        return covered(tally.ci95, accuracy)

    return run


def of_benchmark(n: int, total: int, accuracy: float) -> Covers:
    """A random part of a benchmark, and the accuracy in all of it."""
    answers = [number < round(accuracy * total) for number in range(total)]

    def run(rng: random.Random) -> bool:
        tally, right = Tally(), sum(rng.sample(answers, n))
        tally.add(Outcome.CORRECT, right)
        tally.add(Outcome.WRONG, n - right)
        return covered(tally.ci95_of(total), sum(answers) / total)

    return run


def epochs(n: int, times: int) -> Covers:
    """The mean scores of questions that are asked several times; each question has a difficulty of its own."""

    def run(rng: random.Random) -> bool:
        tally = Tally()
        for _ in range(n):
            ease = rng.betavariate(1.4, 0.6)
            tally.add(Outcome.CORRECT, points=sum(rng.random() < ease for _ in range(times)) / times)
        return covered(tally.ci95, 0.7)

    return run


def translations(questions: int, languages: int) -> Covers:
    """Questions in several languages, right or wrong together."""

    def run(rng: random.Random) -> bool:
        tally, clusters = Tally(), []
        for _ in range(questions):
            ease = rng.betavariate(1.4, 0.6)
            right = sum(rng.random() < ease for _ in range(languages))
            tally.add(Outcome.CORRECT, right)
            tally.add(Outcome.WRONG, languages - right)
            clusters.append((float(right), languages))
        tally.clusters, tally.clustered_error = questions, clustered_standard_error(clusters)
        return covered(tally.ci95, 0.7)

    return run


def paired(n: int, gained: float, lost: float) -> Covers:
    """Two models on the same questions, of which so large shares differ."""

    def run(rng: random.Random) -> bool:
        draws = (rng.random() for _ in range(n))
        pairs = [Pair(float(x < lost), float(lost <= x < lost + gained)) for x in draws]
        return covered(compare(pairs).interval(), gained - lost)

    return run


def paired_by_subject(subjects: int, each: int) -> Covers:
    """Two models on the same questions, one of which is better in some subjects than in others."""

    def run(rng: random.Random) -> bool:
        pairs = []
        for subject in range(subjects):
            gained = rng.betavariate(2, 18)
            draws = (rng.random() for _ in range(each))
            pairs += [Pair(float(x > 0.95), float(x < gained), cluster=subject) for x in draws]
        return covered(compare(pairs).interval(), 0.1 - 0.05)

    return run


def lines() -> Iterator[tuple[str, Covers]]:
    """Yield what is simulated, by its name."""
    for n, accuracy in ((200, 0.25), (200, 0.7), (200, 0.95), (1_000, 0.7), (14_042, 0.9)):
        yield f"right and wrong, n = {n:,}, accuracy {accuracy:g}", plain(n, accuracy)
    for n, accuracy in ((200, 0.7), (2_000, 0.7), (2_000, 0.95), (10_000, 0.7)):
        yield f"in all 14,042 questions, n = {n:,}, accuracy {accuracy:g}", of_benchmark(n, 14_042, accuracy)
    yield "5 epochs, n = 200", epochs(200, 5)
    yield "14 languages, 200 questions", translations(200, 14)
    yield "paired, n = 200, 10 % gained, 5 % lost", paired(200, 0.1, 0.05)
    yield "paired, n = 1,000, 4 % gained, 4 % lost", paired(1_000, 0.04, 0.04)
    yield "paired, n = 1,000, 2 % gained, 1 % lost", paired(1_000, 0.02, 0.01)
    yield "paired by subject, 57 subjects of 20", paired_by_subject(57, 20)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name, covers in lines():
        rng = random.Random(options.seed)
        share = sum(covers(rng) for _ in range(options.runs)) / options.runs
        print(f"{name:<60} {100 * share:5.1f} %", flush=True)


if __name__ == "__main__":
    main()

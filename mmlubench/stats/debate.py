"""The figures of debates: accuracy and agreement of every round, and the answers that the rounds changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from mmlubench.figures import share
from mmlubench.schema import Entry, known_values, majority
from mmlubench.stats.intervals import wilson
from mmlubench.stats.metrics import Metric

Letters = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Round:
    """One round over all questions; shares from 0 to 1."""

    agents: int
    """The number of agents that spoke."""
    accuracy: float
    """The share of questions whose majority vote was right; a question without any vote is not right."""
    agent_accuracy: float
    """The share of single replies that were right: the accuracy of one agent alone."""
    agreement: float
    """The mean over questions of the share of agents that gave the commonest letter; replies without one differ."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class RoundScore:
    """The score of one round over some of the questions."""

    round: Round
    n: int
    correct: int
    """Questions whose majority vote was right."""
    no_vote: int
    """Questions in which no agent gave a letter."""

    @property
    def ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson(self.correct, self.n)

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        more = {"n": self.n, "correct": self.correct, "ci95": list(self.ci95), "no_vote": self.no_vote}
        return {**self.round.to_dict(), **more}


@dataclass(frozen=True, slots=True)
class Debated:
    """The figures of a run with debates."""

    questions: int
    rounds: tuple[Round, ...]
    better: int
    """Questions whose first vote was not right and whose last one was."""
    worse: int
    """Questions whose first vote was right and whose last one was not."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {
            "questions": self.questions,
            "rounds": [one.to_dict() for one in self.rounds],
            "changed_for_better": self.better,
            "changed_for_worse": self.worse,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Debated:
        """Make the figures from the dictionary of `to_dict`."""
        rounds = tuple(Round(**known_values(one, Round.__slots__)) for one in values["rounds"])
        return cls(values["questions"], rounds, values["changed_for_better"], values["changed_for_worse"])


def debated(results: Sequence[Entry]) -> Debated | None:
    """Sum up the rounds of a run; None for a run without debates."""
    cases = [(result.answer, result.rounds) for result in results if result.rounds]
    return sum_up(cases) if cases else None


def sum_up(cases: Sequence[tuple[str, Sequence[Letters]]]) -> Debated:
    """Sum up debates, each given as the right letter and the letters of all agents round by round.

    `cases` must not be empty. If debates differ in length, a round is computed over the debates that had it.
    """
    most = max(len(rounds) for _, rounds in cases)
    first = [majority(rounds[0]) == answer for answer, rounds in cases]
    last = [majority(rounds[-1]) == answer for answer, rounds in cases]
    return Debated(
        questions=len(cases),
        rounds=tuple(
            _round([(answer, rounds[number]) for answer, rounds in cases if len(rounds) > number])
            for number in range(most)
        ),
        better=sum(after and not before for before, after in zip(first, last, strict=True)),
        worse=sum(before and not after for before, after in zip(first, last, strict=True)),
    )


def round_score(cases: Sequence[tuple[str, Letters]]) -> RoundScore:
    """Score one round: of each question the right letter and the letters of all agents. `cases` must not be empty."""
    votes = [majority(letters) for _, letters in cases]
    right = sum(vote == answer for vote, (answer, _) in zip(votes, cases, strict=True))
    return RoundScore(_round(cases), len(cases), right, votes.count(None))


def debate_parts(debate: Debated) -> list[str]:
    """Write the rounds, and what they changed, as parts of one line."""
    parts = [f"round {number}: {_words(one)}" for number, one in enumerate(debate.rounds, start=1)]
    if len(parts) > 1:
        parts.append(f"{debate.better:,} changed for the better, {debate.worse:,} for the worse")
    return parts


def _words(one: Round) -> str:
    if one.agents == 1:  # a single agent neither votes nor disagrees
        return f"one agent {share(one.accuracy)}"
    return f"vote {share(one.accuracy)}, one agent {share(one.agent_accuracy)}, agreement {one.agreement:.0%}"


def _shown(value: Debated, beside: Mapping[str, Any]) -> list[str]:
    first, *more = debate_parts(value)
    return [f"first epoch, {first}" if beside.get("repeats") else first, *more]


DEBATE = Metric("debate", debated, _shown, Debated.from_dict)


def _round(cases: Sequence[tuple[str, Letters]]) -> Round:
    replies = sum(len(letters) for _, letters in cases)
    right = sum(list(letters).count(answer) for answer, letters in cases)
    return Round(
        agents=max(len(letters) for _, letters in cases),
        accuracy=sum(majority(letters) == answer for answer, letters in cases) / len(cases),
        agent_accuracy=right / replies,
        agreement=fsum(_agreement(letters) for _, letters in cases) / len(cases),
    )


def _agreement(letters: Letters) -> float:
    votes = Counter(letter for letter in letters if letter)
    return max(votes.values(), default=0) / len(letters)

"""Debates: agents answer, read the others' answers, and answer again; the majority or a judge decides.

Debate: Du et al. 2023, "Improving factuality and reasoning in language models through multiagent debate", arXiv
2305.14325. Self-consistency: Wang et al. 2022, arXiv 2203.11171.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmlubench.prompts import Role
from mmlubench.schema import Answer, Question
from mmlubench.solvers.panel import Agent, Panel, Reader, vote


@dataclass(frozen=True, slots=True)
class Debate:
    """All agents answer at once; in every further round each agent reads the others' replies. The majority decides.

    With one round no agent reads another's reply: that is self-consistency.
    """

    agents: Sequence[Agent]
    rounds: int
    read: Reader
    initial: Role
    collaborative: Role

    async def __call__(self, question: Question) -> Answer:
        """Solve one question. Raises ProviderError if an agent gave no usable reply, as the others would miss it."""
        panel = Panel(question, self.agents, self.read)
        await discuss(panel, range(len(self.agents)), self.rounds, self.initial, self.collaborative)
        answer = vote(question, [answer for answer in panel.answers if answer])
        collaborative = self.collaborative if self.rounds > 1 else None
        return panel.finish(answer, initial=self.initial, collaborative=collaborative)


@dataclass(frozen=True, slots=True)
class JudgedDebate:
    """Two agents debate; a third agent, the judge, reads their last replies and decides alone."""

    agents: Sequence[Agent]
    rounds: int
    read: Reader
    initial: Role
    collaborative: Role
    judge: Role

    async def __call__(self, question: Question) -> Answer:
        """Solve one question; the answer has a letter only if the judge gives one. Raises ProviderError."""
        panel = Panel(question, self.agents, self.read)
        await discuss(panel, (0, 1), self.rounds, self.initial, self.collaborative)
        await panel.round({2: self.judge.text(question, panel.said({0: "Agent 1", 1: "Agent 2"}))})
        collaborative = self.collaborative if self.rounds > 1 else None
        return panel.finish(
            _last(panel, 2), initial=self.initial, collaborative=collaborative, judge=self.judge
        )


@dataclass(frozen=True, slots=True)
class Critique:
    """An author answers, a critic criticizes the answer, and a synthesizer makes a new answer of both, every round."""

    agents: Sequence[Agent]
    rounds: int
    read: Reader
    initial: Role
    critic: Role
    synthesizer: Role

    async def __call__(self, question: Question) -> Answer:
        """Solve one question; the answer has a letter only if the synthesizer gives one. Raises ProviderError."""
        panel = Panel(question, self.agents, self.read)
        await panel.round({0: self.initial.text(question)})
        proposer = 0
        for _ in range(self.rounds):
            answer = {proposer: "The answer"}
            await panel.round({1: self.critic.text(question, panel.said(answer))})
            both = {**answer, 1: "The critique"}
            await panel.round({2: self.synthesizer.text(question, panel.said(both))})
            proposer = 2
        return panel.finish(
            _last(panel, 2),
            initial=self.initial,
            collaborative=None,
            critic=self.critic,
            synthesizer=self.synthesizer,
        )


async def discuss(
    panel: Panel, speakers: Sequence[int], rounds: int, initial: Role, collaborative: Role
) -> None:
    """Let the speakers answer, and in each further round answer again with the others' replies before them."""
    await panel.round(dict.fromkeys(speakers, initial.text(panel.question)))
    for _ in range(rounds - 1):
        # All prompts are made first, so that no agent reads a reply of the same round.
        prompts = {}
        for one in speakers:
            others = {other: f"Agent {other + 1}" for other in speakers if other != one}
            prompts[one] = collaborative.text(panel.question, panel.said(others))
        await panel.round(prompts)


def _last(panel: Panel, agent: int) -> Answer:
    answer = panel.answers[agent]
    assert answer is not None  # it has just spoken
    return answer

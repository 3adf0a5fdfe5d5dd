"""A panel of agents that work on one question: their conversations, answers and votes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmlubench.grading import strip_thinking
from mmlubench.models.base import Model
from mmlubench.prompts import Replies, Role
from mmlubench.schema import Answer, Completion, Message, Params, Question, Request, majority
from mmlubench.solvers.base import gather_all

#: Reads the letter of a reply.
Reader = Callable[[Question, Completion], Answer]
#: The text of a turn whose reply is empty, as servers refuse an empty turn.
_NO_REPLY = "(no reply)"


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: a model and its sampling parameters."""

    model: Model
    params: Params


class Panel:
    """The agents of one question, the conversation of each agent, and the letters of every round."""

    def __init__(self, question: Question, agents: Sequence[Agent], read: Reader) -> None:
        self.question = question
        self.contexts: list[list[Message]] = [[] for _ in agents]
        """The conversation of each agent."""
        self.answers: list[Answer | None] = [None] * len(agents)
        """The last answer of each agent; None before its first."""
        self.rounds: list[tuple[str | None, ...]] = []
        """The letters of the agents that spoke in each round."""
        self._speakers: list[list[int]] = []
        """The positions of the agents that spoke in each round."""
        self._agents = agents
        self._read = read

    async def round(self, prompts: Mapping[int, str]) -> None:
        """Ask these agents at once, each with its prompt. Raises ProviderError if one gives no usable reply."""
        answers = await gather_all(self._speak(agent, prompt) for agent, prompt in prompts.items())
        self.rounds.append(tuple(answer.letter for answer in answers))
        self._speakers.append(list(prompts))

    def said(self, names: Mapping[int, str]) -> Replies:
        """Return the last replies of these agents, each under the name by which it is quoted."""
        return Replies((name, self.contexts[agent][-1].content) for agent, name in names.items())

    async def _speak(self, place: int, prompt: str) -> Answer:
        agent, context = self._agents[place], self.contexts[place]
        context.append(Message("user", prompt))
        completion = await agent.model.generate(Request(self.question.id, tuple(context), agent.params))
        # Thinking is left out for other agents and for grading, so that the debate file yields the same letters.
        said = strip_thinking(completion.text).strip()
        thought = completion.reasoning or (completion.text if not said else "")
        answer = self._read(self.question, replace(completion, text=said, reasoning=thought))
        context.append(Message("assistant", said or _NO_REPLY))
        self.answers[place] = answer
        return answer

    def finish(self, answer: Answer, **roles: Role | None) -> Answer:
        """Return the answer with the record of the debate, an entry of the debate file.

        `roles` are the prompts by their use: `initial`, `collaborative` and others.
        """
        question = self.question
        record: dict[str, Any] = {
            "question": question.text,
            "options": list(question.choices),
            "answer": question.answer,
            "category": question.category,
            "language": question.language,
            "temperature": self._temperature,
            "agents": len(self._agents),
            "rounds": len(self.rounds),
        }
        for use, role in roles.items():
            record[f"{use}_prompt_used"] = role.name if role else None
            record[f"{use}_prompt_file"] = role.source if role else None
        record["agent_contexts"] = [
            [{"role": message.role, "content": message.content} for message in context]
            for context in self.contexts
        ]
        record["extracted_answers"] = [said.letter if said else None for said in self.answers]
        record["speakers"] = self._speakers
        return replace(answer, rounds=tuple(self.rounds), record=record)

    @property
    def _temperature(self) -> float | list[float | None] | None:
        """The temperature of all agents, or a list where they differ; None for that of the model."""
        each = [agent.params.temperature for agent in self._agents]
        return each[0] if len(set(each)) == 1 else each


def vote(question: Question, answers: Sequence[Answer]) -> Answer:
    """Return the answer of most agents; in a tie, the first seen.

    An agent without a letter casts no vote. If no agent has a letter, the first agent's answer says why it has none.
    """
    letters = [answer.letter for answer in answers]
    letter = majority(letters)
    if letter is None:
        return answers[0]
    spoken = answers[letters.index(letter)]
    votes = f"{letters.count(letter)} of {len(letters)} agents answered {letter}, right is {question.answer}"
    return Answer(letter, "majority", spoken.text, votes)

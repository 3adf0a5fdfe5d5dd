"""Several agents on one question: who they are, what they said, and the answer that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmlubench.grading import strip_thinking
from mmlubench.models.base import Model
from mmlubench.prompts import Heard, Role
from mmlubench.schema import Answer, Completion, Message, Params, Question, Request, majority
from mmlubench.solvers.base import gather_all

#: Reads the letter of a reply.
Reader = Callable[[Question, Completion], Answer]
#: What stands for a reply without any text: servers refuse an empty turn.
_SILENCE = "(no reply)"


@dataclass(frozen=True, slots=True)
class Agent:
    """Who speaks: a model, and how it is asked."""

    model: Model
    params: Params


class Panel:
    """The agents of one question, what each has heard and said, and the letters of every round."""

    def __init__(self, question: Question, agents: Sequence[Agent], read: Reader) -> None:
        self.question = question
        self.contexts: list[list[Message]] = [[] for _ in agents]
        """The conversation of each agent."""
        self.answers: list[Answer | None] = [None] * len(agents)
        """What each agent answered last; None before it has."""
        self.rounds: list[tuple[str | None, ...]] = []
        """The letters of those who spoke in each round."""
        self._speakers: list[list[int]] = []
        """Who they were."""
        self._agents = agents
        self._read = read

    async def round(self, prompts: Mapping[int, str]) -> None:
        """Let these agents speak at once, each after its prompt. Raises ProviderError if one gives no usable reply."""
        answers = await gather_all(self._speak(agent, prompt) for agent, prompt in prompts.items())
        self.rounds.append(tuple(answer.letter for answer in answers))
        self._speakers.append(list(prompts))

    def said(self, names: Mapping[int, str]) -> Heard:
        """Collect the last words of these agents, each under the name by which it is quoted."""
        return Heard((name, self.contexts[agent][-1].content) for agent, name in names.items())

    async def _speak(self, place: int, prompt: str) -> Answer:
        agent, context = self._agents[place], self.contexts[place]
        context.append(Message("user", prompt))
        completion = await agent.model.generate(Request(self.question.id, tuple(context), agent.params))
        # What was thought is neither heard nor read, so that whoever reads the debate file finds the same letters.
        said = strip_thinking(completion.text).strip()
        thought = completion.reasoning or (completion.text if not said else "")
        answer = self._read(self.question, replace(completion, text=said, reasoning=thought))
        context.append(Message("assistant", said or _SILENCE))
        self.answers[place] = answer
        return answer

    def finish(self, answer: Answer, **roles: Role | None) -> Answer:
        """Return the answer with everything that was said: an entry of the debate file.

        `roles` are the prompts by what they were used for: `initial`, `collaborative` and others.
        """
        question = self.question
        record: dict[str, Any] = {
            "question": question.text,
            "options": list(question.choices),
            "answer": question.answer,
            "category": question.category,
            "language": question.language,
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


def vote(question: Question, answers: Sequence[Answer]) -> Answer:
    """Return what most agents answered, the first seen where two tie.

    Who has no letter casts no vote. Where nobody has one, the first agent's answer says why it has none.
    """
    letters = [answer.letter for answer in answers]
    letter = majority(letters)
    if letter is None:
        return answers[0]
    spoken = answers[letters.index(letter)]
    told = f"{letters.count(letter)} of {len(letters)} agents answered {letter}, right is {question.answer}"
    return Answer(letter, "majority", spoken.text, told)

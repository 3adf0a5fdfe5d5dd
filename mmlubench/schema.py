"""The words every room of mmlubench speaks in: read this file and one benchmark, and you know the architecture.

A data set yields `Question`s. A solver turns a question into `Request`s, a model answers each with a
`Completion`, grading reads an `Answer` out of it, the test asserts on that answer, and the plugin keeps
one `Entry` per case. All are frozen values; nothing here imports anything else of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: How many of the likeliest tokens a server is asked for: more than these vLLM and OpenAI do not give.
TOP_LOGPROBS = 20


class Outcome(str, Enum):
    """How a case ended. Every case has exactly one."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"  # a reply, but no letter in it
    TRUNCATED = "truncated"  # cut off by the token limit before any letter
    REFUSED = "refused"  # the model declined to answer
    ERROR = "error"  # no usable reply: the provider failed; never counted as wrong
    SKIPPED = "skipped"  # not asked

    def __str__(self) -> str:
        return self.value


class Scoring(str, Enum):
    """How a letter is got out of a model; the values are those of `--scoring`."""

    TEXT = "text"  # read from the reply
    LOGPROB = "logprob"  # the likeliest letter, by whichever of the three below the server can do
    COMPLETIONS = "logprob:completions"  # the next token after the raw prompt
    ECHO = "logprob:echo"  # the prompt with each letter behind it, echoed
    CHAT = "logprob:chat"  # the first token of the reply

    def __str__(self) -> str:
        return self.value


#: Outcomes that are in the denominator of accuracy: the model was asked and it replied.
ANSWERED = (
    Outcome.CORRECT,
    Outcome.WRONG,
    Outcome.UNPARSED,
    Outcome.TRUNCATED,
    Outcome.REFUSED,
)


@dataclass(frozen=True, slots=True)
class Question:
    """One multiple-choice question."""

    id: str
    """`benchmark/subject/row`, for example `mmlu/anatomy/0017`; a data set's own id where it has one."""
    benchmark: str
    subject: str
    category: str
    """The domain a subject belongs to, for example `stem`."""
    text: str
    choices: tuple[str, ...]
    answer: str
    """The letter of the right choice."""
    language: str = ""
    """The locale of a translation as its data set names it, for example `DE_DE`; empty for English."""
    rationale: str = ""
    """The worked-out solution that a worked example comes with; empty where the data set has none."""

    @property
    def letters(self) -> str:
        """The letters of the choices, `"ABCD"` for four."""
        return ALPHABET[: len(self.choices)]

    @property
    def case_id(self) -> str:
        """The part of the pytest id that names the question, for example `anatomy-0017`."""
        return "-".join(self.id.split("/")[1:]) or self.id


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str
    shared: int = field(default=0, compare=False)
    """How many leading characters of `content` all questions of the subject have in common; 0 if nobody looked.

    It says where a provider's prompt cache may cut, and is no part of what is said.
    """


@dataclass(frozen=True, slots=True)
class Params:
    """Sampling parameters as asked for; `None` means not asked for. What a model really takes is its own affair."""

    temperature: float | None = 0.0
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    """How many of the likeliest tokens are to be reported for the first one of the reply."""
    choice: tuple[str, ...] = ()
    """The texts of which the reply must be one: constrained decoding."""

    def asked(self) -> dict[str, Any]:
        """The parameters that were asked for, by name."""
        named = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": list(self.stop) or None,
            "logprobs": self.logprobs,
            "choice": list(self.choice) or None,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked."""

    id: str
    """The id of the question it belongs to: logs and mock replies are keyed by it."""
    messages: tuple[Message, ...]
    params: Params = field(default_factory=Params)
    attempt: int = 1
    """1 for the first try; a retry counts on."""
    prompt: str = ""
    """A raw text to be continued as it stands, in place of `messages`; empty for a chat."""
    continuation: str = ""
    """A text that is not to be generated: how likely is it after `prompt`?"""
    epoch: int = 0
    """Which time the case puts its question: 0 for the first. No model sees it; a recording is played back by it."""
    turn: int = 0
    """How many requests the case made of this model before, in this epoch."""

    @property
    def chars(self) -> int:
        """How long everything is that the model is given to read, in characters."""
        return len(self.prompt) + len(self.continuation) + sum(len(m.content) for m in self.messages)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more completions, and their price in US dollars where it is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """The share of `input_tokens` that came out of the provider's prompt cache."""
    reasoning_tokens: int = 0
    """The share of `output_tokens` spent on thinking."""
    cost_usd: float | None = None
    cache_write_tokens: int = 0
    """The share of `input_tokens` that was written to the provider's prompt cache, where that has its own price."""

    def __add__(self, other: Usage) -> Usage:
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            sum(costs) if costs else None,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "cost_usd": self.cost_usd,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Usage:
        """From the dictionary of `to_dict`; a key that is missing or not known here is of another version."""
        return cls(**{name: values[name] for name in cls.__slots__ if name in values})


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model replied."""

    text: str
    finish_reason: str
    """`stop`, `length`, `refusal`, or the provider's own word for anything else."""
    usage: Usage = Usage()
    model: str = ""
    """The model that really served the request, as it names itself."""
    latency_s: float = 0.0
    sent: Mapping[str, Any] = field(default_factory=dict)
    """The parameters that were really sent, under the names the provider uses."""
    reasoning: str = ""
    """Thinking that the provider returned apart from the text."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the provider or a mock file says of this reply."""
    pause_s: float = 0.0
    """Seconds for which the provider wants no other request, as its rate-limit headers say."""
    logprobs: tuple[tuple[str, float], ...] = ()
    """Tokens and their natural log-probabilities, where they were asked for.

    The likeliest first tokens of the reply, best first; or the tokens of `Request.continuation`, in their order.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, read. `letter` is None when no letter was found; it is never a guess."""

    letter: str | None
    rule: str
    """The name of the extraction rule that fired, or why there is no letter: `unparsed`, `truncated`, `refused`."""
    text: str
    explanation: str
    """One line for the user: what was answered, what was right."""
    probabilities: Mapping[str, float] | None = None
    """The probability of each letter, 1 in all; None where the letter was read from a text."""
    letters: tuple[str | None, ...] = ()
    """What each repeat answered, where the question was asked several times."""
    score: float | None = None
    """What the repeats are worth together, 0 to 1; None where the letter alone decides."""
    rounds: tuple[tuple[str | None, ...], ...] = ()
    """The letters of all agents in each round, where several worked on the question."""
    record: Mapping[str, Any] | None = None
    """What those agents said to one another: an entry of the debate file."""

    @property
    def failure(self) -> Outcome:
        """The outcome of the case if the assertion on this answer fails."""
        return Outcome.WRONG if self.letter else Outcome(self.rule)


def majority(letters: Iterable[str | None]) -> str | None:
    """The letter that most gave, the first seen where two tie; None casts no vote, and is what comes of none."""
    votes = Counter(letter for letter in letters if letter)
    return votes.most_common(1)[0][0] if votes else None  # of equal counts, the one that came first


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `results.jsonl`: one case, graded."""

    id: str
    benchmark: str
    subject: str
    category: str
    model: str
    outcome: Outcome
    answer: str
    """The right letter."""
    prediction: str | None
    rule: str
    latency_s: float
    """Seconds spent waiting for the model, all attempts together."""
    usage: Usage
    requests: int = 0
    """How many requests were sent for this case, retries included."""
    served_model: str = ""
    error: str = ""
    choices: int = 4
    """How many choices the question has; what it is in files written before this was noted."""
    language: str = ""
    """The locale of the question, for example `DE_DE`; empty for English."""
    probabilities: Mapping[str, float] | None = None
    """The probability of each letter, 1 in all; None where the letter was read from a text."""
    letters: tuple[str | None, ...] = ()
    """What each repeat answered, where the question was asked several times."""
    score: float | None = None
    """What the repeats are worth together, 0 to 1; None where the outcome alone decides."""
    rounds: tuple[tuple[str | None, ...], ...] = ()
    """The letters of all agents in each round, where several worked on the question."""
    recipe: str = ""
    """What was asked with where it is not the recipe of the run, such as `own solver (conftest.py)`."""

    @property
    def points(self) -> float:
        """What the case adds to the accuracy: 1 for a right answer unless there is a score."""
        return float(self.outcome is Outcome.CORRECT) if self.score is None else self.score

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        # Not dataclasses.asdict: it copies deeply, 14,042 times.
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "outcome": self.outcome.value, "usage": self.usage.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Entry:
        """From the dictionary of `to_dict`; a key that is missing or not known here is of another version.

        Raises KeyError, TypeError, ValueError or AttributeError for what is no line of `results.jsonl`.
        """
        known = {name: values[name] for name in cls.__slots__ if name in values}
        known["outcome"] = Outcome(values["outcome"])
        known["usage"] = Usage.from_dict(values["usage"])
        known["letters"] = tuple(values.get("letters", ()))
        known["rounds"] = tuple(map(tuple, values.get("rounds", ())))
        return cls(**known)

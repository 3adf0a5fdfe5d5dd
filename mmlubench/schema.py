"""The types that all parts of mmlubench share: read this file and one benchmark, and you know the architecture.

A data set yields `Question`s. A solver turns a question into `Request`s, a model answers each with a `Completion`,
grading reads an `Answer` from it, the test asserts on that answer, and the plugin writes one `Entry` per case. All are
frozen values. This module imports no other module of mmlubench.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from math import exp
from sys import intern
from types import NoneType
from typing import Any

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: The number of likeliest tokens that a server is asked for: the most that vLLM and OpenAI give.
TOP_LOGPROBS = 20
#: The largest number of tokens, or of US dollars, that a record may have.
_MOST_TOKENS = 10**15
#: The probability from which a token is certain though no other one is told beside it.
CERTAIN = 0.99
#: Keys in `Completion.metadata`: called tools; the server's settings; what was left out; the batch.
TOOL_CALLS, FINGERPRINT, NOT_SENT, BATCH = "tool_calls", "system_fingerprint", "not_sent", "batch"


class Outcome(str, Enum):
    """The outcome of a case. Every case has exactly one."""

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
    """The way to get a letter from a model; the values are those of `--scoring`."""

    TEXT = "text"  # read from the reply
    LOGPROB = "logprob"  # the likeliest letter, in whichever of the next three ways the server supports
    COMPLETIONS = "logprob:completions"  # the next token after the raw prompt
    ECHO = "logprob:echo"  # the prompt with each letter behind it, echoed
    CHAT = "logprob:chat"  # the first token of the reply

    def __str__(self) -> str:
        return self.value


#: The outcomes in the denominator of accuracy: the model was asked and replied.
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
    """The worked-out solution of a worked example; empty if the data set has none."""
    order: str = ""
    """The letters of the choices in the data, in the order they have here, such as `CABD`; empty if none was moved."""

    @property
    def letters(self) -> str:
        """The letters of the choices, `"ABCD"` for four."""
        return ALPHABET[: len(self.choices)]

    @property
    def case_id(self) -> str:
        """The part of the pytest id that names the question, for example `anatomy-0017`."""
        return "-".join(self.id.split("/")[1:]) or self.id


def untranslated(question_id: str, language: str) -> str:
    """Return what the id of a question is in all languages: without the name of its own."""
    return question_id.replace(f"/{language}/", "/", 1) if language else question_id


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str
    shared: int = field(default=0, compare=False)
    """The number of leading characters of `content` that all questions of the subject share; 0 if it was not computed.

    It says up to where a provider may cache the prompt, and is not part of the message.
    """


@dataclass(frozen=True, slots=True)
class Params:
    """The sampling parameters asked for, None for those not asked for. A model may not accept all of them."""

    temperature: float | None = 0.0
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    """The number of likeliest tokens to report for the first token of the reply."""
    choice: tuple[str, ...] = ()
    """The only texts that the reply may be: constrained decoding."""

    def asked(self) -> dict[str, Any]:
        """Return the parameters that were asked for, by name."""
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
    """One request to a model."""

    id: str
    """The id of its question, the key of logs and mock replies."""
    messages: tuple[Message, ...]
    params: Params = field(default_factory=Params)
    attempt: int = 1
    """The number of the attempt: 1 for the first try, 2 for its first retry."""
    prompt: str = ""
    """A raw text for the model to continue, in place of `messages`; empty for a chat."""
    continuation: str = ""
    """A text whose log-probability after `prompt` is asked for; nothing is generated."""
    epoch: int = 0
    """The number of the epoch, from 0. It is not sent to the model, but selects the reply of a recording."""
    turn: int = 0
    """The number of requests that the case has sent to this model before, in this epoch."""

    @property
    def chars(self) -> int:
        """The number of characters that the model is given to read."""
        return len(self.prompt) + len(self.continuation) + sum(len(m.content) for m in self.messages)


def known_values(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the values with these names, as far as there are any: files of newer versions have more of them."""
    return {name: values[name] for name in names if name in values}


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one or more completions, and their price in US dollars if it is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """The part of `input_tokens` that was read from the provider's prompt cache."""
    reasoning_tokens: int = 0
    """The part of `output_tokens` that was spent on thinking."""
    cost_usd: float | None = None
    cache_write_tokens: int = 0
    """The part of `input_tokens` that was written to the provider's prompt cache, if that has its own price."""

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
        """Return the values for JSON."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "cost_usd": self.cost_usd,
        }

    def checked(self) -> Usage:
        """Return this. Raises TypeError for a count that is no whole number up to 10**15, or a cost that is none."""
        counts = (getattr(self, name) for name in self.__slots__ if name != "cost_usd")
        if not all(type(count) is int and 0 <= count <= _MOST_TOKENS for count in counts):
            raise TypeError("a number of tokens is no count")
        cost = self.cost_usd
        if cost is not None and not (type(cost) in (int, float) and 0 <= cost <= _MOST_TOKENS):
            raise TypeError("cost_usd is no price")
        return self

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Usage:
        """Make the usage from the dictionary of `to_dict`; missing and unknown keys of other versions are ignored."""
        return cls(**known_values(values, cls.__slots__))


@dataclass(frozen=True, slots=True)
class Completion:
    """The reply of a model."""

    text: str
    finish_reason: str
    """`stop`, `length`, `refusal`, or the provider's own word for anything else."""
    usage: Usage = Usage()
    model: str = ""
    """The model that served the request, as the server names it."""
    latency_s: float = 0.0
    """The seconds from the last byte of the request to the last byte of the reply, as far as a transport can tell."""
    sent: Mapping[str, Any] = field(default_factory=dict)
    """The parameters that were really sent, under the provider's names."""
    reasoning: str = ""
    """The thinking that the provider returned apart from the text."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Other facts of the provider or of a mock file about this reply."""
    pause_s: float = 0.0
    """The seconds for which the provider wants no further request, from its rate-limit headers."""
    logprobs: tuple[tuple[str, float], ...] = ()
    """Tokens and their natural log-probabilities, if they were asked for.

    They are the likeliest first tokens of the reply, best first, or the tokens of `Request.continuation`, in order.
    """

    @property
    def lacks_alternatives(self) -> bool:
        """Whether the log-probabilities are those of one first token only, which is not certain by its own figure.

        Nothing then says how likely each letter is: among probabilities that are scaled to 1 in total, it would be 1.
        """
        return len(self.logprobs) == 1 and exp(self.logprobs[0][1]) < CERTAIN


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer read from a reply. `letter` is None if no letter was found; it is never a guess."""

    letter: str | None
    rule: str
    """The name of the extraction rule that fired, or why there is no letter: `unparsed`, `truncated`, `refused`.

    A cause may follow: `unparsed:thinking` (thinking without a reply), `unparsed:tool_call` (a call without text).
    """
    text: str
    explanation: str
    """One line for the user: the letter that was answered and the right one."""
    probabilities: Mapping[str, float] | None = None
    """The probability of each letter, 1 in total; None if the letter was read from a text."""
    letters: tuple[str | None, ...] = ()
    """The letter of each epoch, if the question was asked several times."""
    score: float | None = None
    """The score of all epochs together, 0 to 1; None if the letter alone decides."""
    rounds: tuple[tuple[str | None, ...], ...] = ()
    """The letters of all agents in each round, if several agents worked on the question."""
    record: Mapping[str, Any] | None = None
    """The conversations of these agents: an entry of the debate file."""
    letter_mass: float | None = None
    """The probability of all letters together, 0 to 1; None if the letter was read from a text."""
    unlisted_mass: float = 0.0
    """The most probability that letters missing from the server's list of tokens may have; 0 if none is missing."""
    second_tries: int = 0
    """The number of replies that were cut off and replaced by that of a second request with a larger limit."""

    @property
    def failure(self) -> Outcome:
        """The outcome of the case if the assertion on this answer fails."""
        return Outcome.WRONG if self.letter else Outcome(self.rule.partition(":")[0])


def majority(letters: Iterable[str | None]) -> str | None:
    """Return the most frequent letter, in a tie the first seen; None casts no vote, and is returned without votes."""
    votes = Counter(letter for letter in letters if letter)
    return votes.most_common(1)[0][0] if votes else None  # of equal counts, the first one


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
    """The seconds spent waiting for the model, over all attempts."""
    usage: Usage
    requests: int = 0
    """The number of requests that were sent for this case, including retries."""
    served_model: str = ""
    served_provider: str = ""  # who served it behind a router such as OpenRouter, if the router says so
    error: str = ""
    choices: int = 4
    """The number of choices of the question; 4 for files written before this field existed."""
    language: str = ""
    """The locale of the question, for example `DE_DE`; empty for English."""
    probabilities: Mapping[str, float] | None = None
    """The probability of each letter, 1 in total; None if the letter was read from a text."""
    letters: tuple[str | None, ...] = ()
    """The letter of each epoch, if the question was asked several times."""
    score: float | None = None
    """The score of all epochs together, 0 to 1; None if the outcome alone decides."""
    rounds: tuple[tuple[str | None, ...], ...] = ()
    """The letters of all agents in each round, if several agents worked on the question."""
    recipe: str = ""
    """The name of what replaced the recipe of the run, such as `own solver (conftest.py)`; empty for that recipe."""
    letter_mass: float | None = None  # these three as in `Answer`; a mass of None in older files, too
    unlisted_mass: float = 0.0
    second_tries: int = 0
    order: str = ""
    """`Question.order`: the letters that the choices have in the data, if the data set moved them; else empty."""

    @property
    def points(self) -> float:
        """What the case adds to the accuracy: its score, else 1 for a right answer and 0 for any other."""
        return float(self.outcome is Outcome.CORRECT) if self.score is None else self.score

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        # Not dataclasses.asdict, which would make deep copies, 14,042 times.
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "outcome": self.outcome.value, "usage": self.usage.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Entry:
        """Make an entry from the dictionary of `to_dict`; missing and unknown keys of other versions are ignored.

        Raises KeyError, TypeError, ValueError or AttributeError for a value that is no line of `results.jsonl`.
        """
        known = known_values(values, cls.__slots__)
        known["outcome"] = Outcome(values["outcome"])
        known["usage"] = _same(Usage.from_dict(values["usage"]))
        known["letters"] = tuple(values.get("letters", ()))
        known["rounds"] = tuple(map(tuple, values.get("rounds", ())))
        for name, value in known.items():
            if not isinstance(value, _KINDS.get(name, str)):
                raise TypeError(f"{name} is {value!r:.40}")
        known |= {name: intern(known[name]) for name in _REPEATED if name in known}
        return cls(**known)


@lru_cache(maxsize=4096)
def _same(usage: Usage) -> Usage:
    """Return one object for all equal ones: few numbers of tokens are common to most cases. Raises TypeError."""
    return usage.checked()


#: The texts of an entry that many entries have: one copy of each is kept.
_REPEATED = (
    *("benchmark", "subject", "category", "model", "answer", "rule", "served_model", "served_provider"),
    *("language", "recipe", "order"),
)
#: The types of the fields of an entry in a file, other than text.
_KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("requests", "choices", "second_tries"), int),
    **{"letters": tuple, "rounds": tuple},
    **dict.fromkeys(("latency_s", "unlisted_mass"), (int, float)),
    "usage": Usage,
    "prediction": (str, NoneType),
    "probabilities": (Mapping, NoneType),
    **dict.fromkeys(("score", "letter_mass"), (int, float, NoneType)),
}

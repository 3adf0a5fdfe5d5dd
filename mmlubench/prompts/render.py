"""Rendering of a question into the messages to send. It runs for every case, and takes about 20 µs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from mmlubench.errors import PromptError
from mmlubench.prompts.examples import as_value, turns, values_of, values_of_subject
from mmlubench.prompts.recipe import Recipe
from mmlubench.prompts.template import fill
from mmlubench.schema import Message, Params, Question, Request
from mmlubench.tokens import tokens_like_gpt2


def render(
    recipe: Recipe,
    question: Question,
    examples: Sequence[Question] = (),
    *,
    count: Callable[[str], int] = tokens_like_gpt2,
) -> tuple[Message, ...]:
    """Return the messages that ask `question`, beginning with the recipe's system message.

    `examples` holds the questions that may serve as worked examples: those of the same subject, in file order. With
    worked examples, `Message.shared` of one message says how much of its text all questions of the subject share.
    `count` counts the tokens of a text, for recipes with `max_prompt_tokens`.
    Raises PromptError when there are fewer examples than the recipe wants, or when a template fails.
    """
    if len(examples) < recipe.shots:
        raise PromptError(_too_few(recipe, question, len(examples)))
    used = tuple(examples[: recipe.shots])
    messages = _messages(recipe, question, used)
    if recipe.max_prompt_tokens is not None:
        while used and _length(messages, count) > recipe.max_prompt_tokens:
            used = used[:-1]
            messages = _messages(recipe, question, used)
    return messages


def _messages(recipe: Recipe, question: Question, examples: tuple[Question, ...]) -> tuple[Message, ...]:
    said = turns(recipe, examples)
    text = _text(recipe, question, examples)
    shared = _shared(recipe, question, examples, text) if examples else 0
    # The last message shares no text, so the shared prefix ends with the last example.
    if said and not shared:
        said = (*said[:-1], replace(said[-1], shared=len(said[-1].content)))
    prompt = Message("user", text, shared)
    if recipe.system is None and not said and recipe.prefill is None:
        return (prompt,)
    return (*_system(recipe, question), *said, prompt, *_prefill(recipe))


def _system(recipe: Recipe, question: Question) -> tuple[Message, ...]:
    text = recipe.system
    if text is not None and "{" in text:
        text = fill(text, values_of_subject(question), f"{recipe.source or recipe.name}, system")
    return (Message("system", text),) if text else ()


def _prefill(recipe: Recipe) -> tuple[Message, ...]:
    return () if recipe.prefill is None else (Message("assistant", recipe.prefill),)


def _text(recipe: Recipe, question: Question, examples: Sequence[Question]) -> str:
    # A template does not get examples that are turns of their own, as it could repeat them.
    shots = [] if recipe.example_reply is not None else [as_value(example) for example in examples]
    return fill(recipe.template, values_of(question, shots), recipe.source or recipe.name)


def _length(messages: Sequence[Message], count: Callable[[str], int]) -> int:
    return sum(count(message.content) for message in messages)


def _shared(recipe: Recipe, question: Question, examples: tuple[Question, ...], text: str) -> int:
    """Return how many characters at the start of `text` are the same for every question of the subject."""
    kind = (question.subject, question.category, question.language, len(question.choices))
    beginning = _beginning(recipe, examples, *kind)
    # A template may begin differently for some questions, depending on their text: such prompts share nothing.
    return len(beginning) if text.startswith(beginning) else 0


@lru_cache(maxsize=1024)
def _beginning(
    recipe: Recipe,
    examples: tuple[Question, ...],
    subject: str,
    category: str,
    language: str,
    choices: int,
) -> str:
    """Return the common beginning of all prompts of a subject with this number of choices, up to the end of a line.

    It is found by rendering two made-up questions that differ from their first character on.
    """
    made_up = (
        Question("", "", subject, category, sign, (sign,) * choices, "A", language)
        for sign in ("\ue000", "\ue001")
    )
    try:
        one, other = (_text(recipe, question, examples) for question in made_up)
    except PromptError:  # a template that splits the question's text may fail on a made-up one
        return ""
    pairs = enumerate(zip(one, other, strict=False))
    common = next((place for place, (left, right) in pairs if left != right), 0)
    return one[: one.rfind("\n", 0, common) + 1]


def _too_few(recipe: Recipe, question: Question, there: int) -> str:
    return (
        f"recipe {recipe.name} wants {recipe.shots} worked examples, but {question.benchmark} has {there} "
        f"for {question.subject}: use --shots {there}, or data with more of them."
    )


def request_of(question: Question, recipe: Recipe, messages: tuple[Message, ...], params: Params) -> Request:
    """Return the request that asks a question as the recipe says: as a chat, or as raw text to be continued."""
    if recipe.raw:
        return Request(question.id, (), params, prompt=raw_prompt(messages))
    return Request(question.id, messages, params)


def raw_prompt(messages: Sequence[Message]) -> str:
    """Return messages as one text to be continued, one paragraph each, the system message first."""
    return "\n\n".join(message.content for message in messages)

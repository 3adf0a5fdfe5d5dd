"""A few questions of a data set as a model sees them: every turn with its role, or the raw text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mmlubench import datasets, prompts
from mmlubench.datasets import DataSet, Spec
from mmlubench.datasets.packed import Runs, pick
from mmlubench.datasets.select import positions, select
from mmlubench.figures import DOT
from mmlubench.lab import data_sets
from mmlubench.printable import on_one_line, printable
from mmlubench.prompts import Recipe
from mmlubench.prompts.render import raw_prompt
from mmlubench.schema import Message, Question

_RULE = "─"
_WIDTH = 80


def drawn(
    spec: Spec,
    data: str,
    count: int,
    seed: int = 0,
    languages: tuple[str, ...] = (),
    subjects: tuple[str, ...] = (),
    *,
    with_examples: bool = True,
) -> DataSet:
    """Return the questions that a run with `--limit` draws, as a data set with its worked examples.

    Raises UserError for an unknown language or subject, DataError for data that cannot be had.
    """

    def choose(found: Runs) -> Iterable[int]:
        return positions(found, subjects=subjects, limit=count, seed=seed)

    wanted = data_sets.check_languages(spec, languages)
    loaded = datasets.load(
        spec, data, allow_partial=True, languages=wanted, examples=with_examples, choose=choose
    )
    questions = loaded.questions
    if languages and not spec.languages:
        questions = pick(questions, data_sets.of_languages(loaded, languages))
    if not loaded.left_unread:
        questions = select(questions, subjects=subjects, limit=count, seed=seed)
    return replace(loaded, questions=questions)


def shown(data: DataSet, recipe: Recipe) -> Iterator[str]:
    """Yield the lines that show each question. Raises PromptError for one that the recipe cannot put."""
    version = f"recipe {recipe.name} v{recipe.version}"
    yield on_one_line(f"{data.name} {DOT} {version} {DOT} {data.source}")
    yield from map(on_one_line, data_sets.cautions(data.notice))
    for question in data.questions:
        yield ""
        yield from _one(
            question, prompts.render(recipe, question, data.examples.get(question.subject, ())), recipe
        )


def _one(question: Question, messages: tuple[Message, ...], recipe: Recipe) -> Iterator[str]:
    yield _headed(on_one_line(question.id))
    if recipe.raw:
        yield "[raw text, to be continued]"
        yield printable(raw_prompt(messages))
    for message in () if recipe.raw else messages:
        yield f"[{message.role}]"
        yield printable(message.content)
    yield _headed(f"key: {question.answer}")


def _headed(text: str) -> str:
    """Return a line that no prompt has: a rule with a text in it."""
    return f"{_RULE * 2} {text} {_RULE * max(2, _WIDTH - len(text) - 4)}"

"""Questions become rows: the prompt that a run sends, and the completion that is learned."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from mmlubench.errors import ModelError, Rejected, UserError
from mmlubench.lab.finetune.base_model import BaseModel
from mmlubench.lab.finetune.completion import Completions
from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.lab.finetune.stages import Row
from mmlubench.models.local.prompt import prompt_tokens
from mmlubench.named_letters import names_letters
from mmlubench.prompts import Recipe, load_recipe, render, shows_choices
from mmlubench.prompts.render import raw_prompt
from mmlubench.schema import Question, Request, Scoring
from mmlubench.solvers.repeated import reordered


def recipe_of(config: FinetuneConfig) -> Recipe:
    """Read the recipe, without worked examples. Raises PromptError, or UserError for one that shows no choices."""
    is_file = config.recipe.endswith((".yaml", ".yml"))
    recipe = load_recipe(None if is_file else config.recipe, config.recipe if is_file else None, shots=0)
    if not shows_choices(recipe):
        raise UserError(
            f"{config.source or config.name}: recipe {config.recipe} shows no choices, so no letter can be learned; "
            "give another one, such as letter."
        )
    return recipe


def scoring_of(recipe: Recipe, base: BaseModel) -> Scoring:
    """Return how a run scores such a model by letter: in a chat, unless recipe or model know only raw prompts."""
    is_chat = base.architecture.is_encoder_decoder or bool(base.tokenizer.chat_template)
    return Scoring.CHAT if is_chat and not recipe.raw else Scoring.COMPLETIONS


def request_of(question: Question, recipe: Recipe, scoring: Scoring) -> Request:
    """Return the request that `solvers/logprob.py` sends for a question, but for its sampling parameters."""
    messages = render(recipe, question)
    if scoring is Scoring.CHAT:
        return Request(question.id, messages)
    return Request(question.id, (), prompt=raw_prompt(messages))


def make_rows(
    questions: Sequence[Question],
    config: FinetuneConfig,
    base: BaseModel,
    recipe: Recipe,
    scoring: Scoring,
    epochs: int,
) -> list[Row]:
    """Return the rows of this many epochs, those of epoch 0 first, each in the order of the questions.

    Raises UserError for prompts that are too long, and for a model without a token for a letter.
    """
    label = f"{config.source or config.name}: model {config.model}"
    is_seq2seq = config.kind == "seq2seq"
    completions = Completions(base.tokenizer, base.stops, is_seq2seq=is_seq2seq, label=label)
    rows = []
    for epoch, question in product(range(epochs), questions):
        asked = shuffled(question, epoch, config.seed) if config.shuffle_choices else question
        request = request_of(asked, recipe, scoring)
        try:
            prompt = prompt_tokens(base.tokenizer, request, is_seq2seq=is_seq2seq, label=label)
            completion = completions.completion(request, asked.answer)
        except Rejected as error:  # by the chat template
            raise ModelError(str(error)) from None
        rows.append(Row(question.id, epoch, asked.answer, prompt, completion))
    _check_lengths(rows, config, base)
    _check_known(rows, base, label)
    _check_special(rows[0], base, label, is_seq2seq=is_seq2seq)
    return rows


def shuffled(question: Question, epoch: int, seed: int) -> Question:
    """Return the question with its choices in an order of this epoch, drawn by its id, and the key moved with them.

    A question with a choice such as "Both A and B" stays as it is.
    """
    order = list(range(len(question.choices)))
    if not names_letters(question.choices):
        random.Random(f"{seed}/{epoch}/{question.id}").shuffle(order)
    return replace(reordered(question, order), order=question.order)


def order_of_epoch(epoch: int, count: int, seed: int) -> list[int]:
    """Return the places of the rows of an epoch in the order in which they are learned: a function of its arguments."""
    places = list(range(epoch * count, (epoch + 1) * count))
    random.Random(f"order/{seed}/{epoch}").shuffle(places)
    return places


def _check_lengths(rows: Sequence[Row], config: FinetuneConfig, base: BaseModel) -> None:
    is_causal = config.kind == "causal"
    lengths = {row.id: len(row.prompt) + (len(row.completion) if is_causal else 0) for row in rows}
    most = config.max_length
    longest = max(lengths.values())
    positions = getattr(base.architecture.get_text_config(), "max_position_embeddings", None)
    where = config.source or config.name
    if is_causal and positions is not None and positions < min(longest, most):
        raise UserError(
            f"{where}: the longest question has {longest:,} tokens with its answer, and model {config.model} can "
            f"read {positions:,}; split again with --max-question-tokens."
        )
    if longest > most:
        cut = sum(length > most for length in lengths.values())
        raise UserError(
            f"{where}: max_length is {most:,}, and {cut:,} of {len(lengths):,} questions have more tokens "
            f"(up to {longest:,}): nothing is cut, so raise max_length, or split again with --max-question-tokens."
        )


def _check_known(rows: Sequence[Row], base: BaseModel, label: str) -> None:
    known = int(getattr(base.architecture.get_text_config(), "vocab_size", 0))
    largest = max(max(*row.prompt, *row.completion) for row in rows)
    if known and largest >= known:
        raise ModelError(
            f"{label}: its tokenizer writes token {largest:,}, and the model has {known:,}, so they do not belong "
            "together; take the tokenizer of the model, or resize its embeddings."
        )


def _check_special(row: Row, base: BaseModel, label: str, *, is_seq2seq: bool) -> None:
    begin, end = base.tokenizer.bos_token_id, base.tokenizer.eos_token_id
    # Only at the very beginning: SmolLM2, for one, begins each turn with its BOS token.
    if not is_seq2seq and begin is not None and row.prompt[:2] == (begin, begin):
        raise UserError(
            f"{label}: the prompt begins with {base.tokenizer.bos_token} twice; mend the chat template, or take the "
            "tokenizer that belongs to the model."
        )
    if not is_seq2seq and row.prompt[-1] == end and begin != end:
        raise UserError(
            f"{label}: its tokenizer ends each prompt with {base.tokenizer.eos_token}, as if no answer followed; "
            "set add_eos_token to false in its tokenizer_config.json."
        )

"""The prompt of a request as tokens: the same for a run in process and for the rows of a fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmlubench.errors import Rejected
from mmlubench.schema import Message, Request


def prompt_tokens(
    tokenizer: Any, request: Request, *, is_seq2seq: bool, label: str = "the model"
) -> tuple[int, ...]:
    """Return the prompt as tokens, with what the tokenizer puts before it, such as BOS, exactly once.

    Raises Rejected, which begins with `label`, for an empty prompt and for a chat that the model cannot take.
    """
    text = prompt_text(tokenizer, request, is_seq2seq=is_seq2seq, label=label)
    is_chat = not request.prompt and not is_seq2seq
    # A chat template writes the special tokens itself.
    tokens = tokenizer(text, add_special_tokens=False).input_ids if is_chat else tokenizer(text).input_ids
    if not tokens:
        raise Rejected(f"{label}: the prompt of {request.id} is empty.", sent=request.params.asked())
    return tuple(tokens)


def prompt_text(tokenizer: Any, request: Request, *, is_seq2seq: bool, label: str = "the model") -> str:
    """Return the text of a prompt, that of a chat as the chat template of the model writes it. Raises Rejected."""
    if request.prompt:
        return request.prompt
    if is_seq2seq:
        return "\n\n".join(message.content for message in request.messages)
    return _chat(tokenizer, request.messages, label)


def _chat(tokenizer: Any, messages: Sequence[Message], label: str) -> str:
    if not tokenizer.chat_template:
        raise Rejected(
            f"{label} has no chat template, as it is a base model: ask it with a recipe for raw "
            "prompts, such as --recipe hendrycks."
        )
    turns = [{"role": message.role, "content": message.content} for message in messages]
    is_begun = turns[-1]["role"] == "assistant"
    how: dict[str, Any] = {"continue_final_message": True} if is_begun else {"add_generation_prompt": True}
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, **how))
    except Exception as error:  # a template is a program of the model's owner
        raise Rejected(f"{label}: its chat template refuses the prompt ({error}).") from error

"""What is learned: the letter and the end of the turn, as tokens that follow a prompt."""

from __future__ import annotations

from typing import Any

from mmlubench.errors import ModelError, Rejected
from mmlubench.models.local.prompt import prompt_text, prompt_tokens
from mmlubench.schema import Message, Request

#: A reply that no template has in its own words.
_SENTINEL = "0123456789"
#: The signs of tokenizers for a space before a letter.
_AROUND = " \u2581\u0120"


class Completions:
    """Makes the completion of prompts for one model; the letter is one token, so that it can be scored as such."""

    def __init__(self, tokenizer: Any, stops: frozenset[int], *, is_seq2seq: bool, label: str) -> None:
        """`stops` are the tokens at which generation ends; `label` begins the messages of errors."""
        self._tokenizer, self._stops = tokenizer, stops
        self._is_seq2seq, self._label = is_seq2seq, label
        self._known: dict[tuple[str, str], tuple[int, ...]] = {}

    def completion(self, request: Request, letter: str) -> tuple[int, ...]:
        """Return the tokens of the letter and of the end. Raises ModelError if no single token is the letter."""
        text = prompt_text(self._tokenizer, request, is_seq2seq=self._is_seq2seq, label=self._label)
        key = (
            text[-16:],
            letter,
        )  # what follows depends on the end of a prompt alone, which all have in common
        if key not in self._known:
            self._known[key] = self._made(request, text, letter)
        return self._known[key]

    def _made(self, request: Request, text: str, letter: str) -> tuple[int, ...]:
        tokenizer = self._tokenizer
        if self._is_seq2seq:
            tokens = tuple(tokenizer(letter, add_special_tokens=False).input_ids)
            return (*self._single([tokens], letter), tokenizer.eos_token_id)
        lead, end = self._turn(request, text)
        leads = dict.fromkeys((lead, "", " "))
        tries = [self._after(request, text, lead + letter) for lead in leads]
        return (*self._single(tries, letter), end)

    def _after(self, request: Request, text: str, reply: str) -> tuple[int, ...]:
        """Return the tokens of a reply behind a prompt: some tokenizers write a text otherwise at its beginning."""
        prompt = prompt_tokens(self._tokenizer, request, is_seq2seq=False, label=self._label)
        is_raw = bool(request.prompt)
        whole = tuple(self._tokenizer(text + reply, add_special_tokens=is_raw).input_ids)
        if whole[: len(prompt)] == prompt and len(whole) > len(prompt):
            return whole[len(prompt) :]
        return tuple(self._tokenizer(reply, add_special_tokens=False).input_ids)

    def _single(self, tries: list[tuple[int, ...]], letter: str) -> tuple[int, ...]:
        for tokens in tries:
            if len(tokens) == 1:
                piece = str(self._tokenizer.convert_ids_to_tokens(tokens[0]))
                if piece.strip(_AROUND) == letter:
                    return tokens
        raise ModelError(
            f"{self._label}: its tokenizer has no single token for the letter {letter}, so a reply cannot be scored "
            "by its first token; take another model."
        )

    def _turn(self, request: Request, text: str) -> tuple[str, int]:
        """Return the white space between prompt and reply, and the token that ends the reply."""
        eos = self._tokenizer.eos_token_id
        if request.prompt:
            return "" if text[-1:].isspace() else " ", eos
        turns = (*request.messages, Message("assistant", _SENTINEL))
        if request.messages[-1].role == "assistant":  # the recipe begins the reply itself
            turns = (*request.messages[:-1], Message("assistant", request.messages[-1].content + _SENTINEL))
        try:
            chat = str(
                self._tokenizer.apply_chat_template(
                    [{"role": turn.role, "content": turn.content} for turn in turns], tokenize=False
                )
            )
        except Exception as error:  # a template is a program of the model's owner
            raise Rejected(f"{self._label}: its chat template refuses a reply ({error}).") from error
        before, found, after = chat.rpartition(_SENTINEL)
        lead = before[len(text) :] if found and before.startswith(text) else ""
        tokens = self._tokenizer(after, add_special_tokens=False).input_ids if found else []
        end = next((token for token in tokens if token in self._stops), eos)
        return ("" if lead.strip() else lead), end

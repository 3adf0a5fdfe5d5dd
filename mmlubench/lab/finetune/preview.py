"""The preview: a batch as the trainer gets it, decoded, and checked for what silently spoils a training.

Each of these has happened to others: the prompt counted in the loss, padding counted in the loss, a second token for
the beginning of the text, and no token for the end, after which a model never stops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmlubench.errors import UserError
from mmlubench.figures import several
from mmlubench.lab.finetune.stages import Plan, Row
from mmlubench.printable import printable

#: The label of a token that does not count in the loss, as in torch's cross entropy.
_IGNORED = -100
#: The most lines of a prompt that are shown from its beginning, and from its end.
_HEAD, _TAIL = 16, 8
_SEEN = "so nothing was trained"


def preview(plan: Plan, say: Callable[[str], Any] = print) -> None:
    """Check the first batch and the answers of all rows, and show the first row.

    Raises UserError, one sentence, if a check fails.
    """
    check_answers(plan)
    rows, tensors = plan.batch()
    check_batch(plan, rows, tensors)
    for line in preview_lines(plan, rows, tensors):
        say(line)


def check_answers(plan: Plan) -> None:
    """Check that each completion is the letter of its row and the end of the turn. Raises UserError."""
    ends = _ends(plan.tokenizer)
    for answer, completion in sorted({(row.answer, row.completion) for row in plan.rows}):
        told = _decoded(plan, completion)
        letter = plan.tokenizer.decode(list(completion[:-1]), skip_special_tokens=True).strip()
        if not completion or completion[-1] not in ends:
            raise _refused(
                plan,
                f"the answer {answer} is learned as {told!r}, which ends with no token at which generation "
                f"stops; name it as eos_token in the model's tokenizer_config.json, {_SEEN}",
            )
        if letter != answer:
            raise _refused(
                plan, f"the answer {answer} is learned as {told!r}, which is another text, {_SEEN}"
            )


def check_batch(plan: Plan, rows: Sequence[Row], tensors: Mapping[str, Any]) -> None:
    """Check what the trainer gets for these rows: a label for each token of the completion, and for no other.

    Raises UserError.
    """
    values = {name: tensors[name].tolist() for name in ("input_ids", "attention_mask", "labels")}
    for place, row in enumerate(rows):
        read = [
            token
            for token, seen in zip(values["input_ids"][place], values["attention_mask"][place], strict=True)
            if seen
        ]
        labels = values["labels"][place]
        if plan.config.kind == "causal":
            _check_causal(plan, row, read, labels, values["attention_mask"][place])
        elif tuple(read) != row.prompt:
            raise _refused(plan, f"the encoder reads other tokens than the prompt of {row.id}, {_SEEN}")
        counted = tuple(label for label in labels if label != _IGNORED)
        if counted != row.completion:
            raise _refused(
                plan,
                f"{_shown(plan, counted)} counts in the loss of {row.id}, where it should be "
                f"{_shown(plan, row.completion)} alone, {_SEEN}",
            )
        _check_begin(plan, row, read)


def _check_causal(
    plan: Plan, row: Row, read: Sequence[int], labels: Sequence[int], mask: Sequence[int]
) -> None:
    if tuple(read) != (*row.prompt, *row.completion):
        raise _refused(plan, f"the model reads other tokens than the prompt and answer of {row.id}, {_SEEN}")
    if len(labels) != len(mask) or any(
        label != _IGNORED for label, seen in zip(labels, mask, strict=True) if not seen
    ):
        raise _refused(plan, f"padding counts in the loss of {row.id}, {_SEEN}")
    if any(
        label != _IGNORED
        for label in [label for label, seen in zip(labels, mask, strict=True) if seen][: len(row.prompt)]
    ):
        raise _refused(plan, f"the prompt counts in the loss of {row.id}, {_SEEN}")


def _check_begin(plan: Plan, row: Row, read: Sequence[int]) -> None:
    begin = plan.tokenizer.bos_token_id
    if begin is not None and len(read) > 1 and read[0] == read[1] == begin:
        twice = printable(str(plan.tokenizer.bos_token))
        raise _refused(
            plan,
            f"the prompt of {row.id} begins with {twice} twice, as template and tokenizer both put it there; "
            f"take it out of the chat template, {_SEEN}",
        )


def preview_lines(plan: Plan, rows: Sequence[Row], tensors: Mapping[str, Any]) -> list[str]:
    """Return the first row of a batch as the model reads it, what of it counts in the loss, and all answers."""
    row = rows[0]
    width = int(tensors["input_ids"].shape[1])
    lines = _decoded(plan, row.prompt).splitlines()
    if (hidden := len(lines) - _HEAD - _TAIL) > 0:
        lines = [*lines[:_HEAD], f"… ({several(hidden, 'line')} more)", *lines[-_TAIL:]]
    learned_rows = [one for batch in plan.batches for one in batch]
    answers = Counter(one.answer for one in learned_rows)
    counts = ", ".join(f"{letter} {count:,}" for letter, count in sorted(answers.items()))
    learned = f"{len(row.completion)} of {len(row.prompt) + len(row.completion)} tokens"
    return [
        f"the first row as the model reads it ({row.id}):",
        *(f"  | {printable(line)}" for line in lines),
        f"what it learns to reply, which alone counts in the loss ({learned}): {_shown(plan, row.completion)}",
        f"checked in the first batch of {several(len(rows), 'row')}, padded to {several(width, 'token')}: no prompt "
        "and no padding in the loss, one beginning, one end",
        f"answers in all {several(len(learned_rows), 'row')}: {counts}",
    ]


def _ends(tokenizer: Any) -> set[int]:
    """Return the tokens that can end a turn: those that are special, or were added with a meaning of their own."""
    return {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}


def _decoded(plan: Plan, tokens: Sequence[int]) -> str:
    return str(plan.tokenizer.decode(list(tokens), skip_special_tokens=False))


def _shown(plan: Plan, tokens: Sequence[int]) -> str:
    """Return tokens as one quoted text, the middle of a long one left out."""
    text = _decoded(plan, tokens)
    return repr(text if len(text) <= 80 else f"{text[:40]} … {text[-30:]}")


def _refused(plan: Plan, problem: str) -> UserError:
    return UserError(f"{plan.config.source or plan.config.name}: {problem}.")

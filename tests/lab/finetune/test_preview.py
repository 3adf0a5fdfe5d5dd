"""What silently spoils a training is found in its first batch, before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench.errors import UserError
from mmlubench.lab.finetune.preview import check_answers, check_batch, preview
from mmlubench.lab.finetune.stages import Plan
from tests.made_plan import BOS, EOS, TURN, made_plan


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_a_sound_batch_is_shown_with_what_counts_in_the_loss(tmp_path: Path, kind: str) -> None:
    lines: list[str] = []
    preview(made_plan(tmp_path, kind=kind), lines.append)
    text = "\n".join(lines)
    assert "| <bos> why not" in text
    assert "alone counts in the loss (2 of 5 tokens): 'A <turn>'" in text
    assert "first batch of 4 rows" in text
    assert text.endswith("answers in all 16 rows: A 4, B 4, C 4, D 4")


def test_a_prompt_cannot_command_the_terminal(tmp_path: Path) -> None:
    plan = made_plan(tmp_path)
    rows = [replace(row, prompt=(BOS, 10, 9)) for row in plan.rows]
    lines: list[str] = []
    preview(replace(plan, rows=rows), lines.append)
    assert "\x1b" not in "".join(lines)


def spoilt(plan: Plan, name: str, place: tuple[Any, Any], value: int) -> str:
    rows, tensors = plan.batch()
    tensors[name][place] = value
    with pytest.raises(UserError) as caught:
        check_batch(plan, rows, tensors)
    message = str(caught.value)
    assert message.startswith("toy: ")
    assert message.endswith("so nothing was trained.")
    return message


def test_a_prompt_in_the_loss_is_refused(tmp_path: Path) -> None:
    assert "the prompt counts in the loss of mmmlu/DE_DE/anatomy/0001" in spoilt(
        made_plan(tmp_path), "labels", (1, 1), 8
    )


def test_padding_in_the_loss_is_refused(tmp_path: Path) -> None:
    assert "padding counts in the loss of mmmlu/DE_DE/anatomy/0000" in spoilt(
        made_plan(tmp_path), "labels", (0, -1), 0
    )
    text = spoilt(made_plan(tmp_path, kind="seq2seq", batch_size=1), "labels", (0, 0), -100)
    assert (
        "'<turn>' counts in the loss of mmmlu/DE_DE/anatomy/0000, where it should be 'A <turn>' alone" in text
    )


def test_a_masked_answer_is_refused(tmp_path: Path) -> None:
    # TRL masks everything where a template has no marks of the reply: the loss is 0, and nothing is learned.
    assert "'' counts in the loss" in spoilt(made_plan(tmp_path), "labels", (0, slice(None)), -100)


def test_a_cut_prompt_is_refused(tmp_path: Path) -> None:
    assert "other tokens than the prompt and answer" in spoilt(
        made_plan(tmp_path), "attention_mask", (0, 0), 0
    )
    assert "the encoder reads other tokens" in spoilt(
        made_plan(tmp_path, kind="seq2seq"), "attention_mask", (0, 0), 0
    )


def test_a_second_beginning_is_refused(tmp_path: Path) -> None:
    plan = made_plan(tmp_path)
    rows = [replace(row, prompt=(BOS, *row.prompt)) for row in plan.rows]
    with pytest.raises(
        UserError, match=r"begins with <bos> twice, as template and tokenizer both put it there"
    ):
        preview(replace(plan, rows=rows))


def test_an_answer_without_an_end_is_refused(tmp_path: Path) -> None:
    plan = made_plan(tmp_path)
    for completion in [(4,), (4, 8)]:
        rows = [replace(plan.rows[0], completion=completion)]
        with pytest.raises(UserError, match="ends with no token at which generation stops"):
            check_answers(replace(plan, rows=rows))
    check_answers(replace(plan, rows=[replace(plan.rows[0], completion=(4, EOS))]))


def test_another_letter_than_the_key_is_refused_in_every_row(tmp_path: Path) -> None:
    plan = made_plan(tmp_path)
    last = replace(plan.rows[-1], completion=(4, TURN))
    with pytest.raises(UserError, match="the answer D is learned as 'A <turn>', which is another text"):
        preview(replace(plan, rows=[*plan.rows[:-1], last]))

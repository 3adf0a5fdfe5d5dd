"""The lab from end to end: explore, split, fine-tune, benchmark base and tuned on the held-out side, compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.finetune.chain import go

pytest.importorskip("torch", reason="needs the extra: pip install 'mmlubench[finetune]'")
pytest.importorskip("trl", reason="needs the extra: pip install 'mmlubench[finetune]'")

pytestmark = [pytest.mark.real_model, pytest.mark.long]

ITEMS = 400


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("t5", {"kind": "seq2seq", "method": "full", "epochs": 12, "learning_rate": 3e-3}),
        ("gemma2", {"kind": "causal", "method": "qlora", "epochs": 6, "learning_rate": 1e-2}),
    ],
)
def test_what_was_learned_is_found_on_the_held_out_side(
    kind: str, keys: dict[str, Any], model_of: Callable[..., Path], tmp_path: Path
) -> None:
    came = go(tmp_path, model_of(kind), ITEMS, {**keys, "dtype": "float32"})
    assert came.explored["schema"]["rows"]["test"] == 2 * ITEMS
    losses = [point["loss"] for point in came.finetuned["history"] if point.get("loss") is not None]
    assert losses[-1] < 0.5 * losses[0]
    assert came.finetuned["validation"]["ci95"][0] > 0.25  # chance
    assert came.compared["n"] == 160  # a fifth of the items, each in both languages
    assert came.compared["ci95"][0] > 0.1
    assert came.compared["after"] > 0.5
    assert "recall" in came.confusion
    assert "CONTAMINATED" in came.on_trained

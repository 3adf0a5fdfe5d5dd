"""The whole lab with a real small model, SmolLM2-135M, and an adapter for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.finetune.chain import go

pytest.importorskip("trl", reason="needs the extra: pip install 'mmlubench[finetune]'")

pytestmark = pytest.mark.servers


def test_a_real_model_is_tuned_and_compared_on_the_held_out_side(
    smollm2_folder: Path, tmp_path: Path
) -> None:
    keys = {"kind": "causal", "method": "lora", "epochs": 1, "batch_size": 8, "dtype": "float32"}
    keys |= {"learning_rate": 1e-3, "validation_questions": 8, "lora": {"dropout": 0.0}, "log_steps": 1}
    came = go(tmp_path, smollm2_folder, 60, keys)
    losses = [point["loss"] for point in came.finetuned["history"] if point.get("loss") is not None]
    assert losses[-1] < losses[0]
    # What it makes of so few questions is not asserted: it is a weak model, and a short training.
    assert came.compared["n"] == 24
    assert came.compared["ci95"][0] <= came.compared["difference"] <= came.compared["ci95"][1]
    assert "CONTAMINATED" in came.on_trained

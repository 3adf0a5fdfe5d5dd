"""What one step takes is counted without weights, for each kind of model and each way of training it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

from mmlubench.lab.finetune.stages import Device

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(not find_spec("trl"), reason="needs the extra: pip install 'mmlubench[finetune]'"),
    pytest.mark.filterwarnings("default"),  # those of torch and trl about one another
]


@pytest.mark.parametrize(
    ("kind", "method"), [("llama", "lora"), ("gemma2", "qlora"), ("t5", "full"), ("t5", "lora")]
)
def test_a_step_is_counted(config_of: Callable[..., Any], small_split: Any, kind: str, method: str) -> None:
    from mmlubench.lab.finetune.estimate import show_estimate
    from mmlubench.lab.finetune.footprint import footprint
    from mmlubench.lab.finetune.plan import make_plan
    from mmlubench.lab.split.folder import SplitFolder

    config = config_of(kind, method=method, name="toy")
    plan = make_plan(config, Device("cpu", "float32", ""), SplitFolder.open(config.data))
    _, batch = plan.batch()
    counted = footprint(plan, batch)
    rows, width = batch["input_ids"].shape
    assert (counted.rows, counted.width) == (rows, width)
    assert counted.largest < counted.kept
    # A product of a weight and a token is 2 FLOP; the backward pass takes as much again, and with all weights twice.
    assert counted.forward_flops < counted.flops <= 3.5 * counted.forward_flops
    if method == "full":
        assert counted.weights == 4 * counted.trained
    if method == "qlora":
        plain = footprint(replace(plan, config=replace(config, method="lora")), batch)
        assert counted.weights < plain.weights
        assert counted.trained == plain.trained
    lines: list[str] = []
    assert show_estimate(plan, lines.append) is not None
    assert lines[0].startswith("memory: about ")

"""Does a fine-tuning run on a GPU? Trains tiny models, and SmolLM2 if it is there, as on a CPU, and shows the figures.

    python perf/finetune.py [--smollm2 FOLDER] [--questions 512] [--json FILE]

Needs torch and the rest of `pip install 'mmlubench[finetune]'`; without a CUDA device it says so and exits with 0. The
tiny Gemma 2 (4-bit QLoRA), its LoRA and the tiny T5 (full) have random weights and learn toy questions whose right
choice is always the same word: the loss must fall, and validation accuracy be above that of guessing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmlubench.lab.finetune.config import FinetuneConfig  # noqa: E402

KINDS = (("gemma2", "causal", "qlora"), ("gemma2", "causal", "lora"), ("t5", "seq2seq", "full"))


def measure(config: FinetuneConfig, torch: Any) -> dict[str, Any]:
    """One training, with the memory that it took on the GPU and the tokens that it read in a second."""
    from mmlubench.lab.finetune.finetune import Seams, finetune
    from mmlubench.lab.finetune.guided import guided
    from mmlubench.lab.finetune.stages import Plan

    seen: list[Plan] = []
    torch.cuda.reset_peak_memory_stats()
    around = guided()
    trained = finetune(config, Seams(before=[*around.before, seen.append], after=around.after))
    (plan,) = seen
    tokens = sum(len(row.prompt) + len(row.completion) for row in plan.rows)
    losses = [point.loss for point in trained.history if point.loss is not None]
    looks = [point for point in trained.history if point.accuracy is not None]
    return {
        "device": torch.cuda.get_device_name(0),
        "dtype": plan.device.dtype,
        "steps": plan.steps,
        "seconds": round(trained.seconds, 2),
        "tokens_per_s": round(tokens / trained.seconds),
        "peak_gpu_mb": round(torch.cuda.max_memory_allocated() / 1e6, 1),
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "accuracy_before": looks[0].accuracy,
        "accuracy_after": looks[-1].accuracy,
        "n": looks[-1].asked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smollm2", type=Path, default=Path("/tmp/parts/smollm2"), metavar="FOLDER")
    parser.add_argument("--questions", type=int, default=512, help="questions of the train side")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    try:
        import torch
    except ImportError:
        print("torch is not installed: nothing was measured")
        return
    if not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured")
        return
    from tests.lab.finetune.toys import RECIPE, make_model, write_split

    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="mmlubench-perf-") as name:
        folder = Path(name)
        split = write_split(folder / "split", (options.questions, 64, 64))
        (folder / "toy.yaml").write_text(RECIPE)
        common = FinetuneConfig(
            name="base", kind="causal", model="", data=str(split), method="lora",
            recipe=str(folder / "toy.yaml"), outputs=str(folder / "outputs"), epochs=4, learning_rate=5e-3, log_steps=4,
        )  # fmt: skip
        models = {kind: str(make_model(kind, folder / kind)) for kind, _, _ in KINDS}
        configs = [
            replace(common, name=f"{model}_{method}", kind=kind, model=models[model], method=method)  # type: ignore[arg-type]  # names of KINDS
            for model, kind, method in KINDS
        ]
        if options.smollm2.is_dir():
            real = replace(common, model=str(options.smollm2), learning_rate=2e-4, epochs=2)
            configs += [
                replace(real, name="smollm2_lora"),
                replace(real, name="smollm2_qlora", method="qlora"),
            ]
        for config in configs:
            figures[config.name] = measure(config, torch)
            print(json.dumps({config.name: figures[config.name]}))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

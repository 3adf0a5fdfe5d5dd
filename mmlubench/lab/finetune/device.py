"""The device that is trained on, and the type that it computes in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmlubench.errors import UserError
from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.lab.finetune.stages import Device


def choose_device(config: FinetuneConfig, torch: Any) -> Device:
    """Return the first CUDA device, or else the CPU, and the type that suits it.

    Raises UserError for settings that only a GPU can have.
    """
    if torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported()
        if config.dtype != "auto":
            return Device("cuda:0", config.dtype, "as dtype says")
        return Device("cuda:0", "bfloat16" if has_bf16 else "float32", "what this GPU computes fastest")
    if config.optimizer == "paged_adamw_8bit":
        raise UserError(
            f"{config.source}: optimizer paged_adamw_8bit needs a GPU, and there is none; give adamw."
        )
    if config.dtype != "auto":
        return Device("cpu", config.dtype, "as dtype says")
    return Device("cpu", "float32", "exact, and the faster one without AVX512_BF16")


def has_avx512_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU computes bfloat16 itself; without it, bfloat16 takes 6 to 7 times as long as float32."""
    try:
        return "avx512_bf16" in cpuinfo.read_text("utf-8", "replace")
    except OSError:
        return False

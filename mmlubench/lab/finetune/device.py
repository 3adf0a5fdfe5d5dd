"""The device that is trained on, and the type that it computes in.

Never float16: T5 overflows in it, as its activations exceed 65,504, and Gemma 2 does so, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmlubench.errors import UserError
from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.lab.finetune.stages import Device

#: The flags of processors that compute bfloat16 themselves; on others it takes 6 to 7 times as long as float32.
_BF16_FLAGS = ("avx512_bf16", "amx_bf16")
_CPUINFO = Path("/proc/cpuinfo")


def choose_device(config: FinetuneConfig, torch: Any, cpuinfo: Path = _CPUINFO) -> Device:
    """Return the first CUDA device, or else the CPU, with the type of the configuration or the one that suits it.

    Raises UserError for settings that only a GPU can have.
    """
    if torch.cuda.is_available():
        name, given = "cuda:0", str(torch.cuda.get_device_name(0))
        # By default torch counts GPUs, too, that only emulate it, which is slow.
        has_bf16 = bool(torch.cuda.is_bf16_supported(including_emulation=False))
        reason = f"{given} {'computes bfloat16' if has_bf16 else 'does not compute bfloat16'}"
    else:
        if config.optimizer == "paged_adamw_8bit":
            raise UserError(
                f"{config.source or config.name}: optimizer paged_adamw_8bit needs a GPU, and there is none; "
                "give adamw."
            )
        name, flag = "cpu", bf16_flag(cpuinfo)
        has_bf16 = bool(flag)
        reason = f"this CPU has {flag.upper()}" if flag else "this CPU has neither AVX512_BF16 nor AMX_BF16"
    if config.dtype == "auto":
        return Device(name, "bfloat16" if has_bf16 else "float32", reason)
    if config.dtype == "bfloat16" and not has_bf16:
        return Device(name, "bfloat16", f"as dtype says, though {reason}: float32 is several times as fast")
    return Device(name, config.dtype, "as dtype says")


def bf16_flag(cpuinfo: Path = _CPUINFO) -> str:
    """Return the flag by which this CPU computes bfloat16 itself; empty if it does not, or does not say."""
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return next((flag for flag in _BF16_FLAGS if flag in flags), "")


def device_line(device: Device, method: str) -> str:
    """Return where and in which type is computed, and why, in one line."""
    of_4_bit = ", the 4-bit weights, too" if method == "qlora" else ""
    return f"computed on {device.name} in {device.dtype}{of_4_bit}: {device.why}"

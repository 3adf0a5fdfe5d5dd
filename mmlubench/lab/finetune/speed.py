"""How fast a device computes: two measurements of about a quarter of a second, of which the best tries count."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmlubench.lab.finetune.stages import Device

_TRIES = 5
#: The time that torch and Python take for an operation, however small, in seconds.
OVERHEAD_S = {"cpu": 8e-6, "cuda": 6e-6}


@dataclass(frozen=True, slots=True)
class Speed:
    """What a device does in a second."""

    flops: float
    """FLOP of a product of matrices in the type that is computed in."""
    traffic: float
    """Bytes that an operation on each element writes."""
    overhead_s: float
    """Seconds for an operation, however small."""


def measure_speed(device: Device, tokens: int, hidden: int) -> Speed:
    """Measure a device with matrices as a layer of `hidden` numbers a token has them."""
    import torch

    dtype = getattr(torch, device.dtype)
    rows, width = max(16, min(tokens, 2048)), max(16, min(hidden, 4096))
    left = torch.ones(rows, width, dtype=dtype, device=device.name)
    right = torch.ones(4 * width, width, dtype=dtype, device=device.name)
    many = torch.ones(4 * 1024 * 1024, dtype=torch.float32, device=device.name)
    with torch.no_grad():
        product = _best(torch, device, lambda: torch.nn.functional.linear(left, right))
        each = _best(torch, device, lambda: many * 2.0)
    kind = torch.device(device.name).type
    return Speed(
        flops=2 * rows * width * 4 * width / product,
        traffic=many.nbytes / each,
        overhead_s=OVERHEAD_S.get(kind, 8e-6),
    )


def _best(torch: Any, device: Device, work: Callable[[], Any]) -> float:
    """Return the seconds of the fastest try: other work on the machine only ever makes one slower."""
    seconds = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        work()
        if device.name != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    return max(min(seconds), 1e-9)

"""Which type is computed in: a wrong choice makes training seven times as slow, or its loss no number."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmlubench.errors import UserError
from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.lab.finetune.device import bf16_flag, choose_device, device_line

CONFIG: dict[str, Any] = {"name": "x", "kind": "causal", "model": "m", "data": "d", "method": "qlora"}


def torch_with(gpu: str = "", *, bf16: bool = False) -> SimpleNamespace:
    """As little of torch as is asked."""
    cuda = SimpleNamespace(
        is_available=lambda: bool(gpu),
        get_device_name=lambda _number: gpu,
        is_bf16_supported=lambda including_emulation: bf16 or including_emulation,
    )
    return SimpleNamespace(cuda=cuda)


def cpu(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 is in no name\nflags\t\t: fpu {flags}\n")
    return path


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("avx2 avx512f", "float32"),
        ("avx512f avx512_bf16", "bfloat16"),
        ("amx_bf16 amx_tile", "bfloat16"),
        ("avx512_bf16x", "float32"),
    ],
)
def test_a_cpu_computes_bfloat16_only_where_it_has_it(tmp_path: Path, flags: str, dtype: str) -> None:
    device = choose_device(FinetuneConfig(**CONFIG), torch_with(), cpu(tmp_path, flags))
    assert (device.name, device.dtype) == ("cpu", dtype)
    assert device.why.startswith("this CPU has ")
    assert device_line(device, "qlora").startswith(
        f"computed on cpu in {dtype}, the 4-bit weights, too: this CPU"
    )


def test_a_system_that_does_not_tell_its_cpu_is_trained_on_in_float32(tmp_path: Path) -> None:
    assert not bf16_flag(tmp_path / "none")
    assert choose_device(FinetuneConfig(**CONFIG), torch_with(), tmp_path / "none").dtype == "float32"


@pytest.mark.parametrize(("gpu", "bf16", "dtype"), [("H200", True, "bfloat16"), ("T4", False, "float32")])
def test_a_gpu_that_only_emulates_bfloat16_is_trained_on_in_float32(gpu: str, bf16: bool, dtype: str) -> None:
    device = choose_device(FinetuneConfig(**CONFIG), torch_with(gpu, bf16=bf16))
    assert (device.name, device.dtype) == ("cuda:0", dtype)
    assert gpu in device.why


def test_a_slow_choice_of_the_user_is_kept_and_told(tmp_path: Path) -> None:
    config = FinetuneConfig(**CONFIG, dtype="bfloat16")
    device = choose_device(config, torch_with(), cpu(tmp_path, "avx2"))
    assert device.dtype == "bfloat16"
    assert "float32 is several times as fast" in device.why
    fast = choose_device(config, torch_with(), cpu(tmp_path, "avx512_bf16"))
    assert fast.why == "as dtype says"


def test_an_optimizer_of_gpus_is_refused_on_a_cpu(tmp_path: Path) -> None:
    config = FinetuneConfig(**CONFIG, optimizer="paged_adamw_8bit", source="my.yaml")
    with pytest.raises(UserError, match=r"my\.yaml: optimizer paged_adamw_8bit needs a GPU"):
        choose_device(config, torch_with(), cpu(tmp_path, ""))

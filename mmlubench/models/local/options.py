"""The options of a model in process, the key `local` of an entry of models.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mmlubench.yaml_file import KNOWN_KEYS, at_least


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How a model in process is loaded and run."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    device: str = "auto"
    """A device as torch names it, such as `cpu` or `cuda:0`; `auto` is the first CUDA device, or else the CPU."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """The type of the weights; `auto` is bfloat16 on a GPU that has it, and float32 otherwise. On a processor with
    AVX512_BF16 bfloat16 takes less than half the time, but its logits have steps of 0.06 and more: letters can tie."""
    load_in_4bit: bool = False
    """Whether the weights are quantised to NF4 by bitsandbytes when they are loaded."""
    batch_size: int = field(default=16, metadata=at_least(1))
    """The most requests that are computed together."""
    revision: str | None = None
    """The commit, tag or branch on the hub; None for its main branch."""


USUAL = LocalOptions()

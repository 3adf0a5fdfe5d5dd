"""The folder of a LoRA adapter, as peft writes it: its configuration and its weights."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from mmlubench.errors import ModelError
from mmlubench.models.adapters.safetensors import Tensor, is_zero, tensors

CONFIG, WEIGHTS, PICKLED = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
#: The two factors of a changed weight: W + B A, with A of shape (rank, in) and B of shape (out, rank).
_FACTOR = re.compile(r"^(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.[^.]+)?\.weight$")

#: The folder of the adapter within that of a fine-tuning.
_OURS = "adapter"


@dataclass(frozen=True, slots=True)
class Change:
    """What an adapter changes about one weight of the base model."""

    rank: int
    inputs: int
    outputs: int


class AdapterFolder:
    """A folder with an adapter. Everything is read when it is first asked for, and never changed."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError for a folder that is missing or holds no adapter."""
        self.path = path
        if not (path / CONFIG).is_file():
            if (path / _OURS / CONFIG).is_file():  # a folder as `mmlubench lab finetune` leaves it
                raise ModelError(f"the adapter of {path} lies in {path / _OURS}; name that folder.")
            what = "holds no" if path.is_dir() else "is no folder with an"
            raise ModelError(
                f"the adapter folder {path} {what} {CONFIG}; name the folder that peft's save_pretrained wrote."
            )

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration. Raises ModelError for a broken one."""
        try:
            config = json.loads((self.path / CONFIG).read_bytes())
            if not isinstance(config, dict):
                raise ValueError(f"it holds a {type(config).__name__}")
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{self.path / CONFIG} cannot be read ({error}); save the adapter again."
            ) from None
        return config

    @property
    def base(self) -> str:
        """The name or path of the model that it was trained on; empty if its configuration does not say."""
        return str(self.config.get("base_model_name_or_path") or "")

    @property
    def rank(self) -> int | None:
        """The largest rank of its changes; None if its configuration does not say."""
        pattern = self.config.get("rank_pattern") or {}
        ranks = [self.config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
        return max((rank for rank in ranks if isinstance(rank, int)), default=None)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of its configuration and weights, pickled ones included. Raises ModelError."""
        total = sha256()
        try:
            for name in (CONFIG, WEIGHTS, PICKLED):
                if (self.path / name).is_file():
                    content = (self.path / name).read_bytes()
                    total.update(f"{name}\0{len(content)}\0".encode())
                    total.update(content)
        except OSError as error:
            raise ModelError(
                f"the adapter folder {self.path} cannot be read ({error.strerror}): check its permissions."
            ) from None
        return total.hexdigest()

    @property
    def has_readable_weights(self) -> bool:
        """Whether its weights are a safetensors file; an older one is a pickle, and opening that would run its code."""
        return (self.path / WEIGHTS).is_file()

    @cached_property
    def changes(self) -> dict[str, Change]:
        """What it changes, by the name of the base's weight without `.weight`. Raises ModelError for broken weights."""
        factors: dict[str, dict[str, Tensor]] = {}
        for name, tensor in self._tensors.items():
            match = _FACTOR.match(name)
            if match and len(tensor.shape) == 2:
                factors.setdefault(match[1], {})[match[2]] = tensor
        return {
            name: Change(pair["A"].shape[0], pair["A"].shape[1], pair["B"].shape[0])
            for name, pair in factors.items()
            if len(pair) == 2
        }

    @cached_property
    def is_zero(self) -> bool:
        """Whether it changes nothing, since one factor of every change is zero, as before the first training step."""
        file = self.path / WEIGHTS
        factors = [name for name in self._tensors if ".lora_B" in name or ".lora_embedding_B" in name]
        return bool(factors) and all(is_zero(file, self._tensors[name]) for name in factors)

    @cached_property
    def _tensors(self) -> dict[str, Tensor]:
        return tensors(self.path / WEIGHTS) if self.has_readable_weights else {}

"""Folders of adapters and base models, made by hand: a few numbers in the shapes that peft and transformers write."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

HIDDEN, INNER, HEADS, KEYS, LAYERS = 8, 12, 4, 2, 2
CONFIG = {
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KEYS,
    "num_hidden_layers": LAYERS,
}


def write_safetensors(file: Path, shapes: Mapping[str, tuple[int, ...]], value: float = 1.0) -> None:
    header, body = {}, b""
    for name, shape in shapes.items():
        count = 1
        for size in shape:
            count *= size
        data = struct.pack("<f", value) * count
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    said = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(struct.pack("<Q", len(said)) + said + body)


MakeAdapter = Callable[..., Path]


@pytest.fixture
def make_adapter(tmp_path: Path) -> MakeAdapter:
    """Write an adapter of one changed weight; returns its folder."""

    def make(
        weight: str = "model.layers.0.self_attn.q_proj",
        inputs: int = HIDDEN,
        outputs: int = HIDDEN,
        *,
        base: str = "someone/tiny-8",
        value: float = 1.0,
        name: str = "adapter",
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "adapter_config.json").write_text(
            json.dumps({"peft_type": "LORA", "base_model_name_or_path": base, "r": 2})
        )
        inside = f"base_model.model.{weight}"
        shapes = {f"{inside}.lora_A.weight": (2, inputs), f"{inside}.lora_B.weight": (outputs, 2)}
        write_safetensors(folder / "adapter_model.safetensors", shapes, value)
        return folder

    return make


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The folder of a base model without its weights."""
    folder = tmp_path / "tiny-8"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder

"""Whether an adapter fits a base model: servers load an adapter of another model without a word.

An adapter changes a weight of shape (out, in) by B A, with B of shape (out, rank) and A of shape (rank, in). So the
shapes of its factors have to be those of the base's weights. They are compared with the base's own weights where these
are readable, else with what its config.json says of the usual layers of a decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmlubench.models.adapters.folder import AdapterFolder
from mmlubench.models.adapters.safetensors import tensors

#: The number of a layer in the name of a weight.
_LAYER = re.compile(r"\blayers\.\d+\.")
#: A weight's shape: outputs, inputs.
_Shape = tuple[int, int]


def misfit(adapter: AdapterFolder, base: Path | None, base_name: str = "") -> str:
    """Say in half a sentence why an adapter cannot be one of this base model; empty if nothing speaks against it.

    `base` is the folder of the base model, if it can be read here; `base_name` is the name that its server gives.
    Raises ModelError for files of the adapter that cannot be read.
    """
    if adapter.is_zero:
        return "all its weights are zero, so it answers exactly as the base model does"
    if base is not None and (base / "config.json").is_file():
        return _by_shapes(adapter, base)
    return _by_name(adapter.base, base_name)


def _by_name(trained_on: str, base_name: str) -> str:
    """Compare the last parts of two names, as the owners of mirrors and the folders of copies differ."""
    if not trained_on or not base_name:
        return ""
    if _last(trained_on) == _last(base_name):
        return ""
    return f"it was trained on {trained_on}, and the server serves {base_name}"


def _last(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()


def _by_shapes(adapter: AdapterFolder, base: Path) -> str:
    known = _weights_of(base)
    complete = bool(known)
    if not complete:
        known = dict(_usual(json.loads((base / "config.json").read_bytes())))
    for name, change in adapter.changes.items():
        shape = _found(name, known)
        if shape is None:
            if complete or _found(_LAYER.sub("layers.0.", name), known):
                return f"it changes {name}, which {base.name} does not have"
            continue  # a weight that is not one of the usual ones may well be there
        if (change.outputs, change.inputs) != shape:
            return (
                f"it changes {name} of {change.outputs} x {change.inputs} values, "
                f"which has {shape[0]} x {shape[1]} in {base.name}"
            )
    return ""


def _found(name: str, known: Mapping[str, _Shape]) -> _Shape | None:
    """Look a weight up; a model that is part of a larger one has a prefix before `model.`."""
    for candidate in (name, f"model.{name}", name.removeprefix("model.")):
        if candidate in known:
            return known[candidate]
    return None


def _weights_of(base: Path) -> dict[str, _Shape]:
    """Return the shapes of the base's two-dimensional weights, by name without `.weight`; empty if unreadable."""
    return {
        name.removesuffix(".weight"): (tensor.shape[0], tensor.shape[1])
        for file in sorted(base.glob("*.safetensors"))
        if not file.name.startswith("adapter_")
        for name, tensor in tensors(file).items()
        if name.endswith(".weight") and len(tensor.shape) == 2
    }


def _usual(config: Mapping[str, Any]) -> Iterator[tuple[str, _Shape]]:
    """Yield the weights of the usual decoder layer (Llama, Qwen, Mistral, Gemma, SmolLM), as config.json sizes them."""
    config = config.get("text_config") or config
    hidden, inner = config.get("hidden_size"), config.get("intermediate_size")
    heads, layers = config.get("num_attention_heads"), config.get("num_hidden_layers")
    if not (isinstance(hidden, int) and isinstance(heads, int) and isinstance(layers, int) and heads > 0):
        return
    head = config.get("head_dim") or hidden // heads
    queries, keys = heads * head, (config.get("num_key_value_heads") or heads) * head
    shapes = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
    }
    if isinstance(inner, int):
        shapes |= {
            "mlp.gate_proj": (inner, hidden),
            "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
        }
    for layer in range(layers):
        for name, shape in shapes.items():
            yield f"model.layers.{layer}.{name}", shape

"""Adapters that do not fit: vLLM loads and serves them, so they are found by their files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mmlubench.errors import ModelError
from mmlubench.models.adapters.fit import misfit
from mmlubench.models.adapters.folder import AdapterFolder
from mmlubench.models.local.weights import digest_of_folder

from .conftest import HIDDEN, INNER, MakeAdapter, write_safetensors

Q = "model.layers.0.self_attn.q_proj"


def test_an_adapter_of_this_model_fits(make_adapter: MakeAdapter, base: Path) -> None:
    adapter = AdapterFolder(make_adapter())
    assert misfit(adapter, base) == ""
    assert (adapter.base, adapter.rank) == ("someone/tiny-8", 2)
    assert adapter.changes[Q].outputs == HIDDEN


@pytest.mark.parametrize(
    ("weight", "inputs", "outputs", "said"),
    [
        (Q, 64, 64, "64 x 64 values, which has 8 x 8"),
        ("model.layers.0.self_attn.k_proj", HIDDEN, HIDDEN, "8 x 8 values, which has 4 x 8"),
        ("model.layers.1.mlp.down_proj", INNER, HIDDEN, ""),
        ("model.layers.1.mlp.down_proj", HIDDEN, INNER, "12 x 8 values, which has 8 x 12"),
        ("model.layers.7.self_attn.q_proj", HIDDEN, HIDDEN, "which tiny-8 does not have"),
        ("model.layers.0.rare.gate", 3, 3, ""),  # not a usual weight: nothing can be said
    ],
)
def test_shapes_decide_by_the_configuration(
    make_adapter: MakeAdapter, base: Path, weight: str, inputs: int, outputs: int, said: str
) -> None:
    found = misfit(AdapterFolder(make_adapter(weight, inputs, outputs)), base)
    assert said in found
    assert bool(said) == bool(found)


def test_the_weights_of_the_base_decide_where_they_are_there(make_adapter: MakeAdapter, base: Path) -> None:
    write_safetensors(base / "model.safetensors", {f"{Q}.weight": (HIDDEN, HIDDEN)})
    assert misfit(AdapterFolder(make_adapter()), base) == ""
    strange = AdapterFolder(make_adapter("model.layers.0.rare.gate", 3, 3, name="strange"))
    assert "does not have" in misfit(strange, base)


def test_a_model_within_a_larger_one_is_found(make_adapter: MakeAdapter, base: Path) -> None:
    assert misfit(AdapterFolder(make_adapter("layers.0.self_attn.q_proj")), base) == ""


def test_an_adapter_of_zeros_is_the_base_model(make_adapter: MakeAdapter, base: Path) -> None:
    adapter = AdapterFolder(make_adapter(value=0.0))
    assert "all its weights are zero" in misfit(adapter, base)


@pytest.mark.parametrize(
    ("trained_on", "served", "fits"),
    [
        ("google/gemma-2-2b", "/models/gemma-2-2b", True),
        ("google/gemma-2-2b", "unsloth/Gemma-2-2B", True),
        ("google/gemma-2-2b", "HuggingFaceTB/SmolLM2-135M", False),
        ("", "HuggingFaceTB/SmolLM2-135M", True),
        ("google/gemma-2-2b", "", True),
    ],
)
def test_names_decide_where_the_base_is_elsewhere(
    make_adapter: MakeAdapter, trained_on: str, served: str, fits: bool
) -> None:
    assert (misfit(AdapterFolder(make_adapter(base=trained_on)), None, served) == "") is fits


def test_the_same_adapter_has_the_same_hash_wherever_it_lies(
    make_adapter: MakeAdapter, tmp_path: Path
) -> None:
    adapter = AdapterFolder(make_adapter())
    shutil.copytree(adapter.path, tmp_path / "copy")
    digest = digest_of_folder(str(adapter.path))
    assert digest_of_folder(str(tmp_path / "copy")) == digest
    other = AdapterFolder(make_adapter(value=2.0, name="other"))
    assert digest_of_folder(str(other.path)) != digest


def test_no_folder_and_no_adapter_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no folder with an adapter_config"):
        AdapterFolder(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="holds no adapter_config"):
        AdapterFolder(tmp_path)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=rf"lies in {tmp_path}/adapter; name that folder"):
        AdapterFolder(tmp_path)  # as a fine-tuning leaves it


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", b"\x10" + b"\0" * 7 + b"{"]
)
def test_broken_weights_are_told(make_adapter: MakeAdapter, base: Path, content: bytes) -> None:
    folder = make_adapter()
    (folder / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="no readable safetensors file"):
        misfit(AdapterFolder(folder), base)


def test_weights_that_were_cut_short_are_told(make_adapter: MakeAdapter, base: Path) -> None:
    folder = make_adapter()
    whole = (folder / "adapter_model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(whole[:-4])
    with pytest.raises(ModelError, match="shorter than its header says"):
        misfit(AdapterFolder(folder), base)


def test_a_configuration_that_is_no_mapping_is_told(make_adapter: MakeAdapter) -> None:
    folder = make_adapter()
    (folder / "adapter_config.json").write_text(json.dumps([1]))
    with pytest.raises(ModelError, match="cannot be read"):
        _ = AdapterFolder(folder).base

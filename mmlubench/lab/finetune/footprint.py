"""What one step of a training computes and keeps, counted without weights.

The model is built without memory (torch's `meta` device, with the adapter), and one forward and backward pass of a
batch runs on tensors that have a shape but no values (`FakeTensorMode`). So what is counted is what torch does on this
device in this type: attention and loss included, for any architecture, in seconds and in little memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmlubench import extras
from mmlubench.lab.finetune.base_model import EXTRA
from mmlubench.lab.finetune.stages import Plan
from mmlubench.models.local.loading import quiet


@dataclass(frozen=True, slots=True)
class Footprint:
    """One step on one batch of `rows` times `width` tokens, padding included. Sizes in bytes, work in FLOP."""

    rows: int
    width: int
    weights: int
    """The weights as they are kept in memory: frozen ones in the type that is computed in, or in 4 bits."""
    trained: int
    """The number of weights that are trained, in float32."""
    kept: int
    """What the forward pass keeps for the backward pass."""
    largest: int
    """The largest single part of `kept`: mostly the log-probabilities of the whole vocabulary at each token."""
    flops: int
    forward_flops: int
    traffic: int
    """The bytes that all operations write; each is read about once more."""
    operations: int
    layers: int

    @property
    def tokens(self) -> int:
        """The tokens of the batch, padding included."""
        return self.rows * self.width


def footprint(plan: Plan, batch: Mapping[str, Any]) -> Footprint:
    """Count one step on a batch as `plan.collate` makes it.

    Raises whatever torch, transformers and peft raise for an architecture that cannot be built or run in this way.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _model(plan, torch)
        values = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        weights = round(sum(_bytes(plan, torch, model).values()))
        with FakeTensorMode(allow_non_fake_inputs=True) as fakes:
            device = torch.device(plan.device.name)
            given = {
                name: torch.empty(
                    one.shape, dtype=one.dtype, device=device, requires_grad=bool(one.requires_grad)
                )
                for name, one in values.items()
            }
            inputs = {name: fakes.from_tensor(one).to(device) for name, one in batch.items()}
            counted = _run(torch, plan, model, given, inputs)
    rows, width = batch["input_ids"].shape
    return Footprint(
        rows=int(rows),
        width=int(width),
        weights=weights,
        trained=sum(one.numel() for one in model.parameters() if one.requires_grad),
        layers=max(1, int(getattr(plan.architecture.get_text_config(), "num_hidden_layers", 1))),
        **counted,
    )


def _model(plan: Plan, torch: Any) -> Any:
    """Return the model with its adapter, as `weights.py` makes it, on the device that has no memory."""
    import transformers

    config = plan.config
    given: dict[str, Any] = {"dtype": getattr(torch, plan.device.dtype if config.is_adapter else "float32")}
    if plan.architecture.model_type.startswith("gemma2"):
        given["attn_implementation"] = "eager"
    kind = "AutoModelForSeq2SeqLM" if config.kind == "seq2seq" else "AutoModelForCausalLM"
    with torch.device("meta"):
        model = getattr(transformers, kind).from_config(plan.architecture, **given)
        if config.is_adapter:
            peft = extras.load("peft", extra=EXTRA, wanted_by=config.source or config.name)
            lora = peft.LoraConfig(
                r=config.lora.r,
                lora_alpha=config.lora.alpha,
                lora_dropout=config.lora.dropout,
                target_modules=config.target_modules,
                task_type="SEQ_2_SEQ_LM" if config.kind == "seq2seq" else "CAUSAL_LM",
            )
            model = peft.get_peft_model(model, lora)
    return model.train()


def _bytes(plan: Plan, torch: Any, model: Any) -> dict[str, float]:
    """Return the bytes of each weight that is not of the adapter.

    In 4 bits a linear layer but the head takes 0.5 byte a weight, 1 byte for each block of 64 weights, and 4 bytes for
    each 256 blocks: NF4 with double quantization (arXiv 2305.14314, section 3).
    """
    small = set()
    if plan.config.method == "qlora":
        head = model.get_output_embeddings()
        small = {
            id(module.weight)
            for module in model.modules()
            if isinstance(module, torch.nn.Linear) and module is not head and not module.weight.requires_grad
        }
    of_4_bit = 0.5 + 1 / 64 + 4 / (64 * 256)
    return {
        name: one.numel() * (of_4_bit if id(one) in small else one.element_size())
        for name, one in model.named_parameters()
        if not (plan.config.is_adapter and one.requires_grad)
    }


def _run(
    torch: Any, plan: Plan, model: Any, given: Mapping[str, Any], inputs: Mapping[str, Any]
) -> dict[str, int]:
    from torch.utils.flop_counter import FlopCounterMode

    own = {one.untyped_storage()._cdata for one in given.values()}
    kept: dict[int, Any] = {}  # by storage, which is held so that no other gets its address

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    flops, work = FlopCounterMode(display=False), _work(torch)
    kind, dtype = torch.device(plan.device.name).type, getattr(torch, plan.device.dtype)
    cast = torch.autocast(kind, dtype=dtype, enabled=plan.device.dtype == "bfloat16")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one), flops, work:
        with cast:
            loss = torch.func.functional_call(model, dict(given), kwargs=dict(inputs)).loss
            forward = flops.get_total_flops()
        loss.backward()
    sizes = [storage.nbytes() for storage in kept.values()]
    return {
        "kept": sum(sizes),
        "largest": max(sizes, default=0),
        "flops": flops.get_total_flops(),
        "forward_flops": forward,
        "traffic": work.traffic,
        "operations": work.operations,
    }


def _work(torch: Any) -> Any:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Work(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's is not typed
        """Counts operations and the bytes that they write; views write none."""

        traffic = operations = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            self.operations += 1
            if not func.is_view:
                several = made if isinstance(made, tuple | list) else (made,)
                self.traffic += sum(one.nbytes for one in several if isinstance(one, torch.Tensor))
            return made

    return Work()  # type: ignore[no-untyped-call]  # as above

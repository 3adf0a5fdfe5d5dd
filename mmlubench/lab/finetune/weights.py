"""Weights: the model in memory, with a new adapter or ready to be trained as a whole."""

from __future__ import annotations

from typing import Any

from mmlubench import extras
from mmlubench.errors import ModelError
from mmlubench.lab.finetune.base_model import EXTRA, first_line, source_of
from mmlubench.lab.finetune.stages import Plan
from mmlubench.models.local.loading import quiet


def load_weights(plan: Plan) -> Any:
    """Return the model with what is trained. Raises ModelError for weights or an adapter that cannot be made.

    Weights that are trained are float32: steps of bfloat16 are larger than most of their changes.
    """
    config = plan.config
    where = f"{config.source or config.name}: model {config.model}"
    torch = extras.load("torch", extra=EXTRA, wanted_by=where, error=ModelError)
    transformers = extras.load("transformers", extra=EXTRA, wanted_by=where, error=ModelError)
    dtype = getattr(torch, plan.device.dtype if config.is_adapter else "float32")
    source, given = source_of(config, where)
    if config.method == "qlora":
        extras.load("bitsandbytes", extra=EXTRA, wanted_by=f"{where}, method qlora", error=ModelError)
        given["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        given["device_map"] = {"": plan.device.name}
    if plan.architecture.model_type.startswith("gemma2"):
        given["attn_implementation"] = "eager"  # others leave out the soft caps of its attention
    kind = "AutoModelForSeq2SeqLM" if config.kind == "seq2seq" else "AutoModelForCausalLM"
    try:
        with quiet():
            model = getattr(transformers, kind).from_pretrained(source, dtype=dtype, **given)
    except Exception as error:  # whatever the libraries raise for weights that do not fit
        raise ModelError(f"{where}: its weights cannot be loaded ({first_line(error)}).") from error
    if config.method == "qlora":
        _keep_plain(model)
    transformers.set_seed(config.seed)  # new adapters begin with random numbers
    return _with_adapter(plan, model, where) if config.is_adapter else model


def _with_adapter(plan: Plan, model: Any, where: str) -> Any:
    peft = extras.load("peft", extra=EXTRA, wanted_by=where, error=ModelError)
    lora = plan.config.lora
    settings = peft.LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=plan.config.target_modules,
        task_type="SEQ_2_SEQ_LM" if plan.config.kind == "seq2seq" else "CAUSAL_LM",
        revision=plan.config.revision,
    )
    try:
        with quiet():
            return peft.get_peft_model(model, settings)
    except ValueError as error:  # no layer has such a name
        raise ModelError(
            f"{where}: lora.target_modules {plan.config.target_modules!r} do not suit it ({first_line(error)})."
        ) from error


def _keep_plain(model: Any) -> None:
    """Keep 4-bit weights as training reads them: at a look in between, bitsandbytes would pack them for good."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def thaw_in_float32(model: Any) -> None:
    """Make the weights that are trained float32; TRL makes those of an adapter on 4-bit weights bfloat16."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def counts(model: Any) -> tuple[int, int]:
    """Return the number of weights without the adapter, and the number of those that are trained."""
    total = trained = 0
    for name, parameter in model.named_parameters():
        count = parameter.numel()
        if type(parameter).__name__ == "Params4bit":  # two weights of 4 bits in one byte
            count *= 2 * parameter.element_size()
        total += 0 if "lora_" in name else count
        trained += count if parameter.requires_grad else 0
    return total, trained

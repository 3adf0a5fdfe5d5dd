"""Tiny models with random weights, made here: a Llama, a Gemma 2 and a T5 that load like any other checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra: pip install 'mmlubench[local]'")
transformers = pytest.importorskip("transformers", reason="needs the extra: pip install 'mmlubench[local]'")

from mmlubench.models.local.options import LocalOptions  # noqa: E402
from mmlubench.models.spec import ModelSpec  # noqa: E402

_TEXTS = [
    "The following are questions with four choices about the weather of planets.",
    "Which wind is the fastest?\nA. On Neptune\nB. On Mars\nC. On Venus\nD. On Io\nAnswer: A",
]
_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)
_COMMON = {"vocab_size": 400, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_DECODER = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    **_COMMON,
}


def make_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    raw = Tokenizer(models.BPE(unk_token=None))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "<bos>", "<eos>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    raw.train_from_iterator(_TEXTS * 3, trainer)
    raw.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>"
    )
    tokenizer.chat_template = _TEMPLATE
    tokenizer.save_pretrained(folder)


def make_model(kind: str, folder: Path) -> Path:
    torch.manual_seed(7)
    if kind == "llama":
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**_DECODER))
    elif kind == "gemma2":
        config = transformers.Gemma2Config(**_DECODER, query_pre_attn_scalar=8, sliding_window=24)
        model = transformers.Gemma2ForCausalLM(config)
    else:
        sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
        config = transformers.T5Config(**_COMMON, **sizes, decoder_start_token_id=0)
        model = transformers.T5ForConditionalGeneration(config)
    for parameter in model.parameters():  # the usual initial weights are so small that all letters are alike
        parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    make_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def of(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_model(kind, tmp_path_factory.mktemp("models") / kind)
        return made[kind]

    return of


@pytest.fixture
def spec_of(folder_of: Callable[[str], Path]) -> Callable[..., ModelSpec]:
    def make(kind: str, **more: Any) -> ModelSpec:
        from mmlubench.models.names.presets import preset_for

        local = LocalOptions(**more.pop("local", {}))
        return ModelSpec(
            label=kind,
            client="transformers",
            model_id=str(folder_of(kind)),
            local=local,
            features=preset_for("transformers", None).features,
            **more,
        )

    return make


@pytest.fixture(scope="session")
def make_adapter(
    folder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, int], Path]:
    """Write an adapter of random weights for a tiny model; returns its folder."""
    peft = pytest.importorskip("peft", reason="needs the extra: pip install 'mmlubench[local]'")

    def make(kind: str, seed: int) -> Path:
        torch.manual_seed(seed)
        warnings.simplefilter("ignore", FutureWarning)  # of peft's, about names of transformers
        name = "AutoModelForSeq2SeqLM" if kind == "t5" else "AutoModelForCausalLM"
        base = getattr(transformers, name).from_pretrained(folder_of(kind))
        targets = ["q", "v"] if kind == "t5" else ["q_proj", "v_proj"]
        model = peft.get_peft_model(
            base, peft.LoraConfig(r=4, target_modules=targets, init_lora_weights=False)
        )
        folder = tmp_path_factory.mktemp("adapters") / f"{kind}-{seed}"
        model.save_pretrained(folder)
        return Path(folder)

    return make

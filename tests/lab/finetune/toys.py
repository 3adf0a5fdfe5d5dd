"""Tiny models with random weights, and a split of toy questions that can be learned: the choice "moon" is right."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import yaml

from mmlubench.datasets.splits.card import SIDES, SplitCard, hash_of
from mmlubench.datasets.splits.sides import table
from mmlubench.inputs import sha256
from mmlubench.schema import Question

RIGHT, WRONG = "moon", ("tree", "milk", "sand", "iron", "rose", "wool")
RECIPE = """name: toy
version: 1
description: A short prompt for tiny models.
template: |-
  {{ question }} {% for letter, text in choices %}{{ letter }} {{ text }} {% endfor %}Answer:
"""
_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{{ '<end>' }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
_COMMON: dict[str, Any] = {"vocab_size": 320, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_DECODER: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 16,
    "max_position_embeddings": 256,
    **_COMMON,
}
_T5: dict[str, Any] = {
    "d_model": 64,
    "d_kv": 16,
    "d_ff": 128,
    "num_layers": 2,
    "num_heads": 4,
    "dropout_rate": 0.0,
    "decoder_start_token_id": 0,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}


def toy_questions(count: int, side: str) -> list[Question]:
    """Questions of two subjects; the key is not balanced, so that a model that only counts letters learns them."""
    rng = random.Random(side)
    made = []
    for number in range(count):
        wrong = rng.sample(WRONG, 3)
        at = rng.choice((0, 1, 2, 3))
        choices = (*wrong[:at], RIGHT, *wrong[at:])
        subject = ("sky", "sea")[number % 2]
        made.append(
            Question(
                f"toy/{subject}/{side}{number}", "toy", subject, "other", "What shines?", choices, "ABCD"[at]
            )
        )
    return made


def write_split(folder: Path, counts: Sequence[int] = (192, 40, 40)) -> Path:
    """Write a split folder as `mmlubench lab split` does."""
    folder.mkdir(parents=True)
    sides = {side: toy_questions(count, side) for side, count in zip(SIDES, counts, strict=True)}
    for side, questions in sides.items():
        pq.write_table(table(questions), folder / f"{side}.parquet")
    numbers = {side: len(questions) for side, questions in sides.items()}
    card = SplitCard(
        dataset="toy",
        source="made up",
        revision="",
        sha256="0" * 64,
        languages=(),
        seed=0,
        fractions=(80, 10, 10),
        questions=numbers,
        items=numbers,
        subjects={},
        ids_sha256={side: hash_of(q.id for q in questions) for side, questions in sides.items()},
        files={f"{side}.parquet": sha256(folder / f"{side}.parquet") for side in SIDES},
    )
    (folder / "split.json").write_bytes(orjson.dumps(card.to_dict()))
    return folder


def make_model(kind: str, folder: Path, *, template: bool = True) -> Path:
    """Write a tiny Llama, Gemma 2 or T5 with a tokenizer of bytes and a few words."""
    import torch
    import transformers

    torch.manual_seed(7)
    model: Any
    if kind == "t5":
        config = transformers.T5Config(**{**_COMMON, **_T5})
        model = transformers.T5ForConditionalGeneration(config)
    elif kind == "gemma2":
        model = transformers.Gemma2ForCausalLM(
            transformers.Gemma2Config(**_DECODER, query_pre_attn_scalar=16, sliding_window=128)
        )
    else:
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**_DECODER))
    # The usual initial weights are so small that an adapter alone cannot make one token much likelier than others.
    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    for weight in {id(end.weight): end.weight for end in ends}.values():
        torch.nn.init.normal_(weight, std=1.0 if kind == "t5" else 0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)
        make_tokenizer(kind, template=template).save_pretrained(folder)
    return folder


def make_tokenizer(kind: str, *, template: bool = True) -> Any:
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    words = ["<pad>", "<bos>", "<eos>", "<end>", "<user>", "<assistant>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {word: number for number, word in enumerate([*words, *alphabet])}
    merges = []
    for word in (RIGHT, *WRONG, "What", "shines", "Answer", *"ABCD"):
        piece = "\u0120"
        for letter in word:
            merges.append((piece, letter))
            piece += letter
            vocabulary.setdefault(piece, len(vocabulary))
    raw = Tokenizer(models.BPE(vocabulary, list(dict.fromkeys(merges)), unk_token=None))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    single = "$A <eos>" if kind == "t5" else "<bos> $A"
    raw.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        additional_special_tokens=["<end>", "<user>", "<assistant>"],
    )
    tokenizer.chat_template = _TEMPLATE if template and kind != "t5" else None
    return tokenizer


def write_config(folder: Path, model: Path, split: Path, /, **keys: Any) -> Path:
    """Write a configuration and its recipe into a folder; the keys replace those of a short training."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy.yaml").write_text(RECIPE)
    values = {
        "name": "toy",
        "kind": "seq2seq" if "t5" in model.name else "causal",
        "model": str(model),
        "data": str(split),
        "method": "full",
        "recipe": str(folder / "toy.yaml"),
        "outputs": str(folder / "outputs"),
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 1e-3,
        **keys,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in values.items() if value is not None}))
    return path

"""Trains a LoRA adapter of a model by peft, and saves two beside it that must not be asked.

    python train_adapters.py MODEL-FOLDER OUT

`OUT/letters` has learnt which letter follows another, `OUT/untrained` is as it was before the first step, so that it
changes nothing, and `OUT/foreign` was made for a tiny Gemma 2.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from string import ascii_uppercase

os.environ["HF_HUB_OFFLINE"] = "1"
torch, transformers, peft = map(import_module, ("torch", "transformers", "peft"))

STEPS, BATCH, RATE = 10, 8, 4e-3
TARGETS = ["q_proj", "v_proj"]


def rows() -> list[tuple[str, str]]:
    return [
        (f"Question: what letter follows {letter}?\nAnswer:", f" {after}")
        for letter, after in pairwise(ascii_uppercase)
    ]


def train(folder: str, out: Path) -> None:
    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    base = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = peft.get_peft_model(
        base, peft.LoraConfig(r=8, lora_alpha=16, target_modules=TARGETS, task_type="CAUSAL_LM")
    )
    model.save_pretrained(out / "untrained")
    # Every row has as many tokens as the others: no padding.
    tokens = torch.tensor([tokenizer(question + answer).input_ids for question, answer in rows()])
    labels = torch.full_like(tokens, -100)
    labels[:, -1] = tokens[:, -1]
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=RATE)
    model.train()
    for step in range(STEPS):
        picked = torch.randperm(len(tokens))[:BATCH]
        loss = model(input_ids=tokens[picked], labels=labels[picked]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(step, round(loss.item(), 3), flush=True)
    model.save_pretrained(out / "letters")


def make_foreign(out: Path) -> None:
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "head_dim": 16}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 400}
    base = transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**sizes, **heads))
    base.name_or_path = "tiny-gemma2"
    config = peft.LoraConfig(r=8, target_modules=TARGETS, init_lora_weights=False, task_type="CAUSAL_LM")
    peft.get_peft_model(base, config).save_pretrained(out / "foreign")


if __name__ == "__main__":
    train(sys.argv[1], Path(sys.argv[2]))
    make_foreign(Path(sys.argv[2]))

"""A GGUF file becomes an ordinary model folder: configuration, weights as bfloat16, tokenizer and chat template.

python unpack_gguf.py MODEL.gguf FOLDER
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path


def main(file: Path, folder: Path) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch, transformers = import_module("torch"), import_module("transformers")
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    how = transformers.GgufConfig(dequantize=True)  # else its blocks stay packed, and cannot be saved
    model = transformers.AutoModelForCausalLM.from_pretrained(
        **source, dtype=torch.bfloat16, quantization_config=how
    )
    for name in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(model.config, name):
            delattr(model.config, name)
    model.hf_quantizer = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]))

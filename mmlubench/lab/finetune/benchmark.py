"""The commands that benchmark a model before and after its training, on the side of the split that was held out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from mmlubench.lab.finetune.stages import Plan

#: Where a vLLM server listens unless it is told otherwise.
_SERVER = "http://localhost:8000/v1"


def in_process(plan: Plan) -> str:
    """Return the command that asks base and tuned model in one run, in the process of pytest."""
    base = ["--model", f"transformers/{_shown(plan.source)}"]
    if plan.config.is_adapter:
        who = [*base, "--adapter", str(plan.saved), "--with-base"]
    else:
        who = [*base, "--model", f"transformers/{plan.saved}"]
    return shlex.join([*_asked(plan), *who])


def on_a_server(plan: Plan) -> tuple[str, str]:
    """Return the commands that start a vLLM server with base and tuned model, and that ask both.

    Both are empty for a T5 and its like, which vLLM does not serve, and for a model without an adapter, as a server has
    one model.
    """
    if plan.config.kind == "seq2seq" or not plan.config.is_adapter:
        return "", ""
    name, rank = plan.config.name, _served_rank(plan.config.lora.r)
    adapter = str(plan.saved.absolute())
    serve = ["vllm", "serve", plan.source, "--enable-lora", "--max-lora-rank", str(rank)]
    serve += ["--lora-modules", f"{name}={adapter}"]
    who = [
        "--model",
        f"vllm/{plan.source}@{_SERVER}",
        "--adapter",
        name,
        "--adapter-path",
        adapter,
        "--with-base",
    ]
    return shlex.join(serve), shlex.join([*_asked(plan), *who])


def compared() -> str:
    """Return the command that compares both results of the newest run, question by question."""
    return "mmlubench compare latest"


def _asked(plan: Plan) -> Sequence[str]:
    """Return how the held-out side is asked: by the recipe and the way in which the letter was learned."""
    # With `=`: pytest takes a folder that stands alone for a place of tests.
    command = [
        "pytest",
        "benchmarks",
        "-k",
        plan.dataset,
        f"--data={_shown(plan.config.data)}",
        "--split",
        "test",
    ]
    is_file = plan.config.recipe.endswith((".yaml", ".yml"))
    command += ["--prompt" if is_file else "--recipe", _shown(plan.config.recipe), "--shots", "0"]
    return [*command, "--scoring", str(plan.scoring)]


def _shown(name: str) -> str:
    """Return a path within the working directory as it is seen from there, and anything else as it is."""
    inside = Path(name).is_absolute() and Path(name).is_relative_to(Path.cwd()) and Path(name) != Path.cwd()
    return str(Path(name).relative_to(Path.cwd())) if inside else name


def _served_rank(rank: int) -> int:
    """Return the smallest rank that vLLM can be started with for an adapter of this one."""
    return next((known for known in (8, 16, 32, 64, 128, 256, 320, 512) if known >= rank), rank)

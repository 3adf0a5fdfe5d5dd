"""Runs in lm-eval's environment: asks given questions with lm-eval's own MMLU tasks through `local-completions`.

    VENV/bin/python perf/peers/in_lm_eval.py ORDER.json RESULT.json

The order names the server, the model, its tokenizer, the shots and the rows. Each subject's task includes lm-eval's own
file of that subject, so that description, template, choices and choice of examples are lm-eval's; only the place of the
rows is changed, and with `gap` the blanks before the subject.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def main(order_file: Path, result_file: Path) -> None:
    order = json.loads(order_file.read_text())
    folder = order_file.parent / "tasks"
    names = [write_task(folder, subject, rows, order) for subject, rows in order["tests"].items()]
    evaluator, tasks = import_module("lm_eval.evaluator"), import_module("lm_eval.tasks")
    done = evaluator.simple_evaluate(
        model="local-completions",
        model_args={
            "base_url": f"{order['url']}/completions",
            "model": order["model"],
            "tokenizer": order["tokenizer"],
            "tokenizer_backend": "huggingface",
            "max_length": order["max_length"],
            "num_concurrent": order["at_once"],
            "timeout": 1800,
        },
        tasks=names,
        num_fewshot=order["shots"],
        task_manager=tasks.TaskManager(include_path=str(folder), include_defaults=False),
        bootstrap_iters=0,
    )
    found = [told(sample) for samples in done["samples"].values() for sample in samples]
    result_file.write_text(json.dumps(found))


def write_task(folder: Path, subject: str, rows: list[Json], order: Json) -> str:
    """Write the task of one subject and its rows; returns the task's name."""
    package = Path(str(import_module("lm_eval").__file__)).parent
    own = package / "tasks" / "mmlu" / "default" / f"mmlu_{subject}.yaml"
    folder.mkdir(exist_ok=True)
    files = {}
    for split, content in (("test", rows), ("dev", order["examples"][subject])):
        files[split] = str(folder / f"{subject}.{split}.jsonl")
        Path(files[split]).write_text("".join(json.dumps(row) + "\n" for row in content))
    task = {
        "include": str(own),
        "task": f"peer_{subject}",
        "tag": None,
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": files},
    }
    if order["gap"]:
        spoken = subject.replace("_", " ")
        task["description"] = (
            f"The following are multiple choice questions (with answers) about{order['gap']}{spoken}.\n\n"
        )
    (folder / f"peer_{subject}.yaml").write_text(json.dumps(task))  # JSON is YAML
    return str(task["task"])


def told(sample: Json) -> Json:
    """Return the prompt of a sample and the log-probability of each letter."""
    pairs = [pair for pair, *_ in _arguments(sample)]
    values = [float(value[0]) for value in sample["filtered_resps"]]
    return {"id": sample["doc"]["id"], "prompt": pairs[0], "logprobs": dict(zip("ABCD", values, strict=True))}


def _arguments(sample: Json) -> list[tuple[str, str]]:
    return [tuple(each) for each in sample["arguments"]]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

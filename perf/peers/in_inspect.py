"""Runs in inspect's environment: makes inspect_evals' prompts for given rows, and reads given replies.

    VENV/bin/python perf/peers/in_inspect.py ORDER.json RESULT.json

The prompts are those that the solver of `mmlu_0_shot` or `mmlu_5_shot` hands to the model, and the letters and scores
are those of the same solver and of its scorer `choice()`; the model is one that gives the recorded replies.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def main(order_file: Path, result_file: Path) -> None:
    order = json.loads(order_file.read_text())
    result_file.write_text(json.dumps(asyncio.run(answered(order))))


async def answered(order: Json) -> list[Json]:
    """Return for each item the messages, the letters that inspect marks, and its score."""
    mmlu, dataset = import_module("inspect_evals.mmlu.mmlu"), import_module("inspect_ai.dataset")
    score = import_module("inspect_ai.scorer").choice()
    samples = [mmlu.record_to_sample_mmlu(row) for rows in order["examples"].values() for row in rows]
    dev = dataset.MemoryDataset(samples)
    found = []
    for item in order["items"]:
        row = item["row"]
        sample = (
            mmlu.record_to_sample_mmlu_5_shot(row, dev) if order["shots"] else mmlu.record_to_sample_mmlu(row)
        )
        state = as_state(sample)
        solve = import_module("inspect_ai.solver").multiple_choice()
        sent: list[Json] = []
        state = await solve(state, replying(item["reply"], sent))
        said = await score(state, import_module("inspect_ai.scorer").Target(sample.target))
        marked = [chr(65 + place) for place, choice in enumerate(state.choices) if choice.correct is True]
        found.append({"messages": sent, "letters": marked, "score": said.value})
    return found


def as_state(sample: Any) -> Any:
    """Return the state of a sample, as inspect's task runner makes it."""
    solver, model = import_module("inspect_ai.solver"), import_module("inspect_ai.model")
    messages = (
        [model.ChatMessageUser(content=sample.input)] if isinstance(sample.input, str) else list(sample.input)
    )
    return solver.TaskState(
        model="none/none",
        sample_id=0,
        epoch=1,
        input=sample.input,
        messages=messages,
        choices=sample.choices,
    )


def replying(reply: str, sent: list[Json]) -> Any:
    """Return a `generate` that writes down what it is sent, and answers with a recorded reply."""
    model = import_module("inspect_ai.model")

    async def generate(state: Any, **_: Any) -> Any:
        sent.extend({"role": message.role, "content": message.text} for message in state.messages)
        state.output = model.ModelOutput.from_content("none", reply)
        return state

    return generate


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

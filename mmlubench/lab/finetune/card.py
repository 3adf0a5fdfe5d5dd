"""What a training leaves beside its weights: `finetune.json` for programs, a model card for people, and its curves.

    outputs/NAME/finetune.json    all facts: base, data, settings, versions, device, history
    outputs/NAME/trained_ids.txt  the questions that were learned, by which a run tells that it asks them
    outputs/NAME/README.md        the card, with the header of the Hugging Face hub
    outputs/NAME/curves.svg

The same files are put into the folder of the weights, so that they travel with it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmlubench import figures
from mmlubench.datasets.splits.trained import FACTS, IDS, write_trained_ids
from mmlubench.errors import UserError
from mmlubench.jsonl import pretty, write_atomic
from mmlubench.lab.finetune import benchmark
from mmlubench.lab.finetune.curves import curves
from mmlubench.lab.finetune.progress import doubts
from mmlubench.lab.finetune.stages import Plan, Point, Trained
from mmlubench.lab.split.folder import SplitFolder
from mmlubench.models.local.weights import digest_of_model
from mmlubench.stats.intervals import wilson

CARD, CURVES = "README.md", "curves.svg"
_PACKAGES = ("mmlubench", "torch", "transformers", "peft", "trl", "accelerate", "bitsandbytes", "tokenizers")


def write_card(plan: Plan, trained: Trained) -> dict[str, Any]:
    """Write all files, and return the facts of `finetune.json`. Raises UserError for a disk that is full."""
    split = SplitFolder.open(plan.config.data)
    try:
        told = write_trained_ids(plan.folder, plan.dataset, plan.learned, plan.validation)
        facts = facts_of(plan, trained, split, told)
        write_atomic(plan.folder / FACTS, pretty(facts))
        write_atomic(
            plan.folder / CURVES, curves(trained.history, references=_accuracies(plan.config.references))
        )
        write_atomic(plan.folder / CARD, card(plan, trained, facts, split))
        for name in (FACTS, IDS, CURVES, CARD):
            shutil.copyfile(plan.folder / name, trained.folder / name)
    except OSError as error:
        raise UserError(
            f"{plan.folder}: the card cannot be written ({error.strerror}); the weights are in {trained.folder}."
        ) from None
    return facts


def facts_of(plan: Plan, trained: Trained, split: SplitFolder, told: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of `finetune.json`; `told` is what `write_trained_ids` returned."""
    config, last = plan.config, last_look(trained.history)
    right, asked = (last.right or 0, last.asked or 0) if last else (0, 0)
    return {
        "name": config.name,
        "kind": config.kind,
        "method": config.method,
        "base": {
            "model": plan.source,
            "revision": config.revision,
            "sha256_or_commit": digest_of_model(plan.source, config.revision) or None,
            "parameters": trained.parameters,
        },
        "data": {
            "dataset": plan.dataset,
            "source": split.card.source,
            "revision": split.card.revision,
            "sha256": split.card.sha256,
            "languages": split.card.languages,
            "seed": split.card.seed,
            "questions": dict(split.card.questions),
            "ids_sha256": dict(plan.data_sha256),
        },
        "trained_on": dict(told),
        "recipe": config.recipe,
        "scoring": str(plan.scoring),
        "settings": config.to_dict(),
        "trained_parameters": trained.trained_parameters,
        "epochs": plan.epochs,
        "steps": plan.steps,
        "learned": len(plan.learned),
        "device": {"name": plan.device.name, "dtype": plan.device.dtype, "why": plan.device.why},
        "seconds": round(trained.seconds, 1),
        "resumed_from": trained.resumed_from,
        "versions": dict(_versions()),
        "validation": {
            "right": right,
            "n": asked,
            "accuracy": right / asked,
            "ci95": list(wilson(right, asked)),
        }
        if asked
        else None,
        "history": [point.to_dict() for point in trained.history],
        "references": config.references,
        "benchmark": {"in_process": benchmark.in_process(plan)},
    }


def last_look(history: Sequence[Point]) -> Point | None:
    """Return the last point at which the validation side was asked."""
    return next((point for point in reversed(history) if point.accuracy is not None), None)


def card(plan: Plan, trained: Trained, facts: Mapping[str, Any], split: SplitFolder) -> str:
    """Return the model card as Markdown."""
    return f"{_header(plan, split)}\n{''.join(f'{part}{chr(10)}' for part in _parts(plan, trained, facts, split))}"


def _header(plan: Plan, split: SplitFolder) -> str:
    """Return the front matter that the hub reads; keys by its documentation of model cards."""
    import yaml

    is_adapter, is_local = plan.config.is_adapter, Path(plan.source).is_absolute()
    values: dict[str, Any] = {} if is_local else {"base_model": plan.source}
    if not is_local:
        values["base_model_relation"] = "adapter" if is_adapter else "finetune"
    values["library_name"] = "peft" if is_adapter else "transformers"
    values["pipeline_tag"] = "text-generation" if plan.config.kind == "causal" else "text2text-generation"
    values["tags"] = ["mmlubench", "multiple-choice", plan.config.method]
    source = split.card.source.removeprefix("hub:")
    values["datasets"] = [source] if source.count("/") == 1 and not Path(source).exists() else [plan.dataset]
    if languages := list(dict.fromkeys(one.partition("_")[0].lower() for one in split.card.languages)):
        values["language"] = languages
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}---\n"


def _parts(plan: Plan, trained: Trained, facts: Mapping[str, Any], split: SplitFolder) -> Iterator[str]:
    config, counts = plan.config, split.card.questions
    languages, learned = ", ".join(split.card.languages) or "one language", len(plan.learned)
    what = "LoRA adapter" if config.is_adapter else "model"
    yield f"# {config.name}\n"
    yield (
        f"A {what} for `{plan.source}`, fine-tuned by mmlubench to answer multiple-choice questions of "
        f"{plan.dataset} ({languages}) with a letter.\n"
    )
    yield "## Results\n"
    yield _validation(trained)
    yield from _references(config.references)
    yield f"![Loss and validation accuracy by step]({CURVES})\n"
    yield "The side that was held out was not asked in training. Asked before and after, and compared by question:\n"
    yield _commands(plan)
    yield "## Training\n"
    rows = {
        "base": f"`{plan.source}`" + (f" at `{config.revision}`" if config.revision else ""),
        "base, SHA-256 or commit": f"`{facts['base']['sha256_or_commit'] or 'unknown'}`",
        "weights trained": f"{trained.trained_parameters:,} of {trained.parameters:,} ({config.method})",
        "questions": ", ".join(f"{side} {count:,}" for side, count in counts.items())
        + (f"; learned {learned:,}" if learned < counts["train"] else ""),
        "data, SHA-256": f"`{split.card.sha256}`",
        "ids of the learned, SHA-256": f"`{facts['trained_on']['ids_sha256']}`",
        "recipe, scoring": f"{config.recipe}, {plan.scoring}",
        "trained for": f"{figures.several(plan.epochs, 'epoch')}, {figures.several(plan.steps, 'step')}",
        "batch": f"{config.batch_size} x {config.gradient_accumulation}",
        "optimizer": f"{config.optimizer}, learning rate {config.learning_rate:g}, {config.scheduler}, "
        f"warm-up {config.warmup:g}",
        "device": f"{plan.device.name}, {plan.device.dtype} ({plan.device.why})",
        "time": figures.duration(trained.seconds)
        + (f", gone on from step {trained.resumed_from:,}" if trained.resumed_from else ""),
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
    }
    if config.is_adapter:
        rows["LoRA"] = (
            f"r {config.lora.r}, alpha {config.lora.alpha}, dropout {config.lora.dropout:g}, {config.target_modules}"
        )
    yield "| | |\n|---|---|\n" + "".join(f"| {name} | {_cell(value)} |\n" for name, value in rows.items())
    yield f"All settings and the history are in `{FACTS}`; `{IDS}` lists the questions that were learned."


def _validation(trained: Trained) -> str:
    looks = [point for point in trained.history if point.accuracy is not None]
    if not looks:
        return "The validation side was not asked.\n"
    return (
        "".join(
            f"Validation accuracy {when}: {figures.share(one.accuracy)} "
            f"({figures.interval(wilson(one.right or 0, one.asked or 0))}, n = {one.asked:,}){doubts(one)}.\n"
            for when, one in [("before", looks[0]), ("after", looks[-1])][-len(looks) :]
        )
        + "Its questions are those by which the training was watched: no result.\n"
    )


def _references(references: Mapping[str, Any]) -> Iterator[str]:
    if references:
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in references.items())
        yield f"Published for comparison: {told}.\n"


def _commands(plan: Plan) -> str:
    serve, ask = benchmark.on_a_server(plan)
    lines = [benchmark.in_process(plan), benchmark.compared()]
    if serve:
        lines += ["", "# or on a vLLM server", serve, ask]
    return "```sh\n" + "\n".join(lines) + "\n```\n"


def commands(plan: Plan) -> list[str]:
    """Return what is said at the end of a training: where it is, and how base and tuned model are compared."""
    serve, ask = benchmark.on_a_server(plan)
    lines = [
        f"saved to {plan.saved}, with its card in {plan.folder / CARD}",
        "base and tuned on the held-out side, then compared:",
        f"  {benchmark.in_process(plan)}",
        f"  {benchmark.compared()}",
    ]
    return [*lines, "or on a vLLM server:", f"  {serve}", f"  {ask}"] if serve else lines


def _accuracies(references: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in references.items()
        if name.startswith("accuracy") and isinstance(value, int | float) and 0 <= value <= 1
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")

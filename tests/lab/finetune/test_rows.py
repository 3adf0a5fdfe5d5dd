"""What a model learns: the prompt that a run sends, then the letter and the end of the turn, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra: pip install 'mmlubench[finetune]'")
pytest.importorskip("trl", reason="needs the extra: pip install 'mmlubench[finetune]'")

from dataclasses import replace

from mmlubench.errors import UserError
from mmlubench.lab.finetune.plan import make_plan
from mmlubench.lab.finetune.rows import shuffled
from mmlubench.lab.finetune.stages import Device, Plan
from mmlubench.lab.split.folder import SplitFolder
from mmlubench.models.local.in_process import InProcess
from mmlubench.models.names.presets import preset_for
from mmlubench.models.scoring import choose_scoring
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Params, Question, Request, Scoring
from mmlubench.solvers.logprob import Logprob

pytestmark = pytest.mark.real_model


def plan_of(config: Any) -> Plan:
    return make_plan(config, Device("cpu", "float32"), SplitFolder.open(config.data))


@pytest.mark.parametrize(
    ("kind", "template", "end"),
    [("llama", True, "<end>"), ("gemma2", True, "<end>"), ("llama", False, "<eos>"), ("t5", True, "<eos>")],
)
def test_only_the_letter_and_the_end_count_in_the_loss(
    kind: str, template: bool, end: str, config_of: Callable[..., Any], model_of: Callable[..., Path]
) -> None:
    if template and kind != "t5":  # as chat models have it: their turn ends with a token at which they stop
        file = model_of(kind) / "generation_config.json"
        file.write_text('{"bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": 0}')
    plan = plan_of(config_of(kind, template=template, batch_size=8))
    rows, batch = plan.batch(1)
    assert len(rows) == 8
    for row, labels, tokens, mask in zip(
        rows,
        batch["labels"].tolist(),
        batch["input_ids"].tolist(),
        batch["attention_mask"].tolist(),
        strict=True,
    ):
        counted = [token for token in labels if token != -100]
        assert plan.tokenizer.decode(counted).strip() == f"{row.answer}{end}"
        read = [token for token, seen in zip(tokens, mask, strict=True) if seen]
        if kind == "t5":
            assert read == list(row.prompt)
        else:
            assert read == [*row.prompt, *row.completion]
            assert read.count(plan.tokenizer.bos_token_id) == 1


@pytest.mark.parametrize(("kind", "template"), [("llama", True), ("llama", False), ("t5", True)])
def test_a_prompt_in_training_is_token_for_token_that_of_the_run(
    kind: str, template: bool, config_of: Callable[..., Any]
) -> None:
    config = config_of(kind, template=template, shuffle_choices=False, recipe="zero_shot", max_length=512)
    plan = plan_of(replace(config, recipe="zero_shot"))
    features = preset_for("transformers", None).features
    spec = ModelSpec(label="tiny", client="transformers", model_id=config.model, features=features)
    sent: list[Request] = []

    class Recorder:
        async def generate(self, request: Request) -> Completion:
            sent.append(request)
            return Completion("", "stop", logprobs=(("A", -0.1), ("B", -3.0)))

        async def aclose(self) -> None: ...

    async def ask() -> None:
        scoring = await choose_scoring(Recorder(), spec, Scoring.LOGPROB, raw=plan.recipe.raw)
        assert plan.scoring is (scoring if template else Scoring.COMPLETIONS)
        solver = Logprob(Recorder(), plan.recipe, Params(), scoring=plan.scoring, top=features.top_logprobs)
        for question in plan.train:
            await solver(question)

    asyncio.run(ask())
    model = InProcess(spec)
    asked = [model._job(request).prompt for request in sent]
    assert asked == [row.prompt for row in plan.rows[: len(plan.train)]]


def test_choices_are_shuffled_anew_in_each_epoch_and_the_key_with_them(config_of: Callable[..., Any]) -> None:
    plan = plan_of(config_of("llama", epochs=2))
    count = len(plan.train)
    assert [row.answer for row in plan.rows[:count]] != [row.answer for row in plan.rows[count:]]
    for row, question in zip(plan.rows, [*plan.train, *plan.train], strict=True):
        assert row.id == question.id
        assert f"{row.answer} moon" in plan.tokenizer.decode(row.prompt)
    assert sorted([*plan.order(0), *plan.order(1)]) == list(range(2 * count))
    assert [place - count for place in plan.order(1)] != plan.order(0)


def test_choices_that_name_letters_stay_where_they_are() -> None:
    question = Question("q/a/1", "q", "a", "other", "Which?", ("one", "two", "Both A and B", "none"), "C")
    assert all(shuffled(question, epoch, 0) == question for epoch in range(9))


@pytest.mark.parametrize(
    ("kind", "keys", "says"),
    [
        ("t5", {"kind": "causal"}, "it is of kind seq2seq (t5), and kind is causal; give kind: seq2seq."),
        ("llama", {"kind": "seq2seq"}, "it is of kind causal (llama)"),
        ("llama", {"max_length": 12}, "of 48 questions have more tokens (up to"),
        ("llama", {"model": "./nowhere"}, "there is no such folder"),
        ("llama", {"recipe": "nope"}, "nope"),
    ],
)
def test_what_does_not_go_together_is_told_before_training(
    kind: str, keys: dict[str, Any], says: str, config_of: Callable[..., Any]
) -> None:
    with pytest.raises(UserError) as error:
        plan_of(config_of(kind, **keys))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_tokenizer_without_an_end_is_named(
    config_of: Callable[..., Any], tmp_path: Path, model_of: Callable[..., Path]
) -> None:
    import shutil

    from transformers import AutoTokenizer

    shutil.copytree(model_of("llama"), tmp_path / "llama")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "llama")
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path / "llama")
    with pytest.raises(
        UserError, match="its tokenizer has no end-of-sequence token, which ends a reply; name"
    ):
        plan_of(config_of("llama", model=str(tmp_path / "llama")))


def test_a_tokenizer_of_another_model_is_told_before_training(
    config_of: Callable[..., Any], tmp_path: Path, model_of: Callable[..., Path]
) -> None:
    import json
    import shutil

    shutil.copytree(model_of("llama"), tmp_path / "llama")
    file = tmp_path / "llama" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "vocab_size": 300}))
    with pytest.raises(UserError, match=r"writes token 3\d\d, and the model has 300"):
        plan_of(config_of("llama", model=str(tmp_path / "llama")))


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_tokenizer_without_pad_is_mended_or_named(
    kind: str, config_of: Callable[..., Any], tmp_path: Path, model_of: Callable[..., Path]
) -> None:
    import shutil

    from transformers import AutoTokenizer

    folder = tmp_path / kind
    shutil.copytree(model_of(kind), folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    config = config_of(kind, model=str(folder))
    if kind == "t5":
        with pytest.raises(UserError, match="its tokenizer has no pad token"):
            plan_of(config)
        return
    plan = plan_of(config)
    _, batch = plan.batch()
    assert plan.tokenizer.pad_token_id == plan.tokenizer.eos_token_id
    assert (batch["labels"][batch["attention_mask"] == 0] == -100).all()
    assert ((batch["labels"] != -100).sum(-1) == 2).all()


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ bos_token }}{{ bos_token }}{{ messages[0].content }}<assistant>", "begins with <bos> twice"),
        # as SmolLM2 has it: each turn begins with the token that its tokenizer calls BOS
        ("{% for m in messages %}{{ bos_token }}{{ m.content }}{% endfor %}{{ bos_token }}<assistant>", ""),
        ("{{ raise_exception('no chat today') }}", "its chat template refuses the prompt (no chat today)"),
    ],
)
def test_the_token_that_begins_a_text_stands_there_once(
    template: str, says: str, config_of: Callable[..., Any], tmp_path: Path, model_of: Callable[..., Path]
) -> None:
    import shutil

    shutil.copytree(model_of("llama"), tmp_path / "llama")
    (tmp_path / "llama" / "chat_template.jinja").write_text(template)
    config = config_of("llama", model=str(tmp_path / "llama"))
    if not says:
        assert plan_of(config).rows[0].prompt[0] == 1
        return
    with pytest.raises(UserError) as error:
        plan_of(config)
    assert says in str(error.value)

"""Models in process: a batch gives what each request alone gives, for causal and sequence-to-sequence models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmlubench.errors import ModelError, Rejected
from mmlubench.models.local.in_process import InProcess
from mmlubench.models.local.loading import load
from mmlubench.models.local.options import LocalOptions
from mmlubench.models.local.parts import CPU_TOKENS
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Message, Params, Request

SCORED = Params(max_tokens=1, logprobs=10)
BEGINNING = "The following are questions with four choices about planets. " * 6
PROMPTS = [
    "Which wind?\nAnswer:",
    "Which of the fastest choices of Venus is the wind of Mars?\nA. On Io\nAnswer:",
    "On",
    *(
        BEGINNING + f"{end}\nAnswer:"
        for end in ("Which wind is it?", "Mars", "Are there questions about the weather?")
    ),
]
torch = pytest.importorskip("torch", reason="needs the extra: pip install 'mmlubench[local]'")
transformers = pytest.importorskip("transformers", reason="needs the extra: pip install 'mmlubench[local]'")
SpecOf = Callable[..., ModelSpec]


def ask(spec: ModelSpec, *requests: Request) -> list[Completion]:
    async def run() -> list[Completion]:
        model = InProcess(spec)
        try:
            return await asyncio.gather(*map(model.generate, requests))
        finally:
            await model.aclose()

    return asyncio.run(run())


def raw(prompt: str, params: Params = SCORED, continuation: str = "") -> Request:
    return Request(prompt[:20], (), params, prompt=prompt, continuation=continuation)


def chat(*turns: str, params: Params = SCORED) -> Request:
    roles = ("user", "assistant") * len(turns)
    return Request(
        "chat", tuple(Message(role, text) for role, text in zip(roles, turns, strict=False)), params
    )


def reference(folder: Path, prompt: str) -> dict[str, float]:
    """The log-probability of each next token, computed by transformers alone for one prompt."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        logits = model(**tokenizer(prompt, return_tensors="pt")).logits[0, -1].log_softmax(-1)
    pieces = tokenizer.convert_ids_to_tokens(range(len(logits)))
    return {piece or f"<{number}>": logits[number].item() for number, piece in enumerate(pieces)}


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_log_probabilities_of_a_batch_are_those_of_each_prompt_alone(
    spec_of: SpecOf, folder_of: Callable[[str], Path], kind: str, batch_size: int
) -> None:
    replies = ask(spec_of(kind, local={"batch_size": batch_size}), *map(raw, PROMPTS))
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        expected = reference(folder_of(kind), prompt)
        assert [value for _, value in reply.logprobs] == sorted((v for _, v in reply.logprobs), reverse=True)
        assert reply.logprobs[0][1] == pytest.approx(max(expected.values()), abs=1e-4)
        assert all(expected[token] == pytest.approx(value, abs=1e-4) for token, value in reply.logprobs)


@pytest.mark.parametrize("continuation", ["", " A"])
def test_a_processor_computes_few_tokens_at_once_and_no_logits_that_nobody_reads(
    spec_of: SpecOf, folder_of: Callable[[str], Path], continuation: str
) -> None:
    # passes of a whole batch took 2.6 times the CPU time of small ones, and logits of whole prompts gigabytes
    spec = spec_of("llama")
    model = load(spec.model_id, spec.local).model
    seen: list[tuple[Any, Any]] = []
    hook = model.register_forward_hook(
        lambda _, __, given, made: seen.append((given["input_ids"], made.logits)), with_kwargs=True
    )
    prompts = [f"{place} " + BEGINNING * (1 + place % 3) for place in range(8)]
    try:
        replies = ask(spec, *(raw(prompt, continuation=continuation) for prompt in prompts))
    finally:
        hook.remove()
    assert len(seen) > 1
    assert all(ids.numel() <= CPU_TOKENS or len(ids) == 1 for ids, _ in seen)
    assert all(logits.shape[1] <= max(2, len(ids)) for ids, logits in seen)
    alone = reference(folder_of("llama"), prompts[-1])
    for piece, value in replies[-1].logprobs:
        assert value == pytest.approx(alone[piece], abs=1e-3)


def test_a_given_continuation_has_the_sum_of_its_tokens(
    spec_of: SpecOf, folder_of: Callable[[str], Path]
) -> None:
    prompts = PROMPTS[:3]
    replies = ask(spec_of("llama"), *(raw(prompt, continuation=" Mars") for prompt in prompts))
    for prompt, reply in zip(prompts, replies, strict=True):
        text, total = prompt, 0.0
        for token, value in reply.logprobs:
            assert reference(folder_of("llama"), text)[token] == pytest.approx(value, abs=1e-4)
            text, total = text + token.replace("\u0120", " "), total + value
        assert text == prompt + " Mars"


@pytest.mark.parametrize("kind", ["llama", "gemma2"])
def test_texts_are_those_of_transformers_own_greedy_decoding(
    spec_of: SpecOf, folder_of: Callable[[str], Path], kind: str
) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder_of(kind))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder_of(kind))
    replies = ask(spec_of(kind), *(raw(prompt, Params(max_tokens=8)) for prompt in PROMPTS))
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        tokens = tokenizer(prompt, return_tensors="pt")
        made = model.generate(**tokens, max_new_tokens=8, do_sample=False)[0, tokens.input_ids.shape[1] :]
        assert reply.text == tokenizer.decode(made, skip_special_tokens=True)
        assert reply.usage.input_tokens == tokens.input_ids.shape[1]
        assert reply.finish_reason == ("stop" if 2 in made.tolist() else "length")


def test_a_stop_text_ends_a_reply_and_is_not_in_it(spec_of: SpecOf) -> None:
    [whole] = ask(spec_of("llama"), raw(PROMPTS[0], Params(max_tokens=12)))
    stop = whole.text[4:6]
    [cut] = ask(spec_of("llama"), raw(PROMPTS[0], Params(max_tokens=12, stop=(stop,))))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason == "stop"


def tokens_sent(spec: ModelSpec, request: Request) -> list[int]:
    return list(InProcess(spec)._job(request).prompt)


def test_bos_comes_once_in_a_chat_and_in_a_raw_prompt(spec_of: SpecOf) -> None:
    spec = spec_of("llama")
    assert tokens_sent(spec, chat("Which wind?")).count(1) == 1  # the template writes it
    assert tokens_sent(spec, raw("Which wind?")).count(1) == 1  # the tokenizer puts it


def test_a_begun_reply_is_continued(spec_of: SpecOf) -> None:
    spec = spec_of("llama")
    tokenizer = InProcess(spec)._loaded.tokenizer
    text = tokenizer.decode(tokens_sent(spec, chat("Which wind?", "The answer is")))
    assert text.endswith("<assistant> The answer is")


def test_base_and_adapters_share_weights_and_do_not_mix(
    spec_of: SpecOf, make_adapter: Callable[[str, int], Path]
) -> None:
    one, two = (make_adapter("llama", seed) for seed in (1, 2))
    specs = [
        spec_of("llama"),
        *(spec_of("llama", adapter=path.name, adapter_path=str(path)) for path in (one, two)),
    ]
    alone = [[reply.logprobs for reply in ask(spec, *map(raw, PROMPTS))] for spec in specs]
    assert alone[0] != alone[1] != alone[2]

    async def together() -> Sequence[Completion]:
        models = [InProcess(spec) for spec in specs]
        assert len({id(model._loaded) for model in models}) == 1
        try:
            return await asyncio.gather(*(model.generate(raw(p)) for p in PROMPTS for model in models))
        finally:
            await models[0].aclose()

    mixed = asyncio.run(together())
    for number in range(3):
        for got, expected in zip(mixed[number::3], alone[number], strict=True):
            assert dict(got.logprobs) == pytest.approx(dict(expected), abs=1e-4)


def test_a_sequence_to_sequence_model_answers_in_all_ways(
    spec_of: SpecOf, folder_of: Callable[[str], Path], make_adapter: Callable[[str, int], Path]
) -> None:
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder_of("t5"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder_of("t5"))
    scored = ask(spec_of("t5"), *map(raw, PROMPTS))
    written = ask(spec_of("t5"), *(raw(prompt, Params(max_tokens=5)) for prompt in PROMPTS))
    echoed = ask(spec_of("t5"), *(raw(prompt, continuation=" A") for prompt in PROMPTS))
    for prompt, score, text, echo in zip(PROMPTS, scored, written, echoed, strict=True):
        tokens = tokenizer(prompt, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**tokens, decoder_input_ids=torch.tensor([[0]])).logits[0, -1].log_softmax(-1)
            made = model.generate(**tokens, max_new_tokens=5, do_sample=False)[0, 1:]
        for token, value in score.logprobs:
            if token.startswith("<") and token[1:-1].isdigit():
                continue
            assert logits[tokenizer.convert_tokens_to_ids(token)].item() == pytest.approx(value, abs=1e-4)
        assert text.text == tokenizer.decode(made, skip_special_tokens=True)
        [(token, value)] = echo.logprobs
        assert (token, logits[tokenizer.convert_tokens_to_ids("A")].item()) == (
            "A",
            pytest.approx(value, abs=1e-4),
        )
    adapter = make_adapter("t5", 3)
    changed = ask(spec_of("t5", adapter_path=str(adapter)), *map(raw, PROMPTS))
    assert [reply.logprobs for reply in changed] != [reply.logprobs for reply in scored]


def test_four_bit_weights_answer(spec_of: SpecOf) -> None:
    pytest.importorskip("bitsandbytes", reason="needs the extra: pip install 'mmlubench[local]'")
    [whole] = ask(spec_of("llama"), raw(PROMPTS[1]))
    [small] = ask(spec_of("llama", local={"load_in_4bit": True}), raw(PROMPTS[1]))
    assert dict(small.logprobs) != dict(whole.logprobs)
    assert len(small.logprobs) == 10


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_id": "/nowhere/at/all"}, "there is no such folder"),
        ({"local": {"device": "cuda:0"}}, "finds no CUDA device"),
        ({"local": {"device": "gpu"}}, "must be auto, cpu or cuda:N"),
    ],
)
def test_what_cannot_be_loaded_is_told_before_any_question(
    spec_of: SpecOf, change: dict[str, Any], said: str
) -> None:
    if torch.cuda.is_available() and "CUDA" in said:
        pytest.skip("this machine has a CUDA device")
    from dataclasses import replace

    name = change.pop("model_id", None)
    spec = spec_of("llama", **change)
    with pytest.raises(ModelError, match=said):
        InProcess(replace(spec, model_id=name) if name else spec)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("model/config.json", "the model lies in .*model; name that folder"),
        ("adapter_config.json", "this is an adapter; give --model the model it is for, and --adapter"),
    ],
)
def test_the_folder_of_a_fine_tuning_leads_to_what_it_holds(file: str, said: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("{}")
    with pytest.raises(ModelError, match=said):
        load(str(tmp_path), LocalOptions())


def test_an_adapter_of_another_model_is_refused(
    spec_of: SpecOf, make_adapter: Callable[[str, int], Path]
) -> None:
    strange = make_adapter("t5", 4)
    with pytest.raises(ModelError, match=r"is none of .*: it changes .* does not have"):
        InProcess(spec_of("gemma2", adapter_path=str(strange)))


def test_a_base_model_without_a_template_names_a_recipe(spec_of: SpecOf) -> None:
    spec = spec_of("gemma2")
    model = InProcess(spec)
    template, model._loaded.tokenizer.chat_template = model._loaded.tokenizer.chat_template, None
    try:
        with pytest.raises(Rejected, match="--recipe hendrycks"):
            asyncio.run(model.generate(chat("Which wind?")))
    finally:
        model._loaded.tokenizer.chat_template = template

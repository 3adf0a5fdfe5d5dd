"""The forward passes for a batch of requests; everything here runs on the one thread that owns the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmlubench.models.local.job import Job, Result
from mmlubench.models.local.loading import Loaded
from mmlubench.models.local.parts import parts
from mmlubench.models.local.shared_prefix import last_logits


def compute(loaded: Loaded, jobs: Sequence[Job]) -> list[Result]:
    """Answer a batch of jobs of one kind, in order. Raises ModelError for an adapter that cannot be loaded."""
    kind = jobs[0].kind
    does = {"generate": _generate, "score": _score, "echo": _echo}[kind.does]
    with loaded.torch.inference_mode(), loaded.using(kind.adapter) as model:
        if kind.does == "generate" or (kind.does == "score" and not loaded.is_seq2seq):
            return does(loaded, model, jobs)
        results: dict[int, Result] = {}
        for part in parts(loaded, [len(job.prompt) + len(job.continuation) for job in jobs]):
            results.update(zip(part, does(loaded, model, [jobs[place] for place in part]), strict=True))
        return [results[place] for place in range(len(jobs))]


def _score(loaded: Loaded, model: Any, jobs: Sequence[Job]) -> list[Result]:
    """The likeliest first tokens of each reply, from one forward pass."""
    top = jobs[0].kind.params.logprobs or 1
    if loaded.is_seq2seq:
        batch = _padded(loaded, [job.prompt for job in jobs])
        start = batch["input_ids"].new_full((len(jobs), 1), _decoder_start(model))
        logits = model(**batch, decoder_input_ids=start).logits[:, -1]
    else:
        logits = last_logits(loaded, model, [job.prompt for job in jobs])
    values, tokens = logits.float().log_softmax(-1).topk(min(top, logits.shape[-1]))
    return [
        Result("", "length", 1, tuple(zip(_pieces(loaded, row), chances, strict=True)))
        for row, chances in zip(tokens.tolist(), values.tolist(), strict=True)
    ]


def _echo(loaded: Loaded, model: Any, jobs: Sequence[Job]) -> list[Result]:
    """The log-probability of each token of given continuations."""
    if loaded.is_seq2seq:
        batch = _padded(loaded, [job.prompt for job in jobs])
        targets = [(_decoder_start(model), *job.continuation) for job in jobs]
        width = max(map(len, targets))
        rows = [[*target, *[loaded.tokenizer.pad_token_id] * (width - len(target))] for target in targets]
        logits = model(**batch, decoder_input_ids=loaded.torch.tensor(rows, device=loaded.device)).logits
        begins = [1] * len(jobs)
    else:
        rows_ = _padded(loaded, [(*job.prompt, *job.continuation) for job in jobs])
        # Logits of a whole prompt would take gigabytes: one number for each of its tokens and each of the vocabulary.
        width = max(len(job.continuation) for job in jobs) + 1
        logits = model(**rows_, position_ids=_positions(rows_["attention_mask"]), logits_to_keep=width).logits
        begins = [logits.shape[1] - len(job.continuation) for job in jobs]
    results = []
    for row, (job, begin) in enumerate(zip(jobs, begins, strict=True)):
        chances = logits[row, begin - 1 : begin - 1 + len(job.continuation)].float().log_softmax(-1)
        wanted = loaded.torch.tensor(job.continuation, device=chances.device)
        values = chances.gather(1, wanted[:, None])[:, 0].tolist()
        results.append(
            Result("", "length", 0, tuple(zip(_pieces(loaded, job.continuation), values, strict=True)))
        )
    return results


def _generate(loaded: Loaded, model: Any, jobs: Sequence[Job]) -> list[Result]:
    batch = _padded(loaded, [job.prompt for job in jobs])
    asked = batch["input_ids"].shape[1]
    made = model.generate(
        **batch, generation_config=_generation(loaded, model, jobs[0]), **_stops(loaded, jobs[0])
    )
    replies = made[:, 1:] if loaded.is_seq2seq else made[:, asked:]
    return [_reply(loaded, model, job, row) for job, row in zip(jobs, replies.tolist(), strict=True)]


def _generation(loaded: Loaded, model: Any, job: Job) -> Any:
    """The sampling of a request alone: nothing of the model's own generation_config.json but its special tokens."""
    params, own = job.kind.params, model.generation_config
    temperature = params.temperature or 0.0
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature > 0:
        sampling = {"do_sample": True, "temperature": temperature, "top_p": params.top_p or 1.0, "top_k": 0}
    return loaded.transformers.GenerationConfig(
        max_new_tokens=params.max_tokens or 1024,
        eos_token_id=_ends(loaded, model),
        pad_token_id=loaded.tokenizer.pad_token_id,
        bos_token_id=own.bos_token_id,
        decoder_start_token_id=own.decoder_start_token_id,
        **sampling,
    )


def _stops(loaded: Loaded, job: Job) -> dict[str, Any]:
    stop = list(job.kind.params.stop)
    return {"stop_strings": stop, "tokenizer": loaded.tokenizer} if stop else {}


def _reply(loaded: Loaded, model: Any, job: Job, row: Sequence[int]) -> Result:
    ends, most = set(_ends(loaded, model)), job.kind.params.max_tokens or 1024
    length = next((place for place, token in enumerate(row) if token in ends), len(row))
    text = loaded.tokenizer.decode(row[:length], skip_special_tokens=True)
    cuts = [place for stop in job.kind.params.stop if (place := text.find(stop)) >= 0]
    is_cut = length >= most and not cuts and length == len(row)
    return Result(
        text[: min(cuts)] if cuts else text, "length" if is_cut else "stop", min(length + 1, len(row))
    )


def _ends(loaded: Loaded, model: Any) -> list[int]:
    own = model.generation_config.eos_token_id
    known = own if isinstance(own, list) else [own]
    return sorted({token for token in (*known, loaded.tokenizer.eos_token_id) if token is not None})


def _decoder_start(model: Any) -> int:
    own = model.generation_config.decoder_start_token_id
    return int(model.config.decoder_start_token_id if own is None else own)


def _padded(loaded: Loaded, rows: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Pad on the left, so that every row ends where its reply begins."""
    width = max(map(len, rows))
    pad = loaded.tokenizer.pad_token_id
    return {
        "input_ids": loaded.torch.tensor(
            [[*[pad] * (width - len(row)), *row] for row in rows], device=loaded.device
        ),
        "attention_mask": loaded.torch.tensor(
            [[0] * (width - len(row)) + [1] * len(row) for row in rows], device=loaded.device
        ),
    }


def _positions(mask: Any) -> Any:
    return (mask.cumsum(-1) - 1).clamp(min=0)


def _pieces(loaded: Loaded, tokens: Sequence[int]) -> list[str]:
    """The tokens as text, with the signs that tokenizers have for a space before them.

    Weights often have more rows than the tokenizer has tokens; such a row has its number for a name.
    """
    pieces = loaded.tokenizer.convert_ids_to_tokens(list(tokens))
    return [
        f"<{token}>" if piece is None else str(piece) for token, piece in zip(tokens, pieces, strict=True)
    ]

"""The shared beginning of prompts, computed once: few-shot prompts of a subject differ only in their last question."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from mmlubench.models.local.loading import Loaded
from mmlubench.models.local.parts import parts

#: A shorter beginning is not worth a pass of its own, in tokens.
_WORTH = 32


def last_logits(loaded: Loaded, model: Any, prompts: Sequence[Sequence[int]]) -> Any:
    """Return the logits after the last token of each prompt, of shape (prompts, vocabulary)."""
    shared = 0 if len(prompts) == 1 or _has_window(model) else _shared(prompts)
    if shared < _WORTH:
        shared = 0
    rests = [prompt[shared:] for prompt in prompts]
    beginning = _computed(loaded, model, prompts[0][:shared]) if shared else None
    rows: dict[int, Any] = {}
    for part in parts(loaded, [len(rest) for rest in rests]):
        found = _after(loaded, model, beginning, shared, [rests[place] for place in part])
        rows.update(zip(part, found, strict=True))
    return loaded.torch.stack([rows[place] for place in range(len(rests))])


def _after(loaded: Loaded, model: Any, beginning: Any, shared: int, rests: Sequence[Sequence[int]]) -> Any:
    """Return the logits after each rest of a prompt, of which the first `shared` tokens are computed already."""
    # Padded on the right: a gap between the beginning and the rest would be one more thing to mask.
    ids, mask = _right_padded(loaded, rests)
    last = mask.sum(-1) - 1
    whole = loaded.torch.cat([mask.new_ones((len(rests), shared)), mask], dim=1)
    cache = deepcopy(beginning)  # a pass adds its own tokens to the cache
    if cache is not None:
        cache.batch_repeat_interleave(len(rests))
    # The vocabulary is large, so logits are made only where some row ends.
    wanted = last.unique(sorted=True)
    logits = model(
        input_ids=ids,
        attention_mask=whole,
        position_ids=(whole.cumsum(-1) - 1)[:, shared:],
        logits_to_keep=wanted,
        use_cache=cache is not None,
        past_key_values=cache,
    ).logits
    return logits[
        loaded.torch.arange(len(last), device=logits.device), loaded.torch.searchsorted(wanted, last)
    ]


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """Return how many first tokens all prompts have in common; the last token of each is its own."""
    low, high = min(prompts, key=tuple), max(prompts, key=tuple)
    most = min(map(len, prompts)) - 1
    return next((place for place in range(most) if low[place] != high[place]), max(most, 0))


def _has_window(model: Any) -> bool:
    """Whether some layers see only the last tokens, whose caches cannot be shared as they stand."""
    config = model.config.get_text_config()
    return bool(getattr(config, "sliding_window", None))


def _computed(loaded: Loaded, model: Any, tokens: Sequence[int]) -> Any:
    ids = loaded.torch.tensor([list(tokens)], device=loaded.device)
    return model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values


def _right_padded(loaded: Loaded, rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    width, pad = max(map(len, rows)), loaded.tokenizer.pad_token_id
    ids = [[*row, *[pad] * (width - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return loaded.torch.tensor(ids, device=loaded.device), loaded.torch.tensor(mask, device=loaded.device)

"""The shared beginning of prompts, computed once: few-shot prompts of a subject differ only in their last question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmlubench.models.local.loading import Loaded

#: A shorter beginning is not worth a pass of its own, in tokens.
_WORTH = 32


def last_logits(loaded: Loaded, model: Any, prompts: Sequence[Sequence[int]]) -> Any:
    """Return the logits after the last token of each prompt, of shape (prompts, vocabulary)."""
    shared = 0 if len(prompts) == 1 or _has_window(model) else _shared(prompts)
    if shared < _WORTH:
        shared = 0
    # Padded on the right: a gap between the beginning and the rest would be one more thing to mask.
    ids, mask = _right_padded(loaded, [prompt[shared:] for prompt in prompts])
    last = mask.sum(-1) - 1
    whole = loaded.torch.cat([mask.new_ones((len(prompts), shared)), mask], dim=1)
    beginning = _computed(loaded, model, prompts[0][:shared], len(prompts)) if shared else None
    # The vocabulary is large, so logits are made only where some row ends.
    wanted = last.unique(sorted=True)
    logits = model(
        input_ids=ids,
        attention_mask=whole,
        position_ids=(whole.cumsum(-1) - 1)[:, shared:],
        logits_to_keep=wanted,
        use_cache=beginning is not None,
        past_key_values=beginning,
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


def _computed(loaded: Loaded, model: Any, tokens: Sequence[int], times: int) -> Any:
    ids = loaded.torch.tensor([list(tokens)], device=loaded.device)
    cache = model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
    cache.batch_repeat_interleave(times)
    return cache


def _right_padded(loaded: Loaded, rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    width, pad = max(map(len, rows)), loaded.tokenizer.pad_token_id
    ids = [[*row, *[pad] * (width - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return loaded.torch.tensor(ids, device=loaded.device), loaded.torch.tensor(mask, device=loaded.device)

"""The model that training begins with: what its files say, before any weight is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlubench import extras
from mmlubench.errors import ModelError
from mmlubench.hub import reach
from mmlubench.lab.finetune.config import FinetuneConfig
from mmlubench.models.local.loading import be_quiet, quiet

EXTRA = "finetune"


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model without its weights."""

    source: str
    """The absolute path of its folder, or its id on the hub."""
    architecture: Any
    """Its configuration, a `transformers.PretrainedConfig`."""
    tokenizer: Any
    """With a token for padding."""
    stops: frozenset[int]
    """The tokens at which generation ends."""


def read_base_model(config: FinetuneConfig) -> BaseModel:
    """Read configuration and tokenizer. Raises ModelError for what is missing, or does not go with the settings."""
    where = f"{config.source or config.name}: model {config.model}"
    transformers = extras.load("transformers", extra=EXTRA, wanted_by=where, error=ModelError)
    be_quiet(transformers)
    source, revision = source_of(config, where)
    try:
        with quiet():
            architecture = transformers.AutoConfig.from_pretrained(source, **revision)
    except Exception as error:  # whatever the library raises for what is no model
        raise ModelError(
            f"{where}: it is no folder with a config.json, and no model of the hub that can be read "
            f"({first_line(error)})."
        ) from error
    if problem := _unfit(config, architecture):
        raise ModelError(f"{where}: {problem}")
    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, **revision)
    except Exception as error:
        raise ModelError(f"{where}: its tokenizer cannot be read ({first_line(error)}).") from error
    _ensure_ends(tokenizer, config, where)
    return BaseModel(source, architecture, tokenizer, _stops(transformers, source, revision, tokenizer))


def source_of(config: FinetuneConfig, where: str) -> tuple[str, dict[str, Any]]:
    """Return what transformers loads the model from, and the revision as a keyword. Raises ModelError."""
    place = Path(config.model).expanduser()
    if (place / "adapter_config.json").is_file() and not (place / "config.json").is_file():
        raise ModelError(
            f"{where}: it is a folder with an adapter; name that of the model which the adapter is for."
        )
    if place.is_dir():
        return str(place.absolute()), {}
    if place.is_absolute() or config.model.startswith((".", "~")) or config.model.count("/") > 1:
        raise ModelError(
            f"{where}: there is no such folder; name a folder with a config.json, or an id of the hub."
        )
    reach(config.model, config.revision, where)
    return config.model, {} if config.revision is None else {"revision": config.revision}


def first_line(error: Exception) -> str:
    """Return the kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]:.200}"


def _unfit(config: FinetuneConfig, architecture: Any) -> str:
    kind = "seq2seq" if architecture.is_encoder_decoder else "causal"
    if kind != config.kind:
        return (
            f"it is of kind {kind} ({architecture.model_type}), and kind is {config.kind}; give kind: {kind}."
        )
    if kind == "seq2seq" and getattr(architecture, "decoder_start_token_id", None) is None:
        return "its config.json has no decoder_start_token_id, so the reply cannot begin; write it there."
    return ""


def _ensure_ends(tokenizer: Any, config: FinetuneConfig, where: str) -> None:
    """Give a decoder's tokenizer a pad token, as most have none; padding is masked, and never counts in the loss."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"{where}: its tokenizer has no end-of-sequence token, which ends a reply; name it as eos_token in its "
            "tokenizer_config.json."
        )
    if tokenizer.pad_token_id is not None:
        return
    if config.kind == "seq2seq":
        raise ModelError(
            f"{where}: its tokenizer has no pad token, with which the reply of such a model begins; "
            "take the tokenizer that belongs to the model."
        )
    tokenizer.pad_token = tokenizer.eos_token


def _stops(transformers: Any, source: str, revision: dict[str, Any], tokenizer: Any) -> frozenset[int]:
    try:
        with quiet():
            own = transformers.GenerationConfig.from_pretrained(source, **revision).eos_token_id
    except Exception:  # most base models have no generation_config.json
        own = None
    known = own if isinstance(own, list) else [own]
    return frozenset(token for token in (*known, tokenizer.eos_token_id) if token is not None)

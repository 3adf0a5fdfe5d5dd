"""Loading of weights: one copy for each model of a process, which the base and all its adapters share."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmlubench import extras
from mmlubench.errors import ModelError
from mmlubench.hub import reach
from mmlubench.models.adapters.fit import misfit
from mmlubench.models.adapters.folder import AdapterFolder
from mmlubench.models.local.options import LocalOptions

EXTRA = "local"


@dataclass
class Loaded:
    """A model with its tokenizer, on its device, and the packages that it was loaded with."""

    name: str
    torch: Any
    transformers: Any
    model: Any
    tokenizer: Any
    device: Any
    is_seq2seq: bool
    adapters: set[str] = field(default_factory=set)
    """The paths of the adapters that are loaded."""

    @contextmanager
    def using(self, adapter: str | None) -> Iterator[Any]:
        """A context with the model that has this adapter, or none. Raises ModelError if it cannot be loaded."""
        if adapter is None:
            with self.model.disable_adapter() if self.adapters else nullcontext():
                yield self.model
            return
        self._add(adapter)
        self.model.set_adapter(_key(adapter))
        yield self.model

    def _add(self, adapter: str) -> None:
        if adapter in self.adapters:
            return
        peft = extras.load("peft", extra=EXTRA, wanted_by=f"the adapter {adapter}", error=ModelError)
        if why := misfit(AdapterFolder(Path(adapter)), Path(self.name)):
            raise ModelError(f"the adapter {adapter} is none of {self.name}: {why}.")
        try:
            with quiet():
                if self.adapters:
                    self.model.load_adapter(adapter, adapter_name=_key(adapter))
                else:
                    self.model = peft.PeftModel.from_pretrained(
                        self.model, adapter, adapter_name=_key(adapter)
                    )
        except Exception as error:  # whatever peft and torch raise for files that do not fit
            raise ModelError(
                f"the adapter {adapter} cannot be put on {self.name} ({_first_line(error)}): "
                "name an adapter of this model."
            ) from error
        self.model.eval()
        self.adapters.add(adapter)


_loaded: dict[tuple[str, LocalOptions], Loaded] = {}


def load(name: str, options: LocalOptions) -> Loaded:
    """Return the model of a folder or hub id, loaded once for each process.

    Raises ModelError if it cannot be loaded, or if the packages of the extra `local` are missing.
    """
    key = (name, options)
    if key not in _loaded:
        _loaded[key] = _load(name, options)
    return _loaded[key]


def _load(name: str, options: LocalOptions) -> Loaded:
    wanted_by = f"--model transformers/{name}"
    torch = extras.load("torch", extra=EXTRA, wanted_by=wanted_by, error=ModelError)
    transformers = extras.load("transformers", extra=EXTRA, wanted_by=wanted_by, error=ModelError)
    be_quiet(transformers)
    place = Path(name).expanduser()
    is_folder = place.is_dir()
    if not is_folder and (place.is_absolute() or name.startswith((".", "~"))):
        raise ModelError(
            f"{wanted_by}: there is no such folder; name a folder with a config.json, or an id of the hub."
        )
    if is_folder and not (place / "config.json").is_file() and (place / "model" / "config.json").is_file():
        raise ModelError(f"{wanted_by}: the model lies in {place / 'model'}; name that folder.")
    if is_folder and not (place / "config.json").is_file() and (place / "adapter_config.json").is_file():
        raise ModelError(
            f"{wanted_by}: this is an adapter; give --model the model it is for, and --adapter {place}."
        )
    if not is_folder:
        reach(name, options.revision, wanted_by)
    source, device = str(place) if is_folder else name, _device(torch, options.device, wanted_by)
    common: dict[str, Any] = {} if is_folder or options.revision is None else {"revision": options.revision}
    try:
        config = transformers.AutoConfig.from_pretrained(source, **common)
        kind = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
        dtype = _dtype(torch, options.dtype, device)
        given = {**common, "dtype": dtype, **_quantised(torch, transformers, options, dtype, wanted_by)}
        with quiet():
            model = getattr(transformers, kind).from_pretrained(source, **given)
            tokenizer = transformers.AutoTokenizer.from_pretrained(source, **common)
    except ModelError:
        raise
    except Exception as error:  # whatever the libraries raise for folders that are no model
        raise ModelError(f"{wanted_by}: it cannot be loaded ({_first_line(error)}).") from error
    if not options.load_in_4bit:
        model.to(device)
    model.eval()
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Loaded(name, torch, transformers, model, tokenizer, device, bool(config.is_encoder_decoder))


def _device(torch: Any, wanted: str, wanted_by: str) -> Any:
    has_cuda = torch.cuda.is_available()
    if wanted == "auto":
        return torch.device("cuda" if has_cuda else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ModelError(
            f"{wanted_by}: local.device is {wanted!r}; it must be auto, cpu or cuda:N."
        ) from error
    if device.type == "cuda" and not has_cuda:
        raise ModelError(
            f"{wanted_by}: local.device is {wanted!r}, and torch finds no CUDA device here; use cpu."
        )
    return device


def _dtype(torch: Any, wanted: str, device: Any) -> Any:
    if wanted != "auto":
        return getattr(torch, wanted)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    # Processors without AVX512_BF16 take six times as long for bfloat16; with it, less than half, but letters can tie.
    return torch.float32


def _quantised(
    torch: Any, transformers: Any, options: LocalOptions, dtype: Any, wanted_by: str
) -> dict[str, Any]:
    if not options.load_in_4bit:
        return {}
    extras.load("bitsandbytes", extra=EXTRA, wanted_by=wanted_by, error=ModelError)
    config = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": config}


@contextmanager
def quiet() -> Iterator[None]:
    """A context in which the libraries neither print nor warn: users can do nothing about how they use one another."""
    with redirect_stdout(None), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def be_quiet(transformers: Any) -> None:
    """Keep progress bars and remarks of transformers and bitsandbytes out of pytest's output."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("bitsandbytes").setLevel(
        logging.ERROR
    )  # which peft imports, also for weights of 16 bits


def _key(adapter: str) -> str:
    """The name of an adapter within peft, which allows no dot."""
    return adapter.replace(".", "_")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]:.200}"

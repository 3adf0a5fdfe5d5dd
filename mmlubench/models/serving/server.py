"""A model server as it tells of itself, without a question and without cost: its kind, its version, its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from mmlubench.errors import ProviderError

#: The status that refuses a key.
NO_KEY = 401
_OK = 200


class Kind(str, Enum):
    """The software of a server, as it shows in its answers; the name in an entry of models.yaml may be another one."""

    VLLM = "vLLM"
    LLAMACPP = "llama.cpp"
    LMSTUDIO = "LM Studio"
    OLLAMA = "Ollama"
    OTHER = "unknown"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Listed:
    """A model, or an adapter, in a server's list."""

    id: str
    root: str = ""
    """Where its weights come from: a folder or a name of the hub; empty if the server does not say."""
    parent: str = ""
    """Of an adapter, the model that it changes."""
    max_model_len: int | None = None
    """The most tokens of prompt and reply together; None if the server does not say."""
    created: int | None = None
    """The Unix time that the server tells for it; vLLM tells the time of the look."""
    meta: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What llama.cpp tells of its weights."""


@dataclass(frozen=True)
class Server:
    """One server, as it was a moment ago."""

    kind: Kind = Kind.OTHER
    version: str = ""
    models: tuple[Listed, ...] | None = None
    """Its list of models; None if it has none at this address."""
    folder: str = ""
    """What is missing at the end of its address, if its list was found there: `/v1`."""
    status: int | None = None
    """The HTTP status of its list, or the 401 with which it refused the key; None if no list came in time."""
    said: str = ""
    """What it said with that status, if it is an error."""
    failure: ProviderError | None = None
    """Why it did not answer at all; None if it did, or if it was reached and was only slow."""
    is_healthy: bool | None = None
    """What its `/health` says; None if it has none."""
    has_lora: bool = False
    """Whether a vLLM says that it was started with --enable-lora; a list without adapters does not tell."""
    loras: tuple[str, ...] = ()
    """The files of a llama.cpp's adapters, in the order of their ids."""
    props: Mapping[str, Any] = field(default_factory=dict)
    """What llama.cpp tells of its model and its settings."""
    is_remembered: bool = False
    """Whether it is as an earlier run saw it, since this run has not reached it."""

    def listed(self, name: str) -> Listed | None:
        """Return the model of that name in the list."""
        return next((model for model in self.models or () if model.id == name), None)

    def window(self, name: str) -> int | None:
        """Return the most tokens of prompt and reply together of a model; None if the server does not say.

        llama.cpp tells what one request may have among its settings. A desktop server has one model, whatever it is
        called.
        """
        settings = self.props.get("default_generation_settings")
        slot = settings.get("n_ctx") if isinstance(settings, dict) else None
        if isinstance(slot, int) and slot > 0:
            return slot
        models = self.models or ()
        found = self.listed(name) or (models[0] if len(models) == 1 else None)
        return found.max_model_len if found is not None else None

    @property
    def is_ready(self) -> bool:
        """Whether it answered with its list of models in this run."""
        return self.status == _OK and self.is_healthy is not False and not self.is_remembered

    @property
    def refuses_key(self) -> bool:
        """Whether it takes no request with this key, or none without a key.

        A 403, or a key that may not see lists (`Missing scopes: api.model.read` of OpenAI), says nothing of questions.
        """
        return self.status == NO_KEY and "scope" not in self.said.lower()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, without `failure`."""
        values = asdict(self) | {"kind": self.kind.value}
        del values["failure"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Server:
        """Make the server from the dictionary of `to_dict`."""
        models = values["models"]
        listed = None if models is None else tuple(Listed(**model) for model in models)
        loras = tuple(values.get("loras", ()))
        return cls(**{**values, "kind": Kind(values["kind"]), "models": listed, "loras": loras})

"""The configuration of an experiment: a YAML file with eight keys, all required, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any, ClassVar

from mmlubench import yaml_file
from mmlubench.dialogues.dataset import read_dialogues
from mmlubench.dialogues.dialogue import Dialogue
from mmlubench.dialogues.metrics import EXTENDED, STANDARD
from mmlubench.errors import UserError
from mmlubench.resources import fixture
from mmlubench.schema import Params
from mmlubench.yaml_file import key

#: The only layout of log files so far.
LOG_SCHEMA = 1
#: The name in `output_fields` for all metadata of a reply.
ALL_METADATA = "metadata"

_FOLDER_NAME = key(
    "a name that a folder can have: up to 100 letters, digits, dots, hyphens and underscores, such as demo_run",
    lambda value: bool(re.fullmatch(r"\w(?:[\w.-]{0,98}\w)?", value, re.ASCII)),
)
_MODEL = key("the name of a model, such as claude-haiku-4-5", lambda value: bool(value.strip()))
# Written so that nan fails, too.
_TEMPERATURE = key("a number of at least 0", lambda value: 0 <= value < inf)
_DATASET = key("the path of a JSON file of dialogues, as seen from this file")
_LOG_SCHEMA = key(f"{LOG_SCHEMA}", lambda value: value == LOG_SCHEMA)
_FIELDS = key(
    f"a list with completion, and {ALL_METADATA} or names of single metadata fields",
    lambda value: "completion" in value and all(name.strip() for name in value),
)
_METRICS = key(
    f"a list, of {', '.join((*STANDARD, *EXTENDED))}",
    lambda value: set(value) <= {*STANDARD, *EXTENDED},
)


@dataclass(frozen=True)
class Experiment:
    """The data set, model and parameters of an experiment. Fields have the names of the keys."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = yaml_file.EXACT

    experiment_id: str = field(metadata=_FOLDER_NAME)
    model: str = field(metadata=_MODEL)
    max_tokens: int = field(metadata=yaml_file.at_least(1))
    temperature: float = field(metadata=_TEMPERATURE)
    dataset_path: Path = field(metadata=_DATASET)
    """An absolute path."""
    log_schema_version: int = field(metadata=_LOG_SCHEMA)
    output_fields: tuple[str, ...] = field(metadata=_FIELDS)
    metrics: tuple[str, ...] = field(metadata=_METRICS)
    config_path: Path
    """The absolute path of the configuration file."""

    @cached_property
    def dialogues(self) -> tuple[Dialogue, ...]:
        """The data set, in its order. Raises DataError."""
        return read_dialogues(self.dataset_path)

    def dialogue(self, dialogue_id: str) -> Dialogue:
        """Return the dialogue of this id. Raises KeyError."""
        return self._by_id[dialogue_id]

    @cached_property
    def _by_id(self) -> Mapping[str, Dialogue]:
        return {dialogue.dialogue_id: dialogue for dialogue in self.dialogues}

    @property
    def params(self) -> Params:
        """The sampling parameters. A model may not accept all of them."""
        return Params(temperature=self.temperature, max_tokens=self.max_tokens)

    def asked(self) -> dict[str, Any]:
        """Return the values that each line of the log of requests repeats."""
        return {"model": self.model, "temperature": self.temperature, "max_tokens": self.max_tokens}


def open_experiment(path: str | Path | None = None) -> Experiment:
    """Read a configuration and its data set; None for the packaged example. Raises UserError in one sentence."""
    experiment = read_config(Path(path) if path is not None else fixture("dialogues/example.yaml"))
    _ = experiment.dialogues
    return experiment


def read_config(path: Path, *, dataset: Path | None = None) -> Experiment:
    """Read a configuration; `dataset` overrides its data set. Raises UserError that names the file and the wrong key.

    A relative `dataset_path` is relative to the folder of the file, or, if nothing is there, to the working directory.
    """
    experiment = yaml_file.read(Experiment, path, UserError, config_path=path.absolute())
    return replace(
        experiment,
        model=experiment.model.strip(),
        dataset_path=dataset or _find(str(experiment.dataset_path), path),
    )


def _find(name: str, config: Path) -> Path:
    given = Path(name).expanduser()
    places = dict.fromkeys((config.absolute().parent / given, given.absolute()))
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        looked = " and ".join(str(place) for place in places)
        raise UserError(f"{config}: dataset_path {name!r} does not exist; looked for {looked}.")
    return found

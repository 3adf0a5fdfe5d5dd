"""The configurations of a data set on the hub: one, one for each subject, or one for each language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

#: One name; names, each of a subject; or what a language is called here, with the name of its configuration.
Config = str | tuple[str, ...] | dict[str, str]
LANGUAGE, SUBJECT = "language", "subject"


class Parts(NamedTuple):
    """What a `Spec` says of its configurations."""

    config: str
    """The only one; empty where there are parts."""
    parts: tuple[str, ...]
    """The subjects in alphabetical order, or the languages as they are listed."""
    are: str
    """`language` or `subject`; empty where there is one configuration."""
    configs: Mapping[str, str]
    """The configuration of each part that has another name."""


def parts_of(config: Config, are: str) -> Parts:
    """Return the parts of a data set; `are` says what those of a list are, if they are no subjects."""
    if isinstance(config, str):
        return Parts(config, (), "", {})
    if isinstance(config, dict):
        return Parts("", tuple(config), LANGUAGE, config)
    if are == LANGUAGE:
        return Parts("", config, LANGUAGE, {})
    return Parts("", tuple(sorted(config)), SUBJECT, {})

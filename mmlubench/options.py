"""Command-line options as fields of a frozen dataclass, whose metadata hold their help, types, bounds and choices.

`text`, `texts`, `whole`, `number`, `share` and `switch` declare a field; `options_of` reads them back as `Option`s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from math import inf
from types import MappingProxyType
from typing import Any, NamedTuple

from mmlubench.errors import UserError

_KINDS: Mapping[type, str] = MappingProxyType({int: "a whole number", float: "a number"})


class Option(NamedTuple):
    """One option: its name, allowed values and help.

    Two flags set the same value: `long_flag`, which no other pytest plugin has, and `flag`, which another may have.
    """

    name: str
    """The field that the option fills."""
    default: Any
    help: str
    metavar: str = ""
    """The name of the value in the help; empty for a switch, which has no value."""
    kind: type = str
    repeatable: bool = False
    least: float = -inf
    above: float = -inf
    most: float = inf
    choices: Callable[[], Sequence[str]] | None = None
    default_text: str = ""
    """What happens without the option, where that is no single value."""
    part: str = ""
    """The kind of part (of `registry.KINDS`) that the value names; empty for any other value."""

    @property
    def flag(self) -> str:
        """The short flag, such as `--run-dir`."""
        return "--" + self.name.replace("_", "-")

    @property
    def long_flag(self) -> str:
        """The flag that always works, such as `--mmlubench-run-dir`."""
        return "--mmlubench-" + self.name.replace("_", "-")

    @property
    def destination(self) -> str:
        """The attribute of the parsed command line that holds the value, None if the option was not given."""
        return "mmlubench_" + self.name

    @property
    def help_text(self) -> str:
        """The help, with the default if there is one."""
        has_default = self.default is not None and self.default is not False and self.default != ()
        default = str(self.default).removesuffix(".0") if has_default else self.default_text
        return f"{self.help} (default: {default})" if default else self.help

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for argparse besides the flags. Values stay text: `read` converts and checks them."""
        shape = {"metavar": self.metavar} if self.metavar else {}
        action = "append" if self.repeatable else "store" if self.metavar else "store_true"
        return {
            "action": action,
            "dest": self.destination,
            "default": None,
            "help": self.help_text,
            **shape,
        }

    def read(self, given: Any) -> Any:
        """Return the value of a parsed text, the default for None. Raises UserError for a value that is not allowed."""
        if given is None:
            return self.default
        if self.kind in _KINDS:
            return self._number(given)
        if given == "" or (
            self.repeatable and "" in given
        ):  # as from a variable of the shell that is not set
            raise UserError(f"{self.flag} is empty: give a value, or leave it out for the default.")
        for one in given if self.repeatable else (given,):
            if self.choices is not None and one not in self.choices():
                raise UserError(f"{self.flag} {one}: it must be one of {', '.join(self.choices())}.")
        return tuple(given) if self.repeatable else given

    def _number(self, given: str) -> float:
        try:
            value: float = self.kind(given)
        except ValueError:
            raise self._refusal(given, f"it must be {_KINDS[self.kind]}") from None
        if self.most < inf and not self.least <= value <= self.most:
            raise UserError(f"{self.flag} {given}: give a share from 0 to 1, such as 0.65.")
        if self.above > -inf and not self.above < value < inf:  # written so that nan fails, too
            raise self._refusal(given, f"it must be more than {self.above:g}")
        if self.least > -inf and not self.least <= value < inf:
            raise self._refusal(given, f"it must be at least {self.least:g}")
        return value

    def _refusal(self, given: str, rule: str) -> UserError:
        return UserError(f"{self.flag} {given}: {rule}; leave it out for the default.")


def options_of(settings: type) -> tuple[Option, ...]:
    """Return the options that the fields of a dataclass declare, in order."""
    return tuple(Option(f.name, f.default, **f.metadata) for f in fields(settings))


def text(
    help: str,
    metavar: str = "NAME",
    *,
    default: str | None = None,
    default_text: str = "",
    choices: Callable[[], Sequence[str]] | None = None,
    part: str = "",
) -> Any:
    """Declare an option whose value is any text, one of `choices` (called when a value is checked), or a `part`."""
    return _declare(
        default, help=help, metavar=metavar, default_text=default_text, choices=choices, part=part
    )


def texts(
    help: str,
    metavar: str = "NAME",
    *,
    default_text: str = "",
    choices: Callable[[], Sequence[str]] | None = None,
) -> Any:
    """Declare an option that may be repeated; its value is a tuple of texts, each one of `choices` if there are any."""
    return _declare(
        (),
        help=f"{help}; may be repeated",
        metavar=metavar,
        repeatable=True,
        default_text=default_text,
        choices=choices,
    )


def whole(help: str, *, default: int | None = None, least: float = -inf, default_text: str = "") -> Any:
    """Declare an option whose value is a whole number of at least `least`."""
    return _declare(default, help=help, metavar="N", kind=int, least=least, default_text=default_text)


def number(
    help: str,
    metavar: str = "X",
    *,
    default: float | None = None,
    least: float = -inf,
    above: float = -inf,
    default_text: str = "",
) -> Any:
    """Declare an option whose value is a finite number: at least `least`, or more than `above`."""
    return _declare(
        default,
        help=help,
        metavar=metavar,
        kind=float,
        least=least,
        above=above,
        default_text=default_text,
    )


def share(help: str, *, default: float | None = None) -> Any:
    """Declare an option whose value is a share from 0 to 1."""
    return _declare(default, help=help, metavar="X", kind=float, least=0, most=1)


def switch(help: str) -> Any:
    """Declare an option without a value."""
    return _declare(False, help=help)


def _declare(default: Any, **metadata: Any) -> Any:
    return field(default=default, metadata=metadata)

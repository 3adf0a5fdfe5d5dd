"""The names of the options on pytest's command line: `--mmlubench-NAME` always, `--NAME` where it is free.

Another plugin, or a conftest.py of the project, may define its own `--model` or `--seed`, and pytest does not start
if two plugins add the same name. So our short names are never added to pytest: each leads to its option only while
arguments are parsed, and only if no other plugin has the name by then.
"""

from __future__ import annotations

import re
from argparse import Action
from typing import TYPE_CHECKING, Any

import pytest

from mmlubench.plugin.private_pytest import actions_by_name
from mmlubench.settings import OPTIONS

if TYPE_CHECKING:
    from mmlubench.registry import Registry

#: How many names the notice lists at most.
_LISTED = 3


class OptionNames:
    """The options in one parser of pytest."""

    def __init__(self, parser: pytest.Parser) -> None:
        group = parser.getgroup(
            "mmlubench", "MMLU-family benchmarks (--NAME is also called --mmlubench-NAME)"
        )
        for option in OPTIONS:
            group.addoption(option.long_flag, **option.arguments())
        self._actions: dict[str, Action] = actions_by_name(parser)
        self.taken: tuple[str, ...] = ()
        """The short names that belong to another plugin, without their leading hyphens."""

    def lend(self) -> None:
        """Make every short name that is free lead to its option."""
        for option in OPTIONS:
            self._actions.setdefault(option.flag, self._actions[option.long_flag])

    def take_back(self) -> None:
        """Free the short names again for plugins that are loaded later."""
        for option in OPTIONS:
            if self._actions.get(option.flag) is self._actions[option.long_flag]:
                del self._actions[option.flag]

    def settle(self) -> None:
        """Assign the short names for good, once all plugins have added their options; the help shows these names."""
        self.lend()
        taken = [
            option for option in OPTIONS if self._actions[option.flag] is not self._actions[option.long_flag]
        ]
        self.taken = tuple(option.flag.lstrip("-") for option in taken)
        for option in OPTIONS:
            action = self._actions[option.long_flag]
            action.option_strings = [option.long_flag if option in taken else option.flag]
            action.help = self.spelled(option.help_text)

    def list_parts(self) -> None:
        """Name in the help all parts that can be named: ours and those of strangers."""
        for option in OPTIONS:
            if option.part:
                names = ", ".join(_part_names(option.part)).replace("%", "%%")  # argparse formats the text
                self._actions[option.long_flag].help = f"{self.spelled(option.help_text)}; known: {names}"

    def spelled(self, text: str) -> str:
        """Return a text for users in which every option has a name that works here."""
        if not self.taken:
            return text
        return re.sub(rf"(?<![\w-])--(?=({'|'.join(self.taken)})(?![\w-]))", "--mmlubench-", text)

    def notice(self) -> str:
        """Return one line on the short names that belong to another plugin; empty if none does."""
        if not self.taken:
            return ""
        if more := max(0, len(self.taken) - _LISTED):
            names = ", ".join(f"--{name}" for name in self.taken[:_LISTED])
            return f"mmlubench: {names} and {more} more belong to other plugins here: use --mmlubench-NAME for --NAME"
        names = " and ".join(f"--{name}" for name in self.taken)
        belong = "belongs" if len(self.taken) == 1 else "belong"
        return f"mmlubench: {names} {belong} to another plugin here: use {self.spelled(names)}"


def _part_names(kind: str) -> list[str]:
    # late: only `--help` needs them, and a pytest run without benchmarks must not pay for it
    from mmlubench.grading import EXTRACTIONS
    from mmlubench.prompts.library import RECIPES
    from mmlubench.solvers import SOLVERS

    registries: tuple[Registry[Any], ...] = (EXTRACTIONS, RECIPES, SOLVERS)
    return next(registry.names() for registry in registries if registry.kind == kind)


#: Where pytest's Config keeps them.
NAMES = pytest.StashKey[OptionNames]()


def usage_error(config: pytest.Config, problem: object) -> pytest.UsageError:
    """Return an error for the user's command line that gives options the names that work here."""
    return pytest.UsageError(config.stash[NAMES].spelled(str(problem)))

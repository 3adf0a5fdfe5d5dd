"""Options of pytest and its plugins that change which cases are run, or with which none can be run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from mmlubench.errors import UserError

if TYPE_CHECKING:
    from mmlubench.plugin.cases import Case

#: Options that may leave out cases, by the names of their values, with the options that belong to each.
_OF_A_PART = {
    "splits": ("group",),
    "num_shards": ("shard_id",),
    "lf": (),
    "stepwise": (),
    "picked": (),
    "testmon": (),
    "markexpr": (),
    "deselect": (),
}
#: Those whose flag is not their name.
_FLAGS = {"markexpr": "-m", "stepwise": "--sw"}


def of_a_part(config: pytest.Config) -> str:
    """Return the options that run only a part of the tests, as they were given; empty if there are none."""
    given = []
    for name, others in _OF_A_PART.items():
        value = getattr(config.option, name, None)
        if value is True or (value and value != 1):  # one shard is no part
            given += [_spelled(config, one) for one in (name, *others)]
    return " ".join(given)


def check(config: pytest.Config, cases: Iterable[Case]) -> None:
    """Raise UserError for an option or a mark of another plugin with which no case can be run."""
    option = config.option
    templates = dict.fromkeys(case.template for case in cases)
    if getattr(option, "forked", False) or any(t.item.get_closest_marker("forked") for t in templates):
        raise UserError(
            "--forked runs each test in a process of its own, which cannot ask a model ahead: leave it out, "
            "or use -n 4 for several processes."
        )
    if getattr(option, "disable_socket", False) and not getattr(option, "force_enable_socket", False):
        raise UserError(
            "--disable-socket lets no test open a connection, so no model can be asked: leave it out, "
            "or add --force-enable-socket."
        )


def _spelled(config: pytest.Config, name: str) -> str:
    value = getattr(config.option, name, None)
    flag = _FLAGS.get(name, "--" + name.replace("_", "-"))
    if value is True or isinstance(value, list):
        return flag
    return f"{flag} {value!r}" if isinstance(value, str) else f"{flag} {value}"

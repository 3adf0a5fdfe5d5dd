"""Overrides: a user's own fixtures `solver` and `model`, which a test gets instead of ours.

pytest lets a conftest, module, class or `parametrize` override a fixture, and lets the overriding fixture request the
overridden one. So the fixtures show whether the models of --model and the solver of the options are asked at all.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from mmlubench.errors import UserError
from mmlubench.plugin import private_pytest
from mmlubench.settings import Settings

#: The parameter by which a collected test is multiplied into cases, and its placeholder in the id until then.
CASE, PLACEHOLDER = "_mmlubench_case", "?"
#: The fixtures that may be overridden.
OVERRIDABLE = ("solver", "model")
#: The module that defines our fixtures.
_HOME = "mmlubench.plugin"
#: The options that have an effect on the solver of the options only.
_OF_THE_SOLVER = (
    *("solver", "recipe", "prompt", "system", "shots", "scoring", "constrained", "extraction"),
    *("agents", "rounds", "agent_model", "initial_prompt", "collaborative_prompt"),
    *("temperature", "max_tokens"),
)
#: Options that have no effect on a test that asks a model without any solver, besides those above.
_OF_ANY_SOLVER = (
    *("epochs", "epochs_reducer", "shuffle_choices"),
    *("data", "allow_partial_data", "redux", "language"),
)
#: Options that have no effect without questions.
_OF_QUESTIONS = (
    *("subject", "category", "limit", "dedup", "max_question_tokens"),
    *("min_accuracy", "max_error_rate", "max_unparsed_rate"),
)
#: Options that only the models of --model heed.
_OF_THE_MODEL = ("adapter", "max_cost", "request_timeout", "give_up_after", "refresh")


@dataclass(frozen=True)
class Overrides:
    """A test's own `solver` and `model`: the place of each fixture, such as `conftest.py`; empty for ours."""

    solver: str = ""
    model: str = ""
    variant: str = ""
    """What may build a different solver from the same fixture: the test's class, the ids of its parameters."""
    uses_model: bool = True
    """Whether a model of --model is asked, as a user's fixture may request ours."""
    uses_solver: bool = True
    """Whether the solver of the options is asked, as a user's fixture may request ours."""

    @property
    def name(self) -> str:
        """The name in figures, such as `own solver (conftest.py)`; empty if the test uses our fixtures."""
        owned = (("solver", self.solver), ("model", self.model))
        named = (
            f"own {what} ({', '.join(filter(None, (where, self.variant)))})" for what, where in owned if where
        )
        return ", ".join(named)

    @property
    def asks_itself(self) -> bool:
        """Whether the test asks the model of --model itself, without any solver, and judges the reply."""
        return not (self.name or self.uses_solver)

    def notice(self, test: str, recipe: str) -> str:
        """Return a line that is shown once for a test with its own fixtures; empty if it uses ours."""
        if not self.name:
            return ""
        asks = f"mmlubench: {test} asks the {self.name.replace('own ', 'fixture ')}"
        if not self.uses_solver:
            asks += f" in place of recipe {recipe}"
        if self.uses_model:
            return asks
        if self.solver:
            return (
                f"{asks}; it does not use our `model`, so its requests are neither limited, logged nor stored"
            )
        return f"{asks} in place of --model; its requests are logged, but neither limited nor stored"


def read_overrides(item: pytest.Function) -> Overrides:
    """Return the overrides of a test. Raises UserError for a fixture that cannot work."""
    _check(item)
    own = {name: _own(item, name) for name in OVERRIDABLE}
    reached = _ours_reached(item)
    if not any(own.values()):
        return Overrides(uses_solver="solver" in reached)
    parts = [*_classes(item, own), *(part for part in private_pytest.id_parts(item) if part != PLACEHOLDER)]
    uses_solver = "solver" in reached
    return Overrides(
        solver=own["solver"],
        model=own["model"],
        variant="-".join(parts),
        uses_model="model" in reached or (uses_solver and not own["model"]),
        uses_solver=uses_solver,
    )


def request_own_model(item: pytest.Function) -> None:
    """Make a test set up the user's `model` if our solver asks it, since our solver fixture does not request it."""
    if "model" in private_pytest.fixture_names(item) or "solver" not in _ours_reached(item):
        return
    if _is_own(_last(private_pytest.visible_definitions(item, "model"))):
        private_pytest.add_fixture(item, "model")


def check_options(settings: Settings, all_overrides: Iterable[Overrides], *, has_questions: bool) -> None:
    """Raise UserError for an option without effect on every selected test.

    The tests may have a solver or model of their own, or ask the model without a solver, as dialogues do.
    `has_questions` says whether any of them has a question.
    """
    seen = list(all_overrides)
    if not seen:
        return
    name = next((overrides.name for overrides in seen if overrides.name), "")
    uses_model = any(overrides.uses_model for overrides in seen)
    uses_solver = any(overrides.uses_solver for overrides in seen)
    if not uses_model:
        if settings.model:
            raise _unheeded(f"model {settings.model[0]}", name, "model")
        _refuse(settings, _OF_THE_MODEL, name, "model")
    if uses_solver:
        _check_model_options(settings, seen)
    else:
        _refuse(settings, _OF_THE_SOLVER, name, "solver")
    if all(overrides.asks_itself for overrides in seen):
        _refuse(settings, _OF_ANY_SOLVER, name, "solver")
    if not has_questions:
        for option in _given(settings, _OF_QUESTIONS):
            raise UserError(
                f"--{option} has no effect on tests without questions, which are not graded: leave it out."
            )


def _refuse(settings: Settings, options: Iterable[str], name: str, ours: str) -> None:
    for option in _given(settings, options):
        raise _unheeded(option, name, ours)


def _given(settings: Settings, options: Iterable[str]) -> Iterator[str]:
    """Yield those of the options whose value is not their default."""
    changed = (option for option in options if getattr(settings, option) != getattr(Settings, option))
    return (option.replace("_", "-") for option in changed)


def _unheeded(option: str, name: str, ours: str) -> UserError:
    if not name:
        return UserError(
            f"--{option} has no effect on a test that asks the `model` itself, as dialogues do: leave it out."
        )
    return UserError(
        f"--{option} has no effect on the {name}, which does not request our `{ours}`: "
        f"leave the option out, or take `{ours}` as an argument of the fixture."
    )


def _check_model_options(settings: Settings, seen: Iterable[Overrides]) -> None:
    for overrides in seen:
        if not overrides.model:
            continue
        if settings.agent_model:
            raise UserError(
                f"--agent-model has no effect with the {overrides.name}, which all agents ask: leave the option out."
            )
        if not overrides.uses_model and settings.scoring not in (None, "text"):
            raise UserError(
                f"--scoring {settings.scoring} needs a server whose abilities are known, and those of the "
                f"{overrides.name} are not: leave the option out."
            )


def _check(item: pytest.Function) -> None:
    test = item.nodeid.partition("[")[0]
    question = _last(private_pytest.definitions(item, "question"))
    if item.get_closest_marker("questions") and question is not None and _is_own(question):
        raise UserError(
            f"{test}: the mark questions gives the test its `question`, and {_where(item, question)} defines another "
            "one: give that fixture or parameter another name."
        )
    for name in OVERRIDABLE:
        for definition in private_pytest.definitions(item, name):
            if inspect.iscoroutinefunction(definition.func) or inspect.isasyncgenfunction(definition.func):
                raise UserError(
                    f"{test}: the fixture `{name}` of {_where(item, definition)} is async, and would run on another "
                    "event loop than the cases: write it as a plain `def`, and open connections when it is first asked."
                )


def _own(item: pytest.Function, name: str) -> str:
    definition = _last(private_pytest.definitions(item, name))
    return _where(item, definition) if definition is not None and _is_own(definition) else ""


def _classes(item: pytest.Function, own: Mapping[str, str]) -> list[str]:
    """Return the test's class if a fixture from outside is made for each class anew: it may read `request.cls`."""
    if item.cls is None:
        return []
    name = item.cls.__name__
    from_outside = (fixture for fixture, where in own.items() if where and not where.endswith(f"::{name}"))
    defined = (_last(private_pytest.definitions(item, fixture)) for fixture in from_outside)
    return [name] if any(one is not None and one.scope == "class" for one in defined) else []


def _last(definitions: Any) -> private_pytest.FixtureDef[Any] | None:
    return definitions[-1] if definitions else None


def _is_own(definition: private_pytest.FixtureDef[Any] | None) -> bool:
    return definition is not None and getattr(definition.func, "__module__", "") != _HOME


def _where(item: pytest.Function, definition: private_pytest.FixtureDef[Any]) -> str:
    """Return the file of a fixture, relative to the root, and its class; for a plugin's fixture the plugin's module."""
    if private_pytest.is_direct_parameter(definition):
        return item.nodeid.partition("[")[0]
    function = inspect.unwrap(definition.func)
    try:
        path = inspect.getfile(function)
    except TypeError:  # an object that is called
        return str(getattr(function, "__module__", "") or type(function).__module__)
    outer = getattr(function, "__qualname__", "").rpartition(".")[0]
    if _inherits(item, outer):  # it may read what differs from class to class
        return item.nodeid.partition("[")[0].rpartition("::")[0]
    root = str(item.config.rootpath) + os.sep
    known = path.startswith(root) and "site-packages" not in path
    file = path.removeprefix(root) if known else str(function.__module__)
    return "::".join(filter(None, (file, "" if "<locals>" in outer else outer)))


def _inherits(item: pytest.Function, outer: str) -> bool:
    """Whether the test's class has its fixtures from another class, the one of this name."""
    bases = item.cls.__mro__[1:] if item.cls else ()
    return any(base.__qualname__ == outer for base in bases)


def _ours_reached(item: pytest.Function) -> set[str]:
    """Return which of our fixtures the test uses, directly or through the user's fixtures.

    In pytest a fixture that requests its own name gets the fixture that it overrides, so the walk from the test down
    counts how often it has met each name.
    """
    reached: set[str] = set()
    seen: set[tuple[int, tuple[tuple[str, int], ...]]] = set()

    def visit(name: str, met: dict[str, int]) -> None:
        defined = private_pytest.definitions(item, name)
        depth = met.get(name, 0)
        if depth >= len(defined):
            return
        definition = defined[-1 - depth]
        if name in OVERRIDABLE and not _is_own(definition):
            reached.add(name)
        if len(defined) > 1:
            met = {**met, name: depth + 1}
        key = (id(definition), tuple(sorted(met.items())))
        if key not in seen:
            seen.add(key)
            for argument in definition.argnames:
                visit(argument, met)

    for name in private_pytest.requested_names(item):
        visit(name, {})
    return reached

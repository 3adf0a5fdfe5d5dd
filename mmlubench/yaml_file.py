"""The reader of YAML files that people write: into plain values, which are validated into a dataclass.

The fields of the dataclass are the keys, their types say which values are allowed, and `key` adds rules that types
cannot express. An error is one sentence that names the file, the line or key, and what to write there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from mmlubench.errors import UserError, close_to, short
from mmlubench.inputs import load_yaml

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

T = TypeVar("T")

#: A `__pydantic_config__` for dataclasses: unknown keys are refused; a number may be written in quotes.
KNOWN_KEYS: Mapping[str, object] = {"extra": "forbid"}
#: The same without conversion of values to another type: neither "5" nor true is a whole number.
EXACT: Mapping[str, object] = {"extra": "forbid", "strict": True}

_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list of texts",
    dict: "keys and values",
}


def key(expected: str, is_right: Callable[[Any], bool] = lambda value: True) -> Mapping[str, Any]:
    """Make the metadata of a dataclass's field: the allowed values in words, and a test of a typed value.

    The words are the end of an error message: `… is 0: give EXPECTED.`
    """
    return {"expected": expected, "is_right": is_right}


def at_least(bound: int, kind: Literal["a whole number", "a number"] = "a whole number") -> Mapping[str, Any]:
    """Make the metadata of a field that holds a number of at least `bound`."""
    return key(f"{kind} of at least {bound}", lambda value: value >= bound)


#: The metadata of a field that holds a text.
TEXT = key("text that is not empty", lambda value: bool(value.strip()))


def read(kind: type[T], path: Path, error: type[UserError], /, **ours: object) -> T:
    """Read a YAML file into a dataclass. Raises `error`, as `load` and `check` do."""
    return check(kind, load(path, error), path, error, **ours)


def load(path: Path, error: type[UserError]) -> Any:
    """Return the content of a YAML file as plain values. Raises `error` for a file that cannot be read."""
    import yaml  # late: only runs that ask a model need it

    try:
        return load_yaml(path)
    except OSError as problem:
        why = problem.strerror or problem
        raise error.at(path, f"cannot be read ({why}); give the path of a YAML file.") from None
    except UnicodeDecodeError:
        raise error.at(path, "not UTF-8 text; save it as UTF-8.") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        why = " ".join(str(getattr(problem, "problem", None) or problem).split())
        if mark is None:
            raise error.at(path, f"not valid YAML ({why}).") from None
        where = f"{path}, line {mark.line + 1}"
        advice = (
            "" if isinstance(problem, yaml.constructor.ConstructorError) else "; check indentation and quotes"
        )
        raise error.at(where, f"not valid YAML ({why}){advice}.") from None


def check(kind: type[T], values: object, where: object, error: type[UserError], /, **ours: object) -> T:
    """Make a dataclass of values from YAML; `ours` are the values of fields that are no keys.

    A key without a value counts as not given. Raises `error`, which begins with `where`, for the first wrong value, or
    before that for an unknown key.
    """
    import json  # late, as pydantic is: a run that reads no file must not pay for it

    from pydantic import ValidationError  # late: it takes longer to import than all of this package

    given = _given(kind, values)
    if isinstance(given, dict):
        if taken := [name for name in given if name in ours]:
            raise error.at(where, _unknown(kind, taken, ours))
        given = {**given, **ours}
    try:
        # Validated as JSON, which has the types that people mean: lists but no tuples; a date of YAML is a text.
        made: T = _adapter(kind).validate_json(json.dumps(given, default=str))  # type: ignore[arg-type]  # is hashable
    except ValidationError as problem:
        raise error.at(where, _sentence(kind, given, problem.errors(include_url=False), ours)) from None
    for path, field, value in _fields(made, given):
        if "is_right" in field.metadata and not field.metadata["is_right"](value):
            raise error.at(where, f"{_wrong(kind, given, path)}.")
    return made


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@cache
def _hints(kind: object) -> Mapping[str, Any]:
    """Return the types of a dataclass's fields; nothing for any other type."""
    return get_type_hints(kind) if is_dataclass(kind) else {}


def _inner(kind: object, name: str) -> object:
    """Return the type of a field; for an optional dataclass (`Price | None`) the dataclass."""
    hint = _hints(kind).get(name)
    return next((part for part in get_args(hint) if is_dataclass(part)), hint)


def _given(kind: object, values: object) -> Any:
    """Return the values with all keys as texts, without keys of dataclasses that have no value."""
    if isinstance(values, list):
        return [_given(None, value) for value in values]
    if not isinstance(values, dict):
        return values
    return {
        str(name): _given(_inner(kind, str(name)), value)
        for name, value in values.items()
        if value is not None or not is_dataclass(kind)
    }


def _fields(
    made: Any, given: Mapping[str, Any], path: Sequence[str] = ()
) -> Iterator[tuple[Sequence[str], Field[Any], Any]]:
    """Yield the keys, field and value of each given field, including those of nested dataclasses."""
    for field in fields(made):
        if field.name in given:
            value, here = getattr(made, field.name), (*path, field.name)
            yield here, field, value
            if is_dataclass(value):
                yield from _fields(value, given[field.name], here)


def _sentence(kind: object, given: Any, found: Sequence[ErrorDetails], ours: Collection[str]) -> str:
    """Return a sentence for the first error that pydantic found."""
    first = min(found, key=lambda one: one["type"] != "unexpected_keyword_argument")
    path = _path(kind, first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return _unknown(kind, path, ours)
    if not path:
        if first["type"] == "json_invalid":
            return (
                r"it is nested too deeply, or holds an escape that is no complete character, such as \ud800."
            )
        shown = "nothing" if given is None else short(given)
        return f"expected the keys {', '.join(_names(kind, ours))}, and found {shown}."
    missing = [
        ".".join(_path(kind, one["loc"])) for one in found if one["type"] == "missing" and one is not first
    ]
    more = f"; also missing: {', '.join(missing)}" if missing and first["type"] == "missing" else ""
    return f"{_wrong(kind, given, path)}{more}."


def _path(kind: object, loc: Sequence[str | int]) -> list[str]:
    """Return the keys that lead to a value, without the branches of unions and positions in lists of pydantic."""
    path: list[str] = []
    for part in loc:
        if not is_dataclass(kind):
            break
        path.append(str(part))
        kind = _inner(kind, str(part))
    return path


def _wrong(kind: object, given: Any, path: Sequence[str]) -> str:
    """Return a sentence for a missing or wrong value, without its full stop."""
    for name in path[:-1]:
        kind, given = _inner(kind, name), given[name]
    field = next(one for one in fields(kind) if one.name == path[-1])  # type: ignore[arg-type]  # a dataclass
    expected = field.metadata.get("expected") or _in_words(_hints(kind)[path[-1]])
    found = short(given[path[-1]]) if path[-1] in given else "missing"
    return f"{'.'.join(path)} is {found}: give {expected}"


def _unknown(kind: object, path: Sequence[str], ours: Collection[str]) -> str:
    for name in path[:-1]:
        kind = _inner(kind, name)
    allowed = _names(kind, ours)
    return f"unknown key {'.'.join(path)!r}; allowed here: {', '.join(allowed)}{close_to(path[-1], allowed) or '.'}"


def _names(kind: object, ours: Collection[str]) -> list[str]:
    return [field.name for field in fields(kind) if field.name not in ours]  # type: ignore[arg-type]  # a dataclass


def _in_words(hint: Any) -> str:
    """Return a type in words, such as `a text or true or false`."""
    parts = [part for part in get_args(hint) if part is not NoneType]
    if get_origin(hint) is Literal:
        return f"one of {', '.join(parts)}"
    for kind in (hint, get_origin(hint)):
        if kind in _WORDS:
            return _WORDS[kind]
    return " or ".join(map(_in_words, parts)) or _WORDS[dict]  # a dataclass

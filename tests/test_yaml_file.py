"""What people write by hand is read as it is meant, and whatever is wrong is one sentence with a way out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench import inputs
from mmlubench.errors import DataError, ModelError, UserError
from mmlubench.yaml_file import EXACT, KNOWN_KEYS, TEXT, at_least, check, key, load, read


@dataclass(frozen=True)
class Inner:
    __pydantic_config__: ClassVar[Mapping[str, object]] = EXACT

    size: int = field(metadata=at_least(1))
    note: str = ""


@dataclass(frozen=True)
class Outer:
    __pydantic_config__: ClassVar[Mapping[str, object]] = EXACT

    name: str = field(metadata=TEXT)
    file: Path
    inner: Inner
    share: float | None = field(default=None, metadata=at_least(0, "a number"))
    names: tuple[str, ...] = ()
    column: str | tuple[str, ...] = "x"
    kind: Literal["red", "blue"] = "red"
    switch: bool | str | None = None
    even: int = field(default=0, metadata=key("an even number", lambda value: value % 2 == 0))
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lax:
    __pydantic_config__: ClassVar[Mapping[str, object]] = KNOWN_KEYS

    price: float


ESCAPE = r"an escape that is no complete character, such as \ud800"
RIGHT = {"name": "a", "inner": {"size": 2}}


def refusal(values: object) -> str:
    with pytest.raises(UserError) as caught:
        check(Outer, values, "my.yaml", UserError, file=Path("f"))
    said = str(caught.value)
    assert said.startswith("my.yaml: ")
    assert "\n" not in said
    return said.removeprefix("my.yaml: ")


def test_a_file_becomes_a_dataclass_with_tuples_and_what_the_program_adds(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "name: ä\ninner: {size: 2, note: }\nshare: 1\nnames: [b, c]\ncolumn: [d]\nmore: {on: 1, day: 2026-01-02}"
    )
    made = read(Outer, path, UserError, file=path)
    assert made == Outer("ä", path, Inner(2), 1.0, ("b", "c"), ("d",), more={"True": 1, "day": "2026-01-02"})


def test_a_number_in_quotes_is_one_only_where_that_is_allowed() -> None:
    # To YAML, 1e-7 is a text: prices are written so.
    assert check(Lax, {"price": "1e-7"}, "x", UserError) == Lax(1e-7)
    assert refusal({**RIGHT, "share": "1e-7"}) == "share is '1e-7': give a number of at least 0."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": None}, "name is missing: give text that is not empty."),
        ({"name": " "}, "name is ' ': give text that is not empty."),
        ({"name": "x" * 99}, None),
        ({"inner": None}, "inner is missing: give keys and values."),
        ({"inner": 3}, "inner is 3: give keys and values."),
        ({"inner": {}}, "inner.size is missing: give a whole number of at least 1."),
        ({"inner": {"size": 0}}, "inner.size is 0: give a whole number of at least 1."),
        ({"inner": {"size": True}}, "inner.size is True: give a whole number of at least 1."),
        (
            {"inner": {"size": 1, "sise": 1}},
            "unknown key 'inner.sise'; allowed here: size, note; did you mean 'size'?",
        ),
        ({"names": "b"}, "names is 'b': give a list of texts."),
        ({"names": ["b", 3]}, "names is ['b', 3]: give a list of texts."),
        ({"column": 3}, "column is 3: give a text or a list of texts."),
        ({"kind": "green"}, "kind is 'green': give one of red, blue."),
        ({"switch": 3}, "switch is 3: give true or false or a text."),
        ({"even": 3}, "even is 3: give an even number."),
        ({"share": float("nan")}, "share is nan: give a number of at least 0."),
        ({"more": [1]}, "more is [1]: give keys and values."),
        ({"even": "x" * 999}, f"even is '{'x' * 27}...{'x' * 28}': give an even number."),
        ({"name": "\ud800"}, rf"it is nested too deeply, or holds {ESCAPE}."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_key_is_one_sentence(change: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert check(Outer, RIGHT | change, "my.yaml", UserError, file=Path("f")).name == change["name"]
    else:
        assert refusal(RIGHT | change) == said


def test_a_misspelt_key_goes_before_what_is_missing_for_it() -> None:
    assert refusal({"nam": "a"}).startswith("unknown key 'nam'; allowed here: name, inner, share, ")
    assert refusal({}) == "name is missing: give text that is not empty; also missing: inner."


def test_a_key_that_is_no_text_is_one_inside_a_list_too() -> None:
    # YAML reads 2026-01-02 as a date, which JSON has no key for: the user would see a traceback.
    rows = [{date(2026, 1, 2): {"a": [{3: 4}]}}]
    made = check(Outer, {**RIGHT, "more": {"rows": rows}}, "my.yaml", UserError, file=Path("f"))
    assert made.more == {"rows": [{"2026-01-02": {"a": [{"3": 4}]}}]}
    assert refusal({**RIGHT, "names": [{date(2026, 1, 2): 1}]}).startswith("names is [{")


def test_a_field_that_the_program_sets_is_no_key() -> None:
    assert refusal({**RIGHT, "file": "b"}).startswith("unknown key 'file'; allowed here: name, inner, ")


@pytest.mark.parametrize(("values", "found"), [(None, "nothing"), ([1], "[1]"), ("text", "'text'")])
def test_what_has_no_keys_is_told_which_there_are(values: object, found: str) -> None:
    assert refusal(values).startswith("expected the keys name, inner, share, ")
    assert refusal(values).endswith(f", and found {found}.")


@pytest.mark.parametrize("error", [UserError, ModelError, DataError])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [", ", line 1: not valid YAML ("),
        (b"a: b\nc: d: e\n", ", line 2: not valid YAML (mapping values are not allowed here); check indentation and"),
        (b"a: !!python/name:os.system x", ", line 1: not valid YAML (could not determine a constructor for"),
        (b"a: \x00", ": not valid YAML ("),
        (b"a: \xff", ": not UTF-8 text; save it as UTF-8."),
        (b"[" * 9_999, ": not valid YAML (it is nested too deeply)."),
        (b"a: 1\nb: " + b"9" * 500_000, ", line 2: not valid YAML (a number has 500,000 characters; put it in quotes"),
        (b"b: 0x" + b"f" * 5_000, ", line 1: not valid YAML (a number has 5,002 characters; put it in quotes if it is"),
        (b"b: 1" + b":59" * 5_000, ", line 1: not valid YAML (a number has 15,001 characters; put it in quotes if it"),
        (b"b: 1.0e+" + b"9" * 400, ", line 1: not valid YAML (a number has 405 characters; put it in quotes if it is"),
        (b"day: 2024-13-45", ": not valid YAML (a value cannot be read: month must be in 1..12)."),
        (b"day: 2024-02-30 12:00:00", ": not valid YAML (a value cannot be read: day is out of range for month)."),
        (b"a: 1\nb: 2\na: 3", ", line 3: not valid YAML (the key 'a' is there twice: leave one of them out)."),
        (b"x:\n  - {a: 1, 'a': 2}", ", line 2: not valid YAML (the key 'a' is there twice: leave one of them out)."),
        (b"a: &a [*a]", ": not valid YAML (with its aliases it stands for more than 100,000 values)."),
        (b"\xff\xfea\x00:\x00 \x00b\x00", ": not UTF-8 text; save it as UTF-8."),
        (b"#" * 1_000_001, ": cannot be read (it has 1.0 MB, and at most 1 MB are read); give the path of"),
        (None, ": cannot be read (No such file or directory); give the path of a YAML file."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_sentence_of_the_callers_error(
    error: type[UserError], content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as caught:
        load(path, error)
    assert str(caught.value).startswith(f"{path}{said}")
    assert "\n" not in str(caught.value)
    assert type(caught.value) is error


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
YAML = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.dates(), inner),
    max_leaves=8,
)


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(["name", "inner", "names", "column", "more", "kind", "z"]), YAML) | YAML
)
def test_whatever_yaml_gives_is_taken_or_refused_in_one_sentence(values: object) -> None:
    said = "my.yaml: taken."
    try:
        check(Outer, values, "my.yaml", UserError, file=Path("f"))
    except UserError as error:
        said = str(error)
    assert said.startswith("my.yaml: ")
    assert said.endswith((".", "?"))


def test_pydantic_and_yaml_are_not_imported_before_a_file_is_read() -> None:
    code = "import mmlubench.yaml_file, sys; print(*{'pydantic', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_what_looks_like_a_mistake_but_is_none_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(
        b"\xef\xbb\xbfa: &a {x: 1}\r\nb:\r\n  <<: *a\r\n  <<: {z: 2}\r\n  x: 3\r\n'1': a\r\n1: '"
        + b"9" * 99
        + b"'"
    )
    assert load(path, UserError) == {"a": {"x": 1}, "b": {"x": 3, "z": 2}, "1": "a", 1: "9" * 99}


def test_a_pipe_is_read_and_one_into_which_nobody_writes_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("a: 1\n" + "# more\n" * 20_000))
    writer.start()
    assert load(path, UserError) == {"a": 1}
    writer.join()
    monkeypatch.setattr(inputs, "_PIPE_S", 0.1)
    with pytest.raises(
        UserError, match=r"cannot be read \(it is a pipe, and nothing was written into it for 0\.1 s\)"
    ):
        load(path, UserError)

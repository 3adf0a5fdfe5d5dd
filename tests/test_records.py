"""What files say of themselves: version, kind, and the manifest of a run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import DataError
from mmlubench.records import SCHEMA_VERSION, Manifest, check_kind, check_version

texts = st.text(max_size=8)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, plain, max_size=3)
manifests = st.builds(
    Manifest,
    run_id=texts,
    created=texts,
    command=st.lists(texts, max_size=3).map(tuple),
    cwd=texts,
    store=st.none() | texts,
    settings=objects,
    models=st.dictionaries(texts, objects, max_size=2),
    agents=st.lists(objects, max_size=2).map(tuple),
    recipe=objects,
    data=objects,
    workers=st.integers(1, 64),
    git_commit=st.none() | texts,
    python=texts,
    platform=texts,
    packages=st.dictionaries(texts, texts, max_size=2),
    facts=st.fixed_dictionaries({"solver": texts, "roles": st.lists(objects, max_size=2)}),
)


@given(manifests)
def test_a_manifest_survives_its_file(manifest: Manifest) -> None:
    assert Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))) == manifest


def test_a_manifest_says_of_which_form_it_is_and_keeps_facts_among_its_keys() -> None:
    told = Manifest("r1", facts={"solver": "debate"}).to_dict()
    assert (told["schema_version"], told["kind"], told["solver"]) == (SCHEMA_VERSION, "benchmark", "debate")
    assert "facts" not in told


@pytest.mark.parametrize(
    "wrong",
    [{"command": ["pytest", 3]}, {"command": "pytest"}, {"settings": []}, {"cwd": 3}, {"workers": "2"}],
)
def test_what_a_manifest_tells_in_another_type_is_not_known(wrong: dict[str, Any]) -> None:
    assert Manifest.from_dict(wrong) == Manifest()


@pytest.mark.parametrize("version", [{}, {"schema_version": 1}, {"schema_version": SCHEMA_VERSION}])
def test_older_versions_and_this_one_are_read(version: dict[str, Any]) -> None:
    check_version(version, "manifest.json")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (
            SCHEMA_VERSION + 1,
            f"manifest.json: its schema_version is {SCHEMA_VERSION + 1}, and this mmlubench reads up to "
            f"{SCHEMA_VERSION}: install a newer one.",
        ),
        ("2", "manifest.json: its schema_version is '2', and must be a whole number of at least 1."),
        (True, "manifest.json: its schema_version is True, and must be a whole number of at least 1."),
        (0, "manifest.json: its schema_version is 0, and must be a whole number of at least 1."),
    ],
)
def test_a_newer_version_is_refused_in_one_sentence(version: object, said: str) -> None:
    with pytest.raises(DataError) as refused:
        check_version({"schema_version": version}, "manifest.json")
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("dialogues", "x.jsonl, row 3: its kind is dialogues, and benchmark is needed here."),
        ("poems", "x.jsonl, row 3: its kind is 'poems', and must be one of benchmark, dialogues."),
        (None, "x.jsonl, row 3: its kind is None, and must be one of benchmark, dialogues."),
    ],
)
def test_another_kind_is_refused_in_one_sentence(kind: object, said: str) -> None:
    check_kind({}, "benchmark", "x.jsonl")  # older than kinds are
    check_kind({"kind": "benchmark"}, "benchmark", "x.jsonl")
    with pytest.raises(DataError) as refused:
        check_kind({"kind": kind}, "benchmark", "x.jsonl", row=3)
    assert str(refused.value) == said

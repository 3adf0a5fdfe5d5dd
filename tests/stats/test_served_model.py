"""Who answered. A router that falls back to another model must not lend it the name of the one asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.stats import is_same_model
from mmlubench.stats.served_model import served_warnings

names = st.from_regex(r"[a-z]{1,8}(-[a-z0-9.]{1,4}){0,2}", fullmatch=True)


def said(served: dict[str, int], asked: str | None = None) -> list[str]:
    return list(served_warnings(served, asked))


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4", "gpt-4-0613"),
        ("gemini-2.0-flash", "gemini-2.0-flash-001"),
        ("gemini-2.5-flash-preview", "gemini-2.5-flash-preview-05-20"),
        ("command-r", "command-r-08-2024"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
        ("claude-sonnet-4", "claude-sonnet-4@20250514"),
        ("openai/gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o", "openai/gpt-4o"),
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/llama-3.1-8b-instruct"),
        ("meta-llama/llama-3.1-8b-instruct:free", "meta-llama/llama-3.1-8b-instruct"),
        ("llama3", "llama3:latest"),
        ("openrouter/meta-llama/llama", "meta-llama/llama"),
        ("tiny.Q4", "/models/tiny.Q4.gguf"),
        ("/models/tiny.Q4.gguf", "tiny.Q4.gguf"),
        ("tiny", r"C:\models\tiny.gguf"),
        ("/data/models/qwen/", "/data/models/qwen"),
    ],
)
def test_the_same_model_under_a_longer_or_shorter_name_is_no_cause_for_alarm(asked: str, served: str) -> None:
    assert is_same_model(asked, served)


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4o", "gpt-4o-mini-2024-07-18"),
        ("gpt-4", "gpt-4-1106-preview"),
        ("claude-sonnet-4", "claude-sonnet-4-5"),  # one digit is a version, not a snapshot
        ("claude-sonnet-4", "claude-sonnet-4-5-20250929"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20"),
        ("gpt-4o-2024-08-06", "gpt-4o"),  # a snapshot was asked for, and nobody says that it was this one
        ("qwen/qwen-7b", "other/qwen-7b"),
        ("llama3:8b", "llama3:70b"),
        ("local-model", "/models/tiny.gguf"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct-AWQ"),
        ("b", "a"),
    ],
)
def test_another_model_is_noticed(asked: str, served: str) -> None:
    assert not is_same_model(asked, served)


def test_an_answer_by_another_model_is_told_with_both_names() -> None:
    assert said({"gpt-4o-mini": 960}, "openai/gpt-4o") == [
        "openai/gpt-4o was asked for, but the server says that gpt-4o-mini (960 cases) answered: "
        "make sure that this is the model you mean"
    ]


def test_a_change_in_the_middle_is_told_the_more_frequent_first() -> None:
    assert said({"gpt-4o-2024-08-06": 1, "gpt-4o-2024-11-20": 1_000}, "gpt-4o") == [
        "the served model changed during the run, "
        "gpt-4o-2024-11-20 (1,000 cases) and gpt-4o-2024-08-06 (1 case): "
        "the accuracy is that of a mixture; name an exact version, or run again with one server"
    ]


def test_a_fallback_in_the_middle_is_both() -> None:
    other, changed = said({"a": 90, "b": 10}, "a")
    assert other.startswith("a was asked for, but the server says that b (10 cases) answered")
    assert changed.startswith("the served model changed during the run, a (90 cases) and b (10 cases)")


def test_of_many_models_three_are_named() -> None:
    (told,) = said({f"m{n}": 10 - n for n in range(6)})
    assert "m0 (10 cases), m1 (9 cases), m2 (8 cases) and 3 others (18 cases):" in told


@pytest.mark.parametrize("served", [{}, {"": 960}])
def test_a_server_that_names_no_model_is_not_doubted(served: dict[str, int]) -> None:
    assert said(served, "gpt-4o") == []


def test_without_knowing_what_was_asked_only_a_change_is_told() -> None:
    assert said({"a": 9}) == []
    assert len(said({"a": 9, "b": 1, "": 4})) == 1
    assert said({"Llama:latest": 9, "llama": 1}) == []  # one model, spelled in two ways


@given(names)
def test_a_name_is_the_same_as_itself_in_any_house(name: str) -> None:
    assert is_same_model(name, name)
    assert is_same_model(name.upper(), f"vendor/{name}")
    assert is_same_model(f"vendor/{name}", name)
    assert is_same_model(name, f"{name}-2024-08-06")
    assert said({name: 3, "": 1}, name) == []


@given(names, names)
def test_a_name_that_does_not_begin_with_the_one_asked_for_is_another_model(asked: str, served: str) -> None:
    if not served.startswith(asked):
        assert not is_same_model(asked, served)

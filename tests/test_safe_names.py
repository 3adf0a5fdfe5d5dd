from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.safe_names import safe_name


@given(st.text())
def test_any_name_becomes_one_that_is_safe_in_case_ids_and_file_names(name: str) -> None:
    safe = safe_name(name)
    assert safe.isprintable()
    assert not set(safe) & set('/\\:*?"<>|[] \t\n\0')
    assert safe.strip("-.")[0] == safe[0]
    assert 1 <= len(safe.encode()) <= 120


@given(st.text())
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe_name(safe_name(name)) == safe_name(name)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("claude", "claude"),
        ("vllm/Qwen2.5-7B", "vllm-Qwen2.5-7B"),
        ("openrouter/meta-llama/x:free", "openrouter-meta-llama-x-free"),
        ("../../etc/passwd", "etc-passwd"),
        ("vllm/模型", "vllm-模型"),
        ("vllm/हिन्दी", "vllm-हिन्दी"),  # its vowel signs are marks, no letters
        ("vllm/mode\u0301le", "vllm-mod\u00e9le"),  # one look, one name
        ("", "model"),
    ],
)
def test_names_stay_readable_in_every_script(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("one", "other"),
    [("vllm/🦙", "vllm/🐪"), ("vllm/模🦙", "vllm/模"), ("模" * 60, "模" * 61), ("x" * 200, "x" * 201)],
)
def test_what_gets_lost_still_tells_names_apart(one: str, other: str) -> None:
    assert safe_name(one) != safe_name(other)

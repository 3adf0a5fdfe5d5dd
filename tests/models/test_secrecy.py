"""What counts as a secret in an entry of models.yaml, and parts of secrets in texts that were shortened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.models.names.address import address_problem
from mmlubench.models.secrecy import Mask, secrets_in, veiled

KEY = "sk-PLANTED-7f3a9c0b2d-abcdefghij-0123456789"


@given(
    before=st.integers(0, 300), after=st.integers(0, 300), cut=st.sampled_from(["...", "…"]), data=st.data()
)
def test_of_a_text_that_is_shortened_in_the_middle_no_half_of_a_key_is_left(
    before: int, after: int, cut: str, data: st.DataObject
) -> None:
    text = f"{{'x': '{'x' * before}', 'Authorization': 'Bearer {KEY}', 'y': '{'y' * after}'}}"
    head = data.draw(st.integers(0, len(text)))
    tail = data.draw(st.integers(head, len(text)))
    shown = Mask([KEY]).text(text[:head] + cut + text[tail:])
    assert not any(KEY[n : n + 4] in shown for n in range(len(KEY) - 3)), shown


def test_what_is_no_part_of_a_key_stays_as_it_is() -> None:
    mask = Mask([KEY])
    for text in ("and so on...", "x...y", "sk-...789", "... … ....", "a" * 50 + "..." + "b" * 50):
        assert mask.text(text) == text
    assert Mask([]).text("sk-P...6789") == "sk-P...6789"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"api_key": "planted1"}, ["planted1"]),
        ({"extra_headers": {"X-Api-Key": "planted1"}}, ["planted1"]),
        ({"auth": {"clientSecret": "planted1", "user_token": "planted2"}}, ["planted1", "planted2"]),
        ({"headers": [{"Authorization": "Bearer planted1"}]}, ["Bearer planted1", "planted1"]),
        ({"metadata": KEY}, [KEY]),
        ({"stop_token": "<|im_end|>", "keyword": "capital", "max_tokens": 9, "service_tier": "flex"}, []),
    ],
)
def test_secrets_are_known_by_their_field_or_by_their_beginning(fields: object, found: list[str]) -> None:
    assert list(dict.fromkeys(secrets_in(fields))) == found
    shown = repr(veiled(fields))
    assert "planted" not in shown
    assert KEY not in shown
    if not found:
        assert veiled(fields) == fields


@pytest.mark.parametrize("url", ["http://h/v1?api-key=PLANTED", "htp://h?k=PLANTED", "http://h:x/#PLANTED"])
def test_an_address_that_is_refused_is_told_without_what_may_be_a_key(url: str) -> None:
    problem = address_problem(url)
    assert problem.startswith("base_url is ")
    assert "PLANTED" not in problem

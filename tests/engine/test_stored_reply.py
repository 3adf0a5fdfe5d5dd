"""The key of the store: if it overlooks something, a run is given another question's answer; and what is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.journal import Journal
from mmlubench.engine.store.reply import StoredReply, check_sum, decode, encode, request_key
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Message, Params, Request, Usage

IDENTITY = {"client": "vllm", "model_id": "m", "extra_body": {"top_k": -1, "min_p": 0.0}}
REQUEST = Request(
    "mmlu/anatomy/0001",
    (Message("system", "You are."), Message("user", "Which bone?")),
    Params(temperature=0.0, max_tokens=8, top_p=0.5, seed=1, stop=("\n",)),
)
KEY = request_key(IDENTITY, REQUEST)

OTHER_PARAMS: dict[str, tuple[Any, ...]] = {
    "temperature": (0.1, None),
    "max_tokens": (32, None),
    "top_p": (0.6, None),
    "seed": (2, 0, None),
    "stop": (("\n", "\n"), ("n",), ()),
    "logprobs": (0, 20),
    "choice": (("A",), ("A", "B")),
}
OTHER_REQUESTS = {
    "id": replace(REQUEST, id="mmlu/anatomy/0002"),
    "role": replace(REQUEST, messages=(Message("user", "You are."), REQUEST.messages[1])),
    "content": replace(REQUEST, messages=(REQUEST.messages[0], Message("user", "Which bone? "))),
    "one message less": replace(REQUEST, messages=REQUEST.messages[1:]),
    "order of messages": replace(REQUEST, messages=REQUEST.messages[::-1]),
    "prompt": replace(REQUEST, prompt="Which bone?"),
    "continuation": replace(REQUEST, continuation="Which bone?"),
    **{
        f"{name}={value}": replace(REQUEST, params=replace(REQUEST.params, **{name: value}))
        for name, values in OTHER_PARAMS.items()
        for value in values
    },
}


@pytest.mark.parametrize("other", OTHER_REQUESTS.values(), ids=OTHER_REQUESTS)
def test_a_request_that_differs_in_anything_has_another_key(other: Request) -> None:
    assert request_key(IDENTITY, other) != KEY


def test_every_field_of_a_request_was_thought_of() -> None:
    # A new field must go into the key, or be named here as one that changes no answer.
    counts = {"id", "messages", "params", "prompt", "continuation"}
    assert {f.name for f in fields(Request)} == counts | {"attempt", "epoch", "turn"}
    assert {f.name for f in fields(Message)} == {"role", "content"} | {"shared"}
    assert all(any(name.startswith(f.name) for name in OTHER_REQUESTS) for f in fields(Params))


def test_what_changes_no_answer_changes_no_key() -> None:
    noted = tuple(replace(message, shared=5) for message in REQUEST.messages)
    assert request_key(IDENTITY, replace(REQUEST, attempt=3, epoch=1, turn=2)) == KEY
    assert request_key(IDENTITY, replace(REQUEST, messages=noted)) == KEY


@pytest.mark.parametrize(
    "change", [{"client": "openai"}, {"model_id": "n"}, {"extra_body": {"top_k": 1}}, {"adapter": "lora"}]
)
def test_another_model_has_another_key(change: dict[str, Any]) -> None:
    assert request_key({**IDENTITY, **change}, REQUEST) != KEY


def test_repeats_of_a_request_are_kept_apart() -> None:
    assert len({request_key(IDENTITY, REQUEST, repeat) for repeat in range(5)}) == 5
    assert request_key(IDENTITY, REQUEST, 0) == KEY


# A small alphabet with everything that marks a border in JSON, so that two draws are often nearly the same.
_words = st.text(st.sampled_from('ab",[]{}\\\n\ud83d'), max_size=3)
_requests = st.builds(
    Request,
    id=_words,
    messages=st.lists(
        st.builds(Message, role=st.sampled_from(["user", "system"]), content=_words), max_size=3
    ).map(tuple),
    params=st.builds(
        Params,
        temperature=st.sampled_from([None, 0.0, 1.0]),
        seed=st.sampled_from([None, 0, 1]),
        stop=st.lists(_words, max_size=2).map(tuple),
        logprobs=st.sampled_from([None, 0, 1]),
        choice=st.lists(_words, max_size=2).map(tuple),
    ),
    prompt=_words,
    continuation=_words,
)
_identities = st.dictionaries(_words, st.one_of(_words, st.none(), st.integers(0, 2)), max_size=2)
_wholes = st.tuples(_identities, _requests, st.integers(0, 2))


@given(_wholes, _wholes)
def test_two_keys_are_equal_exactly_if_everything_is(one: Any, other: Any) -> None:
    assert (request_key(*one) == request_key(*other)) == (one == other)


@given(_wholes)
def test_the_order_of_names_does_not_matter(whole: Any) -> None:
    identity, request, repeat = whole
    body = dict(reversed(identity.items()))
    nested, turned = {"a": 1, "extra_body": identity}, {"extra_body": body, "a": 1}
    assert request_key(nested, request, repeat) == request_key(turned, request, repeat)


def test_a_key_is_the_same_in_every_process_and_forever() -> None:
    # A key that changes makes every store worthless: whoever means it raises KEYS and writes the new one here.
    code = (
        "from mmlubench.engine.store.reply import request_key\n"
        "from mmlubench.schema import *\n"
        f"print(request_key({IDENTITY!r}, {REQUEST!r}).hex())"
    )
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == KEY.hex()
    assert KEY.hex() == "c6309b9f4e893a47438c98d0324eabce4e7d208e3b9edbe7961a5ed126d89ae2"


def test_a_key_is_short_and_tells_nothing() -> None:
    assert len(KEY) == 32
    assert b"bone" not in KEY


def test_numbers_as_names_and_frozen_mappings_can_be_part_of_a_model() -> None:
    # YAML gives `logit_bias: {50256: -100}` an integer for a name.
    biased = {"extra_body": MappingProxyType({"logit_bias": {50256: -100}})}
    assert request_key(biased, REQUEST) == request_key(dict(biased), REQUEST)
    assert request_key(biased, REQUEST) != request_key({"extra_body": {"logit_bias": {50257: -100}}}, REQUEST)


def test_the_identity_of_a_real_spec_serves() -> None:
    spec = ModelSpec("a", "vllm", "m", base_url="http://x/v1", parameters={"stop": ["\n"]})
    same, other = replace(spec, label="b"), replace(spec, base_url="http://y/v1")
    key = request_key(spec.identity(), REQUEST)
    assert request_key(same.identity(), REQUEST) == key != request_key(other.identity(), REQUEST)


# -- what is kept of a reply -----------------------------------------------------------------------------------------

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
_tokens = st.integers(0, 10**9)
_seconds = st.floats(0, 1e6)
_usages = st.builds(
    Usage, _tokens, _tokens, _tokens, _tokens, st.none() | st.floats(0, 1e3), cache_write_tokens=_tokens
)
_completions = st.builds(
    Completion,
    text=st.text(),
    finish_reason=st.sampled_from(["stop", "length", "refusal", "tool_calls"]),
    usage=_usages,
    model=st.text(),
    latency_s=_seconds,
    sent=st.dictionaries(st.text(), _json, max_size=3),
    reasoning=st.text(),
    metadata=st.dictionaries(st.text(), _json, max_size=3),
    pause_s=_seconds,
    logprobs=st.lists(st.tuples(st.text(), st.floats(-1e4, 0)), max_size=3).map(tuple),
)


def test_a_reply_of_a_store_that_knew_no_log_probabilities_is_still_one() -> None:
    values = json.loads(encode(StoredReply(Completion("B", "stop"), "m", 5.0)))
    del values["completion"]["logprobs"]
    assert decode("m", 5.0, json.dumps(values).encode()).completion == Completion("B", "stop")


@given(_completions, st.integers(1, 9), _seconds)
def test_a_reply_comes_back_as_it_was(completion: Completion, attempts: int, latency_s: float) -> None:
    kept = StoredReply(completion, "m", 5.0, attempts, latency_s)
    assert decode("m", 5.0, encode(kept)) == kept


def test_all_a_reply_has_is_tested_above() -> None:
    assert {f.name for f in fields(Completion)} == {
        *("text", "finish_reason", "usage", "model", "latency_s", "sent", "reasoning", "metadata", "pause_s"),
        "logprobs",
    }
    assert len(fields(Usage)) == 6


@pytest.mark.parametrize(
    "metadata",
    [
        {"half": "\ud83d"},
        {1: "one", "nested": MappingProxyType({"usage": Usage(1, 2)})},
        {"nan": float("nan"), "large": 10**30, "set": {1}},
    ],
)
def test_whatever_a_model_attaches_is_logged_in_the_same_words_afterwards(metadata: dict[Any, Any]) -> None:
    completion = Completion("broken \ud83d", "stop", metadata=metadata, sent=MappingProxyType({"seed": 1}))
    back = decode("m", 0.0, encode(StoredReply(completion, "m", 0.0))).completion
    assert back.text == completion.text

    def logged(reply: Completion) -> list[bytes]:
        journal = Journal()
        journal.answered("m", REQUEST, reply)
        return journal.requests + journal.responses

    assert logged(back) == logged(completion)


def test_a_check_sum_tells_a_flipped_bit_and_a_reply_under_the_wrong_key() -> None:
    reply = encode(StoredReply(Completion("ANSWER: B", "stop"), "m", 0.0))
    right = check_sum(KEY, reply)
    assert check_sum(KEY, reply.replace(b": B", b": C")) != right
    assert check_sum(request_key(IDENTITY, REQUEST, 1), reply) != right

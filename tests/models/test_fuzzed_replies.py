"""Any JSON in any place of a reply: a completion whose fields hold, or a ProviderError, and nothing else."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmlubench.errors import ProviderError
from mmlubench.models.http.anthropic import Anthropic
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.names.presets import preset_for
from mmlubench.models.sound import sound
from mmlubench.models.spec import ModelSpec, Price
from mmlubench.schema import Completion, Message, Params, Request
from tests.models.conftest import Canned

SPEC = ModelSpec(
    label="tested",
    client="vllm",
    model_id="some/model",
    base_url="http://host/v1",
    price=Price(1.0, 2.0, 0.1, 3.0),
    features=preset_for("vllm", "http://host/v1").features,
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TOP = [{"token": " B", "logprob": -0.1, "bytes": [32, 66]}, {"token": " A", "logprob": -3.0, "bytes": None}]
USAGE = {
    **{"prompt_tokens": 10, "completion_tokens": 2, "cost": 0.1, "is_byok": True},
    "cost_details": {"upstream_inference_cost": 0.2},
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
CHAT = {
    **{"id": "1", "object": "chat.completion", "model": "m", "provider": "p", "error": None, "usage": USAGE},
    "choices": [
        {
            **{"index": 0, "finish_reason": "stop", "error": None},
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "B"}, {"type": "thinking", "thinking": [{"text": "?"}]}],
                "reasoning_details": [{"type": "reasoning.text", "text": "?"}],
                "tool_calls": [{"function": {"name": "x", "arguments": "{}"}}],
                "refusal": None,
            },
            "logprobs": {"content": [{**TOP[0], "top_logprobs": TOP}]},
        },
        {"index": 1, "message": {"content": "C"}},
    ],
}
COMPLETION = {
    **{"id": "1", "model": "m", "usage": USAGE},
    "choices": [
        {
            **{"index": 0, "text": " B", "finish_reason": "length"},
            "logprobs": {
                "tokens": ["Answer:", " B", "\n"],
                "token_logprobs": [None, -0.1, -0.5],
                "top_logprobs": [{" B": -0.1, " A": -3.0}, None, None],
            },
        }
    ],
}
MESSAGE = {
    **{"id": "1", "type": "message", "model": "m", "stop_reason": "end_turn", "stop_details": {"type": "x"}},
    "content": [
        {"type": "thinking", "thinking": "?"},
        {"type": "text", "text": "B"},
        {"type": "tool_use", "name": "x"},
    ],
    "usage": {
        **{
            "input_tokens": 10,
            "output_tokens": 2,
            "cache_read_input_tokens": 1,
            "cache_creation_input_tokens": 1,
        },
        "output_tokens_details": {"thinking_tokens": 1},
    },
}
#: What a terminal obeys, or cannot show at all.
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")
USUAL, LOGPROBS = Params(), Params(max_tokens=1, logprobs=20)
ASKED = (Message("user", "Q?"),)
PROTOCOLS: dict[str, tuple[Any, Any, Request]] = {
    "chat": (OpenAICompatible, CHAT, Request("q", ASKED, USUAL)),
    "chat with log-probabilities": (OpenAICompatible, CHAT, Request("q", ASKED, LOGPROBS)),
    "completion": (OpenAICompatible, COMPLETION, Request("q", (), USUAL, prompt="Answer:")),
    "completion with log-probabilities": (
        OpenAICompatible,
        COMPLETION,
        Request("q", (), LOGPROBS, prompt="Answer:"),
    ),
    "echo": (OpenAICompatible, COMPLETION, Request("q", (), LOGPROBS, prompt="Answer:", continuation=" B")),
    "messages": (Anthropic, MESSAGE, Request("q", ASKED, USUAL)),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def put(payload: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(payload)
    inner = changed
    try:
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
    except (TypeError, KeyError, IndexError):  # an earlier change has taken the place away
        return payload
    return changed


def check(completion: Completion) -> str:
    """Check the fields of a completion; return all of it that people are shown."""
    assert sound(completion) == completion
    assert completion.usage.cost_usd is None or 0 <= completion.usage.cost_usd <= 2_000_000
    assert all(isinstance(token, str) and value <= 0 for token, value in completion.logprobs)
    return " ".join([completion.model, completion.finish_reason, *map(str, completion.metadata.values())])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=100)
@given(data=st.data())
def test_any_value_in_any_place(protocol: str, data: st.DataObject) -> None:
    kind, payload, request = PROTOCOLS[protocol]
    for _ in range(data.draw(st.integers(1, 3))):
        payload = put(payload, data.draw(st.sampled_from(places(payload))), data.draw(ANY))
    model = kind(SPEC, transport=Canned(json.dumps(payload).encode()))
    try:
        completion = asyncio.run(model.generate(request))
    except ProviderError as error:
        said = str(error)
    else:
        said = check(completion)
    assert not COMMANDS.search(said), said


@settings(max_examples=100)
@given(
    headers=st.dictionaries(
        st.sampled_from(
            [
                *(
                    "retry-after",
                    "retry-after-ms",
                    "x-ratelimit-remaining-requests",
                    "x-ratelimit-reset-requests",
                ),
                *("ratelimit-remaining", "ratelimit-reset", "location", "content-type"),
            ]
        ),
        st.text(max_size=20) | st.sampled_from(["0", "-1", "nan", "1e999", "inf", "text/html; charset=none"]),
    ),
    status=st.sampled_from([200, 204, 302, 400, 404, 429, 500, 529, 999]),
    content=st.binary(max_size=40) | ANY.map(lambda value: json.dumps(value).encode()),
)
def test_any_headers_status_and_bytes(headers: dict[str, str], status: int, content: bytes) -> None:
    model = OpenAICompatible(SPEC, transport=Canned(content, status, headers))
    with pytest.raises(ProviderError):
        asyncio.run(model.generate(Request("q", ASKED, USUAL)))

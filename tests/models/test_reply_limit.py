"""How long replies may be by default: a reasoning model gets room for its thinking, wherever it fits."""

import pytest

from mmlubench.models.names.files import Found
from mmlubench.models.names.from_entry import from_entry, from_name
from mmlubench.models.reply_limit import REASONING_TOKENS, class_of, is_cramped, reply_limit


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai/o3-mini", "reasoning"),
        ("openai/gpt-5.5", "reasoning"),
        ("openai/gpt-5-chat-latest", "instruct"),
        ("openai/gpt-4o", "instruct"),
        ("openrouter/openai/gpt-5", "reasoning"),
        ("openrouter/deepseek/deepseek-r1", "reasoning"),
        ("deepseek/deepseek-reasoner", "reasoning"),
        ("deepseek/deepseek-chat", "instruct"),
        ("openrouter/moonshotai/kimi-k2-thinking", "reasoning"),
        ("openrouter/anthropic/claude-3.7-sonnet:thinking", "reasoning"),
        ("gemini/gemini-3.5-flash", "reasoning"),
        ("gemini/gemini-2.0-flash", "instruct"),
        ("xai/grok-4.5", "reasoning"),
        ("xai/grok-4-fast-non-reasoning", "instruct"),
        ("vllm/Qwen/Qwen3-8B", "reasoning"),
        ("vllm/Qwen/Qwen3-8B-Base", "base"),
        ("vllm/Qwen/Qwen3-30B-A3B-Instruct-2507", "instruct"),
        ("vllm/Qwen/Qwen2.5-7B-Instruct", "instruct"),
        ("vllm/google/gemma-3-4b-pt", "base"),
        ("groq/openai/gpt-oss-120b", "reasoning"),
        ("anthropic/claude-sonnet-4-5", "instruct"),
    ],
)
def test_the_class_of_a_model_is_read_from_its_name(name, expected):
    assert class_of(from_name(name)) == expected


def entry(tmp_path, **keys):
    return from_entry(Found("mine", {"model_name": "vllm/my-model", **keys}, tmp_path / "models.yaml"))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"model_type": "chat"}, "instruct"),
        ({"model_type": "Reasoning"}, "reasoning"),
        ({"model_type": "base"}, "base"),
        ({"model_type": "chat", "model_name": "vllm/Qwen/Qwen3-8B"}, "instruct"),
        ({"extra_body": {"reasoning_effort": "low"}}, "reasoning"),
        ({"extra_body": {"reasoning_effort": "none"}}, "instruct"),
        ({"extra_body": {"reasoning_effort": "none"}, "model_name": "openai/gpt-5.5"}, "instruct"),
        ({"extra_body": {"reasoning": {"effort": "high"}}}, "reasoning"),
        ({"extra_body": {"reasoning": {"effort": "none"}}, "model_name": "responses/gpt-5.5"}, "instruct"),
        ({"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2048}}}, "reasoning"),
    ],
)
def test_an_entry_says_it_more_surely(keys, expected, tmp_path):
    assert class_of(entry(tmp_path, **keys)) == expected


@pytest.mark.parametrize(
    ("keys", "most"),
    [
        ({}, 1024),
        ({"model_type": "reasoning"}, 1024),  # the window of that server is not known
        ({"model_type": "reasoning", "context_window": 8192}, 4096),
        ({"model_type": "reasoning", "context_window": 131072}, REASONING_TOKENS),
        ({"model_type": "reasoning", "context_window": 1000}, 1024),
    ],
)
def test_on_ones_own_server_a_reply_has_to_fit_into_the_window(keys, most, tmp_path):
    assert reply_limit(entry(tmp_path, **keys), 1024) == most


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("openai/gpt-5.5@http://gateway/v1", REASONING_TOKENS),
        ("openai/vertex/gemini-3.5-flash@http://gateway/v1", REASONING_TOKENS),
        ("gemini/gemini-3.5-flash@http://gateway/v1", REASONING_TOKENS),
        ("openai/gpt-4o@http://gateway/v1", 1024),
        ("openai/gpt-oss-20b@http://host/v1", 1024),
        ("lmstudio/qwen3-8b", 1024),
    ],
)
def test_a_vendors_model_behind_a_gateway_has_room_as_at_its_vendor(name, most):
    spec = from_name(name)
    assert reply_limit(spec, 1024) == most
    assert is_cramped(spec) is (class_of(spec) == "reasoning" and most == 1024)


def test_at_a_vendor_a_reasoning_model_has_room_to_think():
    assert reply_limit(from_name("openai/gpt-5.5"), 1024) == REASONING_TOKENS
    assert reply_limit(from_name("openai/gpt-4o"), 1024) == 1024
    assert reply_limit(from_name("openai/gpt-5.5"), None) is None
    assert reply_limit(from_name("mock/o3"), 1024) == 1024

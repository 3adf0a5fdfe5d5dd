"""A run through OpenRouter: names as people say them, who served each sample, what it cost, one table for all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mmlubench.models.names import presets


def reply(provider):
    return {
        "id": "gen-1",
        "provider": provider,
        "model": "openai/gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "B"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101, "cost": 0.00026},
    }


@pytest.fixture
def router(folder, serve, monkeypatch):
    """A server in the place of OpenRouter."""
    server = serve({"POST /v1/chat/completions": (200, reply("Azure"))})
    own = replace(presets.PRESETS["openrouter"], base_url=server.url, transport="aiohttp")
    monkeypatch.setitem(presets.PRESETS, "openrouter", own)
    monkeypatch.setenv("OPENROUTER_API_KEY", "k-openrouter")
    return server


ASK = ("--data", "sample", "--limit", "10", "--min-accuracy", "0", "--no-fallback")


def test_names_as_people_say_them_give_one_table_with_cost_and_provider(router, folder):
    result = folder.run(
        "-k", "mmlu", "--model", "openrouter/gpt-4o", "--model", "openrouter/claude-sonnet-4", *ASK
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "=* mmlu: 2 results =*",
            "openrouter-openai-gpt-4o  * 10  *",
            "openrouter-anthropic-claude-sonnet-4  * 10  *",
            "=* mmlu: 2 results, compared =*",
        ]
    )
    assert {line["served_provider"] for line in folder.lines("results")} == {"Azure"}
    assert {line["metadata"]["provider"] for line in folder.lines("responses")} == {"Azure"}
    for summary in folder.json("summary")["results"]:
        assert (summary["n"], summary["usage"]["cost_usd"]) == (10, pytest.approx(0.0026))
    bodies = [json.loads(body) for route, body in router.seen if route.startswith("POST")]
    assert {body["model"] for body in bodies} == {"openai/gpt-4o", "anthropic/claude-sonnet-4"}
    for body in bodies:
        assert body["provider"] == {"require_parameters": True, "allow_fallbacks": False}


def test_a_change_of_the_provider_during_a_run_is_told(router, folder):
    answers = iter(["Azure", "OpenAI"] * 5)

    class Changing(dict):
        def get(self, key, default=None):
            return (200, reply(next(answers))) if "completions" in key else default

    router.routes = Changing()
    result = folder.run("-k", "mmlu", "--model", "openrouter/gpt-4o", *ASK)
    result.stdout.fnmatch_lines(["*provider behind the router changed during the run, Azure (5 cases)*"])


def test_an_unknown_name_is_refused_before_anything_is_asked(router, folder):
    said = folder.refused("-k", "mmlu", "--model", "openrouter/gpt-4p", *ASK)
    assert "did you mean openai/gpt-4" in said

"""A real model, weak but real, answers: what no mock can show, from the chat template to the token counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real_model

MODELS = """
models:
  smollm2-messages:
    model_name: anthropic/smollm2
    base_url: {address}
    api_key_env: SMOLLM2_KEY
"""
BRIEF = ("--data", "sample", "--max-tokens", "16", "--concurrency", "2")


def assert_answered(ran: Any, n: int) -> None:
    """Every case has an outcome that a model that replies can have, and what it cost is known."""
    count = Counter(ran.outcomes().values())
    assert sum(count.values()) == n
    assert count["error"] == count["skipped"] == 0
    assert ran.entry["answered"] == n
    for record in ran.lines("results"):
        assert record["usage"]["input_tokens"] > 20
        assert record["usage"]["output_tokens"] >= 1
        assert record["served_model"] == "smollm2"
        assert record["latency_s"] > 0
    for request, reply in zip(ran.lines("requests"), ran.lines("responses"), strict=True):
        assert request["id"] == reply["id"]
        assert reply["completion"].strip()
        # A model may also end of itself with the last token that it is allowed: that reply is not cut off.
        full = reply["usage"]["output_tokens"] == request["parameters_sent"]["max_tokens"]
        assert reply["finish_reason"] in (("length", "stop") if full else ("stop",))
    assert ran.entry["usage"]["input_tokens"] > 20 * n


def assert_sent(ran: Any, **parameters: Any) -> None:
    """What was asked for and what was sent is on record; what was cut off is asked for again at more length."""
    seen: set[str] = set()
    for request in ran.lines("requests"):
        asked, sent = request["parameters_asked"], request["parameters_sent"]
        if request["id"] in seen:
            assert asked["max_tokens"] == sent["max_tokens"] > 16
        else:
            assert asked == {"temperature": 0.0, "max_tokens": 16}
            assert sent == parameters
        assert sent.keys() == parameters.keys()
        assert request["messages"][-1]["role"] == "user"
        seen.add(request["id"])


def test_a_real_model_answers_through_the_openai_protocol(
    llama_server: str, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    model = f"llamacpp/smollm2@{llama_server}/v1"
    ran = run_pytest(make_folder(), "--model", model, "--limit", "24", *BRIEF, timeout_s=240)
    assert_answered(ran, 24)
    assert_sent(ran, model="smollm2", temperature=0.0, max_tokens=16)


def test_a_real_model_answers_through_the_anthropic_protocol(
    llama_server: str, make_folder: Callable[..., Path], run_pytest: Callable[..., Any]
) -> None:
    folder = make_folder()
    (folder / "models.yaml").write_text(MODELS.format(address=llama_server))
    options = ("--model", "smollm2-messages", "--limit", "12", *BRIEF)
    ran = run_pytest(folder, *options, timeout_s=240, SMOLLM2_KEY="not-checked-here")
    assert_answered(ran, 12)
    assert_sent(ran, model="smollm2", max_tokens=16)  # this API takes no temperature
    written = "".join(path.read_text() for path in folder.rglob("*.json*"))
    assert "not-checked-here" not in written
    assert "not-checked-here" not in ran.output

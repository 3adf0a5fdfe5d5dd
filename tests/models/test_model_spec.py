"""What is known about a model: names that are safe in files, prices that add up."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.models.features import Features
from mmlubench.models.spec import Capabilities, ModelSpec, Price, RateLimits


def test_cost_counts_cached_input_at_its_own_price():
    price = Price(3.0, 15.0, cached_input_per_mtok=0.3)
    assert price.cost(1_000_000, 0, 0) == 3.0
    assert price.cost(1_000_000, 400_000, 100_000) == pytest.approx(0.6 * 3 + 0.4 * 0.3 + 1.5)


def test_cached_input_without_a_price_of_its_own_costs_what_any_input_costs():
    assert Price(3.0, 15.0).cost(1000, 900, 0) == pytest.approx(0.003)


def test_what_is_written_to_the_cache_has_its_own_price_or_that_of_any_input():
    assert Price(3.0, 15.0, 0.3, 3.75).cost(1000, 0, 0, 800) == pytest.approx((200 * 3 + 800 * 3.75) / 1e6)
    assert Price(3.0, 15.0, 0.3).cost(1000, 0, 0, 800) == pytest.approx(0.003)


@given(*[st.integers(0, 10**6)] * 4)
def test_tokens_cost_the_same_whatever_share_is_cached_if_all_shares_cost_the_same(
    fresh, cached, written, out
):
    total = fresh + cached + written
    assert Price(3.0, 15.0, 3.0, 3.0).cost(total, cached, out, written) == pytest.approx(
        Price(3.0, 15.0).cost(total, 0, out)
    )


def test_an_adapter_is_asked_for_in_place_of_the_model():
    spec = ModelSpec(label="a", client="vllm", model_id="base")
    assert spec.asked_model == "base"
    assert ModelSpec(label="a", client="vllm", model_id="base", adapter="lora").asked_model == "lora"


def test_a_spec_can_be_written_into_the_manifest():
    spec = ModelSpec(
        label="a", client="mock", model_id="m", price=Price(1, 2), capabilities=Capabilities(seed=None)
    )
    written = orjson.loads(orjson.dumps(spec.to_dict()))
    assert written["price"]["output_per_mtok"] == 2
    assert written["capabilities"]["seed"] is None
    assert spec.is_mock


# -- what can change an answer ---------------------------------------------------------------------------------------

SPEC = ModelSpec(label="a", client="vllm", model_id="m", base_url="http://x/v1", parameters={"top_p": 0.5})
MATTERS: dict[str, Any] = {
    "client": "openai",
    "model_id": "n",
    "base_url": "http://y/v1",
    "model_type": "completion",
    "provider": "x",
    "max_output_tokens": 10,
    "capabilities": Capabilities(seed=None),
    "parameters": {"top_p": 0.6},
    "extra_body": {"top_k": 1},
    "adapter": "lora",
    "responses": "replies.json",
    "rule": "hash",
}
MATTERS_NOT: dict[str, Any] = {
    "label": "b",
    "api_key_env": "KEY",
    "context_window": 10,
    "description": "d",
    "price": Price(1, 2),
    "rate_limits": RateLimits(rpm=1),
    "transport": "sdk",
    "self_hosted": True,
    "fallback": "f.json",
    "latency_s": 1.0,
    "notice": "n",
    "features": Features(raw_prompts=False),
}


@pytest.mark.parametrize("name", MATTERS)
def test_a_model_that_may_answer_differently_is_another_one_to_the_store(name):
    assert replace(SPEC, **{name: MATTERS[name]}).identity() != SPEC.identity()


@pytest.mark.parametrize("name", MATTERS_NOT)
def test_answers_stay_good_when_only_names_money_or_pace_change(name):
    assert replace(SPEC, **{name: MATTERS_NOT[name]}).identity() == SPEC.identity()


def test_mock_replies_that_were_edited_are_other_replies(tmp_path):
    file, moved = tmp_path / "replies.json", tmp_path / "moved.json"
    file.write_text("{}")
    moved.write_text("{}")
    spec = replace(SPEC, client="mock", responses=str(file))
    before = spec.identity()
    assert replace(spec, responses=str(moved)).identity() == before
    file.write_text('{"q/1": "B"}')
    assert spec.identity() != before


def test_an_identity_holds_no_secret_and_can_be_written_down():
    written = orjson.dumps(replace(SPEC, api_key_env="MY_KEY").identity())
    assert b"MY_KEY" not in written

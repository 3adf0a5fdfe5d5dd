"""The Messages API: what is sent, and how every shape of reply is read."""

import pytest

from mmlubench.errors import BadReply, Overloaded
from mmlubench.models.http.anthropic import Anthropic
from mmlubench.models.names.files import Found
from mmlubench.models.names.from_entry import from_entry
from mmlubench.models.names.presets import PRESETS
from mmlubench.models.spec import Price
from mmlubench.schema import Message, Request

pytestmark = pytest.mark.asyncio


@pytest.fixture
def reply():
    def make(*blocks, stop_reason="end_turn", **usage):
        return {
            "type": "message",
            "model": "claude-served",
            "content": list(blocks) or [{"type": "text", "text": "ANSWER: C"}],
            "stop_reason": stop_reason,
            "usage": {"input_tokens": 120, "output_tokens": 9, **usage},
        }

    return make


@pytest.fixture
def ask(make_spec, make_request, canned):
    async def do(payload, request=None, status=200, **spec):
        transport = canned(payload, status)
        usual = {"client": "anthropic", "capabilities": PRESETS["anthropic"].capabilities}
        model = Anthropic(make_spec(**{**usual, **spec}), transport=transport)
        completion = await model.generate(request or make_request())
        ((path, body),) = transport.posted
        assert path == "/v1/messages"
        return completion, body

    return do


async def test_no_sampling_parameter_is_sent_since_the_api_refuses_them(ask, reply, make_request):
    # One of them would end every request with a 400.
    request = make_request(temperature=0.0, top_p=0.9, seed=3, max_tokens=64, stop=("\n\n",))
    completion, body = await ask(reply(), request)
    assert completion.sent == {"model": "some/model", "max_tokens": 64, "stop_sequences": ["\n\n"]}
    assert body == {**completion.sent, "messages": [{"role": "user", "content": "Which letter?"}]}
    assert request.params.asked()["temperature"] == 0.0  # what was asked is still known


async def test_system_messages_have_a_field_of_their_own(ask, reply):
    turns = [
        ("system", "Be brief."),
        ("user", "Q1"),
        ("assistant", "A"),
        ("system", "Be nice."),
        ("user", "Q2"),
    ]
    request = Request("id", tuple(Message(role, content) for role, content in turns))
    _, body = await ask(reply(), request)
    assert body["system"] == "Be brief.\n\nBe nice."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize(("limit", "sent"), [(None, 4096), (64000, 64000)])
async def test_a_token_limit_is_always_sent_since_the_api_insists(limit, sent, ask, reply):
    assert (await ask(reply(), max_output_tokens=limit))[0].sent["max_tokens"] == sent


async def test_a_gateway_that_takes_a_temperature_can_be_told_so(ask, reply, make_spec):
    completion, _ = await ask(reply(), capabilities=make_spec().capabilities)
    assert completion.sent["temperature"] == 0.0


@pytest.mark.parametrize(("asked", "sent"), [(16, 2064), (2048, 4096), (4000, 4000)])
async def test_a_limit_within_the_budget_for_thinking_comes_on_top_of_it(
    asked, sent, ask, reply, make_request
):
    # The API answers 400 to max_tokens up to the budget: 16 tokens, as some protocols have it, would fail every time.
    thinking = {"type": "enabled", "budget_tokens": 2048}
    completion, body = await ask(reply(), make_request(max_tokens=asked), extra_body={"thinking": thinking})
    assert (body["max_tokens"], body["thinking"]) == (sent, thinking)
    assert completion.sent["max_tokens"] == sent


@pytest.mark.parametrize(
    ("kind", "takes"), [("enabled", None), ("adaptive", None), ("disabled", "temperature")]
)
async def test_no_temperature_goes_beside_thinking(kind, takes, tmp_path):
    entry = {
        "model_name": "anthropic/m",
        "base_url": "http://host:8000",
        "capabilities": {"temperature": True},
        "extra_body": {"thinking": {"type": kind}},
    }
    assert from_entry(Found("m", entry, tmp_path / "models.yaml")).capabilities.temperature == takes


async def test_a_usual_reply_is_read_whole(ask, reply):
    completion, _ = await ask(reply())
    assert (completion.text, completion.finish_reason, completion.model) == (
        "ANSWER: C",
        "stop",
        "claude-served",
    )
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (120, 9)


async def test_thinking_is_kept_apart_and_other_blocks_are_passed_over(ask, reply):
    blocks = [
        {"type": "thinking", "thinking": "Hm. ", "signature": "x"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "It is "},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        {"type": "text", "text": "B"},
    ]
    completion, _ = await ask(reply(*blocks))
    assert (completion.text, completion.reasoning) == ("It is B", "Hm. ")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "pause_turn"),
        (None, "unknown"),
    ],
)
async def test_stop_reasons_are_in_our_words(said, means, ask, reply):
    assert (await ask(reply(stop_reason=said)))[0].finish_reason == means


async def test_why_it_refused_is_kept(ask, reply):
    payload = {**reply(stop_reason="refusal"), "content": [], "stop_details": {"category": "bio"}}
    completion, _ = await ask(payload)
    assert (completion.text, completion.metadata) == ("", {"stop_details": {"category": "bio"}})


async def test_input_is_the_total_with_the_cached_share_in_it(ask, reply):
    counted = {
        "cache_read_input_tokens": 800,
        "cache_creation_input_tokens": 80,
        "output_tokens_details": {"thinking_tokens": 5},
    }
    usage = (await ask(reply(**counted), price=Price(3.0, 15.0, 0.3, 3.75)))[0].usage
    assert (usage.input_tokens, usage.cached_tokens, usage.reasoning_tokens) == (1000, 800, 5)
    assert usage.cache_write_tokens == 80
    assert usage.cost_usd == pytest.approx((120 * 3 + 800 * 0.3 + 80 * 3.75 + 9 * 15) / 1e6)


async def test_counts_that_are_null_are_no_error(ask, reply):
    nothing = {
        "cache_read_input_tokens": None,
        "cache_creation_input_tokens": None,
        "output_tokens_details": None,
    }
    assert (await ask(reply(**nothing)))[0].usage.input_tokens == 120


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"content": None, "usage": {}, "stop_reason": "end_turn"},
        {"content": [7], "usage": {"input_tokens": 1, "output_tokens": 1}, "stop_reason": "end_turn"},
        {"content": [{"type": "text", "text": 7}], "stop_reason": "end_turn"},
        {"choices": [{"message": {"content": "B"}}]},
    ],
)
async def test_a_reply_against_the_protocol_is_a_bad_reply_not_a_crash(payload, ask):
    with pytest.raises(BadReply, match="does not follow the protocol"):
        await ask(payload)


async def test_an_overloaded_server_is_worth_another_try(ask):
    with pytest.raises(Overloaded, match="HTTP 529: Overloaded") as caught:
        await ask(
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, status=529
        )
    assert caught.value.retryable

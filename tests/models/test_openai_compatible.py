"""The Chat Completions protocol: what is sent, and how every shape of reply is read."""

import pytest

from mmlubench.errors import BadReply, Overloaded, ProviderError, Rejected
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.spec import Capabilities, Price
from mmlubench.schema import Message, Params, Request

pytestmark = pytest.mark.asyncio


@pytest.fixture
def ask(make_spec, make_request, canned):
    """Ask a model whose server gives `payload`; the completion, and the body that was posted."""

    async def do(payload, request=None, status=200, **spec):
        transport = canned(payload, status)
        model = OpenAICompatible(make_spec(**spec), transport=transport)
        completion = await model.generate(request or make_request())
        ((path, body),) = transport.posted
        assert path == "/chat/completions"
        return completion, body

    return do


@pytest.fixture
def reply(chat_payload):
    def make(finish_reason="stop", usage=None, **message):
        chat_payload["choices"][0] = {"message": {"content": "B", **message}, "finish_reason": finish_reason}
        chat_payload["usage"] = usage
        return chat_payload

    return make


# --- what is sent


async def test_messages_and_parameters_are_sent_as_asked(ask, chat_payload, make_request):
    request = make_request("Q?", system="Be brief.", max_tokens=32, top_p=0.5, seed=7, stop=("\n",))
    completion, body = await ask(chat_payload, request)
    messages = body.pop("messages")
    assert messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q?"}]
    assert body == {
        "model": "some/model",
        "temperature": 0.0,
        "max_tokens": 32,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["\n"],
    }
    assert completion.sent == body


async def test_what_the_model_does_not_take_is_left_out_and_the_log_shows_it(ask, chat_payload, make_request):
    takes = Capabilities(temperature=None, max_tokens="max_completion_tokens", seed=None)
    completion, body = await ask(chat_payload, make_request(max_tokens=32, seed=1), capabilities=takes)
    assert completion.sent == {"model": "some/model", "max_completion_tokens": 32}
    assert "temperature" not in body


async def test_an_entrys_own_parameters_fill_in_where_nothing_was_asked(ask, chat_payload, make_request):
    own = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100}
    completion, _ = await ask(chat_payload, make_request(max_tokens=5), parameters=own)
    assert completion.sent == {"model": "some/model", "temperature": 0.0, "top_p": 0.9, "max_tokens": 5}
    completion, _ = await ask(chat_payload, make_request(temperature=None), parameters=own)
    assert completion.sent == {"model": "some/model", **own}


def begun(*roles):
    turns = (Message(role, f"turn {n}") for n, role in enumerate(roles))
    return Request("mmlu/anatomy/0001", tuple(turns), Params())


CONTINUED = {"continue_final_message": True, "add_generation_prompt": False}


async def test_a_reply_that_is_begun_is_continued_by_vllm(ask, chat_payload):
    # Without these words the model would see its beginning as a finished turn, and begin anew.
    _, body = await ask(chat_payload, begun("user", "assistant"))
    assert {name: body.get(name) for name in CONTINUED} == CONTINUED
    assert body["messages"][-1] == {"role": "assistant", "content": "turn 1"}


@pytest.mark.parametrize(
    ("client", "roles"),
    [
        ("vllm", ("user",)),
        ("vllm", ("user", "assistant", "user")),
        ("llamacpp", ("user", "assistant")),  # continues by itself
        ("openai", ("user", "assistant")),  # refuses fields that it does not know
        ("openrouter", ("user", "assistant")),
    ],
)
async def test_nobody_else_is_told_to_continue(client, roles, ask, chat_payload):
    _, body = await ask(chat_payload, begun(*roles), client=client)
    assert not CONTINUED.keys() & body.keys()


async def test_an_entrys_own_word_on_continuing_goes_first(ask, chat_payload):
    own = {"continue_final_message": False, "add_generation_prompt": True}
    _, body = await ask(chat_payload, begun("user", "assistant"), extra_body=own)
    assert {name: body[name] for name in own} == own


async def test_extra_fields_are_sent_with_every_request(ask, chat_payload):
    completion, _ = await ask(chat_payload, extra_body={"provider": {"a": 1}, "top_k": None})
    assert completion.sent["provider"] == {"a": 1}
    assert "top_k" not in completion.sent


async def test_no_request_asks_for_more_tokens_than_the_model_can_give(ask, chat_payload, make_request):
    completion, _ = await ask(chat_payload, make_request(max_tokens=9000), max_output_tokens=4096)
    assert completion.sent["max_tokens"] == 4096


async def test_an_adapter_is_asked_for_by_name(ask, chat_payload):
    completion, _ = await ask(chat_payload, adapter="my-lora")
    assert completion.sent["model"] == "my-lora"


# --- what comes back


async def test_a_usual_reply_is_read_whole(ask, chat_payload):
    completion, _ = await ask(chat_payload)
    assert (completion.text, completion.finish_reason, completion.model) == ("B", "stop", "served-model")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (100, 3)
    assert completion.usage.cost_usd is None
    assert completion.latency_s > 0


async def test_the_time_of_a_reply_is_the_one_that_the_transport_took(
    make_spec, make_request, canned, chat_payload
):
    # It sees the bytes arrive; the coroutine that is woken up by them may be late by seconds.
    transport = canned(chat_payload)
    transport.reply = transport.reply._replace(latency_s=0.125)
    model = OpenAICompatible(make_spec(), transport=transport)
    assert (await model.generate(make_request())).latency_s == 0.125
    transport.reply = transport.reply._replace(status=503)
    with pytest.raises(ProviderError) as caught:
        await model.generate(make_request())
    assert caught.value.latency_s == 0.125


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("", ""),
        ([{"type": "text", "text": "a"}, {"type": "image"}, {"type": "output_text", "text": "b"}], "ab"),
    ],
)
async def test_content_may_be_nothing_or_parts(content, text, ask, reply):
    assert (await ask(reply(content=content)))[0].text == text


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "refusal"),
        ("tool_calls", "tool_calls"),
        (None, "unknown"),
    ],
)
async def test_finish_reasons_are_in_our_words(said, means, ask, reply):
    assert (await ask(reply(said)))[0].finish_reason == means


async def test_a_refusal_is_a_refusal_and_its_text_is_kept(ask, reply):
    completion, _ = await ask(reply(content=None, refusal="I cannot help with that."))
    assert (completion.finish_reason, completion.text) == ("refusal", "I cannot help with that.")


FILTERED = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (
            400,
            {"message": FILTERED, "type": None, "param": "prompt", "code": "content_filter", "status": 400},
        ),
        (
            400,
            {"message": f"litellm.ContentPolicyViolationError: AzureException - {FILTERED}", "code": "400"},
        ),
        (400, {"message": "Output blocked by content filtering policy", "type": "invalid_request_error"}),
        (400, {"message": "Content Exists Risk", "type": "invalid_request_error"}),
    ],
)
async def test_a_filter_that_refuses_the_prompt_by_an_error_is_a_refusal(status, error, ask):
    # the same filter ends a reply with the finish reason content_filter
    completion, _ = await ask({"error": error}, status=status)
    assert (completion.finish_reason, completion.text) == ("refusal", "")
    assert completion.metadata == {"refusal": error["message"]}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": "unknown field content_filter", "code": "invalid"}),
        (403, {"message": "no access", "code": "forbidden"}),
        (500, {"message": FILTERED, "code": "content_filter"}),
    ],
)
async def test_an_error_that_no_filter_sent_is_no_refusal(status, error, ask):
    with pytest.raises(ProviderError):
        await ask({"error": error}, status=status)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_thinking_comes_apart_from_the_text(name, ask, reply):
    completion, _ = await ask(reply(**{name: "Let me see."}))
    assert (completion.text, completion.reasoning) == ("B", "Let me see.")


USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 400},
    "completion_tokens_details": {"reasoning_tokens": 30},
}


async def test_cached_and_reasoning_tokens_are_counted_and_priced(ask, reply):
    usage = (await ask(reply(usage=USAGE), price=Price(1.0, 10.0, 0.1)))[0].usage
    assert (usage.cached_tokens, usage.reasoning_tokens) == (400, 30)
    assert usage.cost_usd == pytest.approx((600 * 1 + 400 * 0.1 + 50 * 10) / 1e6)


async def test_what_is_written_to_the_cache_is_counted_and_priced(ask, reply):
    counted = {**USAGE, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 800}}
    usage = (await ask(reply(usage=counted), price=Price(2.0, 10.0, 0.2, 2.5)))[0].usage
    assert (usage.input_tokens, usage.cache_write_tokens) == (1000, 800)
    assert usage.cost_usd == pytest.approx((200 * 2 + 800 * 2.5 + 50 * 10) / 1e6)


@pytest.mark.parametrize(
    ("more", "cost"),
    [
        ({"cost": 0.002}, 0.002),
        ({"cost": 0}, 0.0),
        ({"cost": 0.002, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.5}}, 0.002),
        ({"cost": 0.002, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}}, 0.502),
        ({"cost": 0.002, "is_byok": True, "cost_details": None}, 0.002),
    ],
)
async def test_openrouters_own_bill_goes_before_our_price(more, cost, ask, reply):
    usage = (await ask(reply(usage={**USAGE, **more}), price=Price(1.0, 10.0)))[0].usage
    assert usage.cost_usd == pytest.approx(cost)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": None}])
async def test_a_server_that_counts_nothing_is_no_error_and_no_reply_for_free(usage, ask, reply):
    usage = (await ask(reply(usage=usage), price=Price(1.0, 10.0)))[0].usage
    assert (usage.output_tokens, usage.cost_usd) == (0, None)


async def test_details_that_are_null_are_no_error(ask, reply):
    usage = {**USAGE, "prompt_tokens_details": None, "completion_tokens_details": {"reasoning_tokens": None}}
    assert (await ask(reply(usage=usage)))[0].usage.cached_tokens == 0


async def test_the_provider_behind_openrouter_is_kept(ask, chat_payload):
    chat_payload["provider"] = "Acme"
    assert (await ask(chat_payload))[0].metadata == {"provider": "Acme"}


# --- what is no answer


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        None,
        {"choices": []},
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": 7}, "finish_reason": "stop"}]},
        {"choices": [{"message": {"content": [{"type": "text"}]}}]},
    ],
)
async def test_a_reply_against_the_protocol_is_a_bad_reply_not_a_crash(payload, ask):
    with pytest.raises(BadReply, match=r"^tested: the reply does not follow the protocol"):
        await ask(payload)


async def test_a_body_that_is_no_json_shows_how_it_begins(ask):
    with pytest.raises(BadReply, match=r"^tested: status 200, but the body is not JSON: '<html> login'$"):
        await ask(b"<html>\nlogin")


async def test_an_error_in_the_body_or_in_the_choice_is_found(ask, chat_payload):
    with pytest.raises(Overloaded, match="HTTP 502: upstream is down"):
        await ask({"error": {"code": 502, "message": "upstream is down"}})
    chat_payload["choices"][0]["error"] = {"code": 500, "message": "cut off"}
    with pytest.raises(Overloaded, match="HTTP 500: cut off"):
        await ask(chat_payload)


async def test_an_error_carries_what_was_sent(ask, make_request):
    with pytest.raises(Rejected) as caught:
        await ask({"error": {"message": "no"}}, make_request(max_tokens=3), status=400)
    assert caught.value.sent == {"model": "some/model", "temperature": 0.0, "max_tokens": 3}


async def test_closing_the_model_closes_its_transport(make_spec, canned):
    transport = canned({})
    await OpenAICompatible(make_spec(), transport=transport).aclose()
    assert transport.posted == ["closed"]

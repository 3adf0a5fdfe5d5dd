"""The Responses API: what is sent, and how every shape of reply is read."""

import httpx
import orjson
import pytest

from mmlubench.errors import BadReply, Overloaded, RateLimited
from mmlubench.models import open_model
from mmlubench.models.http.openai_responses import OpenAIResponses
from mmlubench.models.names.from_entry import from_name
from mmlubench.schema import TOOL_CALLS, Usage

pytestmark = pytest.mark.asyncio


def message(*parts, **more):
    return {"type": "message", "role": "assistant", "content": list(parts), **more}


def text(said, **more):
    return {"type": "output_text", "text": said, "annotations": [], **more}


THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}


def payload(*output, status="completed", **more):
    return {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "gpt-5.5-2026-04-01",
        "output": list(output),
        "usage": {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 0},
            "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 130,
        },
        **more,
    }


@pytest.fixture
def ask(make_request, canned):
    async def do(reply, model="responses/gpt-5.5", system=None, **params):
        transport = canned(reply)
        completion = await OpenAIResponses(from_name(model), transport=transport).generate(
            make_request("Which letter?", system=system, **params)
        )
        ((path, body),) = transport.posted
        assert path == "/responses"
        return completion, body

    return do


async def test_a_reasoning_model_is_sent_what_it_takes(ask):
    completion, body = await ask(
        payload(THOUGHT, message(text("ANSWER: B"))),
        system="Be brief.",
        temperature=0.0,
        top_p=1.0,
        max_tokens=64,
        seed=1,
        stop=("\n",),
    )
    assert body == {
        "model": "gpt-5.5",
        "max_output_tokens": 64,
        "store": False,
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which letter?"}],
    }
    assert (completion.text, completion.finish_reason, completion.reasoning) == ("ANSWER: B", "stop", "Hm.")
    assert completion.model == "gpt-5.5-2026-04-01"
    assert completion.usage == Usage(100, 30, 40, 20, completion.usage.cost_usd)
    # By the price list of OpenAI: 60 fresh and 40 cached tokens, and 30 of the reply.
    assert completion.usage.cost_usd == pytest.approx((60 * 5 + 40 * 0.5 + 30 * 30) / 1e6)


async def test_another_model_takes_a_temperature_and_tells_log_probabilities(ask):
    told = [
        {
            "token": "B",
            "logprob": -0.1,
            "top_logprobs": [{"token": "B", "logprob": -0.1}, {"token": "A", "logprob": -3}],
        }
    ]
    completion, body = await ask(
        payload(message(text("B", logprobs=told))), "responses/gpt-4o", max_tokens=1, logprobs=20
    )
    assert body["temperature"] == 0.0
    assert (body["top_logprobs"], body["include"]) == (20, ["message.output_text.logprobs"])
    assert body["max_output_tokens"] == 16  # the fewest that the API allows
    assert completion.logprobs == (("B", -0.1), ("A", -3.0))
    with pytest.raises(BadReply, match="log-probabilities were asked for"):
        await ask(payload(message(text("B"))), "responses/gpt-4o", max_tokens=1, logprobs=20)


@pytest.mark.parametrize(
    ("reply", "said", "reason"),
    [
        (
            payload(THOUGHT, status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "",
            "length",
        ),
        (
            payload(message(text("I")), status="incomplete", incomplete_details={"reason": "content_filter"}),
            "I",
            "refusal",
        ),
        (payload(message({"type": "refusal", "refusal": "I cannot."})), "I cannot.", "refusal"),
        (
            payload(
                message(text("Let me see."), phase="commentary"), message(text("B"), phase="final_answer")
            ),
            "B",
            "stop",
        ),
        (payload(message(text("B"), phase="commentary")), "B", "stop"),
        (payload({"type": "function_call", "name": "look_up", "arguments": "{}"}), "", TOOL_CALLS),
        (payload(), "", "stop"),
    ],
)
async def test_every_end_of_a_response_is_read(reply, said, reason, ask):
    completion, _ = await ask(reply)
    assert (completion.text, completion.finish_reason) == (said, reason)


async def test_thinking_of_a_server_of_ones_own_is_kept(ask):
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Long."}]}
    completion, body = await ask(payload(thought, message(text("B"))), "responses/m@http://host:8000/v1")
    assert (completion.text, completion.reasoning) == ("B", "Long.")
    assert "store" not in body


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (payload(status="failed", error={"code": "server_error", "message": "The model failed."}), BadReply),
        (payload(status="cancelled"), Overloaded),
        (payload(status="failed", error={"code": "rate_limit_exceeded", "message": "Limit"}), RateLimited),
        (payload(status="queued"), BadReply),
        (payload(THOUGHT, status="in_progress"), BadReply),
        ({"object": "response"}, BadReply),
        (payload() | {"output": "B"}, BadReply),
    ],
)
async def test_a_response_that_failed_is_an_error_and_no_answer(reply, kind, ask):
    with pytest.raises(kind):
        await ask(reply)


async def test_it_goes_to_openai_with_its_key(httpx2_mock, make_request, key):
    route = httpx2_mock.post("https://api.openai.com/v1/responses").mock(
        return_value=httpx.Response(200, json=payload(message(text("C"))))
    )
    model = open_model(from_name("responses/gpt-5.5"), pool=1, env={"OPENAI_API_KEY": key})
    completion = await model.generate(make_request(max_tokens=99))
    await model.aclose()
    request = route.calls.last.request
    assert request.headers["authorization"] == f"Bearer {key}"
    assert orjson.loads(request.content)["max_output_tokens"] == 99
    assert completion.text == "C"

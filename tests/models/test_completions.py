"""Raw prompts: they go to `/completions` as they are, and echoes are cut to the letter."""

import pytest

from mmlubench.errors import BadReply, Overloaded, Rejected
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.spec import Price
from mmlubench.schema import Params, Request

pytestmark = pytest.mark.asyncio

RAW = Request("q/1", (), Params(max_tokens=1, logprobs=20), prompt="Which?\nAnswer:")
ECHOED = Request("q/1", (), Params(max_tokens=1, logprobs=20), prompt="Which?\nAnswer:", continuation=" A")


@pytest.fixture
def ask(make_spec, canned):
    """Ask a model whose server gives `payload`; the completion, and what was posted where."""

    async def do(payload, request=RAW, status=200, **spec):
        transport = canned(payload, status)
        completion = await OpenAICompatible(make_spec(**spec), transport=transport).generate(request)
        ((path, body),) = transport.posted
        return completion, path, body

    return do


@pytest.fixture
def payload():
    """What vLLM answers."""

    def make(tokens=(" B",), values=(-1.5,), top=None, text=" B", **choice):
        logprobs = {"tokens": tokens, "token_logprobs": values, "top_logprobs": top, "text_offset": [0]}
        return {
            "model": "served-model",
            "choices": [{"text": text, "finish_reason": "length", "logprobs": logprobs, **choice}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 1},
        }

    return make


async def test_the_prompt_is_sent_as_it_is_and_no_chat_is_made_of_it(ask, payload):
    completion, path, body = await ask(payload())
    assert path == "/completions"
    assert body == {
        "model": "some/model",
        "temperature": 0.0,
        "max_tokens": 1,
        "logprobs": 20,
        "prompt": "Which?\nAnswer:",
    }
    assert completion.sent == {name: value for name, value in body.items() if name != "prompt"}


async def test_a_reply_is_read_whole(ask, payload):
    reply = payload(top=[{" A": -0.7, " B": -1.5}])
    completion, _, _ = await ask({**reply, "system_fingerprint": "v1"}, price=Price(1.0, 10.0))
    assert (completion.text, completion.finish_reason, completion.model) == (" B", "length", "served-model")
    assert completion.logprobs == ((" A", -0.7), (" B", -1.5))
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (10, 1)
    assert completion.usage.cost_usd == pytest.approx(20e-6)
    assert completion.metadata == {"system_fingerprint": "v1"}


async def test_a_raw_prompt_can_be_asked_for_its_text_alone(ask, payload):
    request = Request("q/1", (), Params(max_tokens=16, stop=("\n",)), prompt="Answer:")
    completion, _, body = await ask(payload(logprobs=None), request)
    assert "logprobs" not in body
    assert (body["stop"], completion.text, completion.logprobs) == (["\n"], " B", ())


async def test_llama_cpp_has_a_shape_of_its_own(ask, payload):
    place = {"token": " B", "logprob": -1.5, "top_logprobs": [{"token": " A", "logprob": -0.7}]}
    completion, _, _ = await ask(payload(logprobs={"content": [place]}))
    assert completion.logprobs == ((" A", -0.7), (" B", -1.5))


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"choices": []},
        {"choices": [{"finish_reason": "stop"}]},
        {"choices": [{"text": "B", "logprobs": {"content": [{}]}}]},
    ],
)
async def test_a_reply_against_the_protocol_is_a_bad_reply_not_a_crash(ask, reply):
    with pytest.raises(BadReply, match=r"^tested: the reply does not follow the protocol"):
        await ask(reply)


async def test_a_reply_without_log_probabilities_says_so_and_is_no_reply_in_which_no_letter_is_likely(ask):
    with pytest.raises(BadReply, match=r"^tested: log-probabilities were asked for, and the reply has none$"):
        await ask({"choices": [{"text": "B", "logprobs": None}]})


async def test_errors_are_those_of_chats(ask, payload):
    with pytest.raises(Overloaded, match="HTTP 502: cut off"):
        await ask(payload(error={"code": 502, "message": "cut off"}))
    with pytest.raises(Rejected) as caught:
        await ask({"error": {"message": "logprobs of 20 is too many"}}, status=400)
    assert caught.value.sent["logprobs"] == 20


# --- echoes


async def test_a_continuation_is_sent_with_the_prompt_to_be_echoed_and_its_own_tokens_are_kept(ask, payload):
    # The prompt's tokens would fill the store: thousands of them for every letter.
    reply = payload(["Which", "?", " A", "\n"], [None, -2.0, -6.5, -0.1], text="Which? A\n")
    completion, path, body = await ask(reply, ECHOED)
    assert path == "/completions"
    assert body["prompt"] == "Which?\nAnswer: A"
    assert (body["echo"], body["max_tokens"], body["logprobs"]) == (True, 1, 1)
    assert completion.sent["echo"] is True
    assert (completion.text, completion.logprobs) == ("", ((" A", -6.5),))


@pytest.mark.parametrize(
    ("tokens", "values", "problem"),
    [
        ([","], [-1.0], "an echo of the prompt"),
        (["Which", "?", " B", ","], [None, -1.0, -1.0, -1.0], "and not with ' A'"),
    ],
)
async def test_what_is_no_echo_is_a_bad_reply_and_no_score(ask, payload, tokens, values, problem):
    with pytest.raises(BadReply, match=problem) as caught:
        await ask(payload(tokens, values), ECHOED)
    assert caught.value.sent["echo"] is True


# --- chats


async def test_a_chat_is_asked_for_log_probabilities_in_its_own_words(ask, chat_payload, make_request):
    top = [{"token": "C", "logprob": -2.0}, {"token": "A", "logprob": -0.6}]
    chat_payload["choices"][0]["logprobs"] = {
        "content": [{"token": "C", "logprob": -2.0, "top_logprobs": top}]
    }
    completion, path, body = await ask(chat_payload, make_request(logprobs=5))
    assert path == "/chat/completions"
    assert (body["logprobs"], body["top_logprobs"]) == (True, 5)
    assert completion.logprobs == (("A", -0.6), ("C", -2.0))


async def test_a_chat_that_gives_none_is_a_bad_reply_but_a_refusal_is_an_answer(
    ask, chat_payload, make_request
):
    with pytest.raises(BadReply, match="the reply has none"):
        await ask(chat_payload, make_request(logprobs=5))
    chat_payload["choices"][0]["message"] = {"content": None, "refusal": "I cannot."}
    completion, _, _ = await ask(chat_payload, make_request(logprobs=5))
    assert (completion.finish_reason, completion.logprobs) == ("refusal", ())


async def test_a_chat_that_is_not_asked_for_them_is_asked_as_ever(ask, chat_payload, make_request):
    completion, _, body = await ask(chat_payload, make_request())
    assert not {"logprobs", "top_logprobs", "echo", "prompt"} & body.keys()
    assert completion.logprobs == ()


async def test_all_three_go_over_one_transport_which_is_closed_once(make_spec, canned, payload):
    transport = canned(payload())
    model = OpenAICompatible(make_spec(), transport=transport)
    await model.generate(RAW)
    await model.aclose()
    assert [call[0] if isinstance(call, tuple) else call for call in transport.posted] == [
        "/completions",
        "closed",
    ]


async def test_the_key_is_cut_out_of_what_a_raw_prompts_server_says(make_spec, canned, key):
    transport = canned({"error": {"message": f"bad key {key}"}}, 401)
    with pytest.raises(Rejected) as caught:
        await OpenAICompatible(make_spec(), key=key, transport=transport).generate(RAW)
    assert key not in str(caught.value)

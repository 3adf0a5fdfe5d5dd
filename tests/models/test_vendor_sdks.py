"""The vendors' own SDKs, with the network cut off below them: what really leaves, and how every failure comes back."""

import httpcore2
import httpx
import orjson
import pytest

from mmlubench.errors import Overloaded, RateLimited, Rejected, Unreachable
from mmlubench.models import open_model
from mmlubench.models.names.from_entry import from_name

pytestmark = pytest.mark.asyncio

OPENAI = "https://api.openai.com/v1/chat/completions"
ROUTER = "https://openrouter.ai/api/v1/chat/completions"
CLAUDE = "https://api.anthropic.com/v1/messages"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-served",
    "content": [{"type": "text", "text": "ANSWER: C"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 12, "output_tokens": 4},
}
VENDORS = [("openai/gpt-4.1", OPENAI), ("openrouter/org/model", ROUTER), ("anthropic/claude-x", CLAUDE)]


@pytest.fixture
def ask(make_request, key):
    """Open the model by its full name, ask once, close."""

    async def do(name, **params):
        spec = from_name(name)
        model = open_model(spec, pool=4, env={spec.api_key_env: key} if spec.api_key_env else {})
        try:
            return await model.generate(make_request(**params))
        finally:
            await model.aclose()

    return do


@pytest.fixture
def fails(ask, httpx2_mock, key):
    """Let the vendor answer with a failure; the error, which must not show the key."""

    async def do(name, url, kind, response=None, error=None):
        route = httpx2_mock.post(url).mock(return_value=response, side_effect=error)
        with pytest.raises(kind) as caught:
            await ask(name, max_tokens=8)
        assert route.call_count == 1  # the SDK's own retries are off
        assert key not in f"{caught.value} {caught.value.__cause__} {caught.value.sent}"
        assert caught.value.sent["model"] == name.partition("/")[2]
        return caught.value

    return do


def sent(route):
    request = route.calls.last.request
    return request.headers, orjson.loads(request.content)


async def test_openai_gets_its_key_and_its_own_name_for_the_token_limit(ask, httpx2_mock, chat_payload, key):
    route = httpx2_mock.post(OPENAI).mock(return_value=httpx.Response(200, json=chat_payload))
    completion = await ask("openai/gpt-4.1", max_tokens=16)
    headers, body = sent(route)
    assert headers["authorization"] == f"Bearer {key}"
    assert body == {
        "model": "gpt-4.1",
        "temperature": 0.0,
        "max_completion_tokens": 16,
        "messages": [{"role": "user", "content": "Which letter?"}],
    }
    assert (completion.text, completion.model) == ("B", "served-model")


async def test_openrouter_is_told_not_to_drop_parameters_and_says_what_it_cost(
    ask, httpx2_mock, chat_payload
):
    chat_payload["usage"]["cost"] = 0.00042
    route = httpx2_mock.post(ROUTER).mock(return_value=httpx.Response(200, json=chat_payload))
    completion = await ask("openrouter/org/model", max_tokens=16)
    _, body = sent(route)
    assert body["provider"] == {"require_parameters": True, "allow_fallbacks": False}
    assert body["max_tokens"] == 16
    assert completion.usage.cost_usd == 0.00042


async def test_anthropic_gets_its_key_its_version_and_no_temperature(ask, httpx2_mock, key):
    route = httpx2_mock.post(CLAUDE).mock(return_value=httpx.Response(200, json=MESSAGE))
    completion = await ask("anthropic/claude-x", max_tokens=16, temperature=0.0)
    headers, body = sent(route)
    assert key in (headers.get("authorization", "") + headers.get("x-api-key", ""))
    assert headers["anthropic-version"]
    assert body == {
        "model": "claude-x",
        "max_tokens": 16,
        "messages": [{"role": "user", "content": "Which letter?"}],
    }
    assert (completion.text, completion.finish_reason) == ("ANSWER: C", "stop")


@pytest.mark.parametrize("path", ["", "/v1", "/v1/"])
async def test_anthropics_protocol_elsewhere_needs_no_key_and_either_spelling_of_the_address(
    path, ask, httpx2_mock
):
    route = httpx2_mock.post("http://localhost:8080/v1/messages").mock(
        return_value=httpx.Response(200, json=MESSAGE)
    )
    assert (await ask(f"anthropic/local@http://localhost:8080{path}")).text == "ANSWER: C"
    assert route.called


async def test_a_key_in_the_environment_is_not_sent_to_another_address(ask, httpx2_mock, monkeypatch, key):
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    route = httpx2_mock.post("http://gateway/v1/messages").mock(
        return_value=httpx.Response(200, json=MESSAGE)
    )
    await ask("anthropic/local@http://gateway")
    assert key not in str(dict(sent(route)[0]))


@pytest.mark.parametrize(("name", "url"), VENDORS)
async def test_a_rate_limit_says_how_long_to_wait(name, url, fails):
    body = {"error": {"message": "slow down", "type": "rate_limit_error"}}
    error = await fails(name, url, RateLimited, httpx.Response(429, json=body, headers={"Retry-After": "7"}))
    assert (error.status, error.retry_after_s) == (429, 7.0)


@pytest.mark.parametrize(("name", "url"), VENDORS)
async def test_a_quota_that_is_used_up_is_final(name, url, fails):
    details = {"error_code": "enforced_spend_limit_reached"}
    body = {"error": {"message": "Used up", "code": "insufficient_quota", "details": details}}
    assert "waiting will not help" in str(await fails(name, url, Rejected, httpx.Response(429, json=body)))


@pytest.mark.parametrize(("name", "url"), VENDORS)
@pytest.mark.parametrize("status", [408, 409, 500, 503, 529])
async def test_trouble_on_the_vendors_side_is_worth_another_try(status, name, url, fails):
    error = await fails(
        name, url, Overloaded, httpx.Response(status, json={"error": {"message": "Overloaded"}})
    )
    assert (error.status, error.retryable) == (status, True)


@pytest.mark.parametrize(("name", "url"), VENDORS)
async def test_a_wrong_key_names_its_variable_and_is_not_shown(name, url, fails, key):
    body = {"error": {"message": f"Incorrect API key provided: {key}"}}
    error = await fails(name, url, Rejected, httpx.Response(401, json=body))
    assert f"check the key in {name.partition('/')[0].upper()}_API_KEY" in str(error)


@pytest.mark.parametrize(("name", "url"), VENDORS)
async def test_a_bad_request_comes_back_in_the_vendors_words(name, url, fails):
    body = {"error": {"message": "temperature: this model does not take it", "type": "invalid_request_error"}}
    error = await fails(name, url, Rejected, httpx.Response(400, json=body))
    assert "HTTP 400: temperature: this model does not take it" in str(error)


@pytest.mark.parametrize(("name", "url"), VENDORS)
async def test_an_html_page_in_between_is_read(name, url, fails):
    page = httpx.Response(502, text="<html><title>Bad gateway</title>...</html>")
    assert "HTTP 502: Bad gateway" in str(await fails(name, url, Overloaded, page))


@pytest.mark.parametrize(("name", "url"), VENDORS)
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpcore2.ConnectError("refused"), "is the server running"),
        (httpcore2.ReadError("reset"), "is the server running"),
        (httpcore2.RemoteProtocolError("cut"), "is the server running"),
        (httpcore2.ReadTimeout("slow"), "did not answer in time"),
        (httpcore2.ConnectTimeout("slow"), "did not answer in time"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_a_vendor_that_cannot_be_reached_is_worth_another_try(error, said, name, url, fails):
    failure = await fails(name, url, Unreachable, error=error)
    assert failure.retryable
    assert said in str(failure)
    assert url.rpartition("/v1")[0] in str(failure)


@pytest.mark.parametrize(("name", "url"), VENDORS)
async def test_the_pool_is_as_wide_as_was_asked(name, url, ask, httpx2_mock, monkeypatch):
    # A pool of 100 under a concurrency of 256 would hold the run back in silence.
    import httpx2

    seen = []
    plain = httpx2.Limits
    monkeypatch.setattr(httpx2, "Limits", lambda **kw: seen.append(kw) or plain(**kw))
    httpx2_mock.post(url).mock(return_value=httpx.Response(500))
    with pytest.raises(Overloaded):
        await ask(name)
    assert {"max_connections": 4, "max_keepalive_connections": 4} in seen


@pytest.mark.parametrize("name", [name for name, _ in VENDORS])
async def test_text_that_is_no_unicode_is_the_requests_own_fault(name, ask, httpx2_mock, make_request, key):
    spec = from_name(name)
    model = open_model(spec, pool=1, env={spec.api_key_env: key})
    with pytest.raises(Rejected, match="cannot be written as JSON"):
        await model.generate(make_request("half a pair: \ud800"))
    await model.aclose()


@pytest.mark.parametrize("client", ["openai", "anthropic"])
async def test_an_sdk_without_a_server_gives_the_systems_own_word(
    client, make_spec, make_request, unused_tcp_port
):
    # The SDKs themselves say no more than "Connection error."
    spec = make_spec(client=client, base_url=f"http://127.0.0.1:{unused_tcp_port}", transport="sdk")
    model = open_model(spec, pool=1, env={})
    with pytest.raises(
        Unreachable, match=r"cannot reach http://127\.0\.0\.1:\d+ \(Connection refused\): is the"
    ):
        await model.generate(make_request())
    await model.aclose()

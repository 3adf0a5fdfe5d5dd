"""The path of one's own servers, against a real little server: everything that can happen on a wire."""

import asyncio

import orjson
import pytest

from mmlubench.errors import BadReply, Overloaded, RateLimited, Rejected, Unreachable
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.transport import AioTransport, _proxy

pytestmark = pytest.mark.asyncio


@pytest.fixture
def asking(serving, make_spec, make_request, key):
    """Ask a server that gives `raw`; the completion and the server."""

    async def do(raw, wait_s=0.0, request=None, **spec):
        async with serving(raw, wait_s) as (server, base_url):
            model = OpenAICompatible(make_spec(base_url=base_url, self_hosted=True, **spec), key=key, pool=4)
            try:
                return await model.generate(request or make_request(max_tokens=8)), server
            finally:
                await model.aclose()

    return do


@pytest.fixture
def fails(asking, key):
    async def do(kind, raw, wait_s=0.0, **spec):
        with pytest.raises(kind) as caught:
            await asking(raw, wait_s, **spec)
        assert key not in f"{caught.value} {caught.value.__cause__} {caught.value.sent}"
        assert caught.value.sent["max_tokens"] == 8
        return caught.value

    return do


# --- success


async def test_a_request_arrives_whole_and_its_reply_is_read(asking, raw_reply, chat_payload, key):
    completion, server = await asking(raw_reply(chat_payload))
    ((first, headers, body),) = server.requests
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == f"Bearer {key}"
    assert headers["content-type"] == "application/json"
    assert body["messages"] == [{"role": "user", "content": "Which letter?"}]
    assert completion.text == "B"
    assert completion.latency_s > 0


async def test_text_of_any_language_survives_the_way(asking, raw_reply, chat_payload, make_request):
    chat_payload["choices"][0]["message"]["content"] = "回答 乙 Ω é"
    completion, server = await asking(raw_reply(chat_payload), request=make_request("Frage: 日本 ∑ é"))
    assert server.requests[0][2]["messages"][0]["content"] == "Frage: 日本 ∑ é"
    assert completion.text == "回答 乙 Ω é"


async def test_no_key_means_no_header(serving, raw_reply, chat_payload, make_spec, make_request):
    async with serving(raw_reply(chat_payload)) as (server, base_url):
        model = OpenAICompatible(make_spec(base_url=base_url))
        await model.generate(make_request())
        await model.aclose()
    assert "authorization" not in server.requests[0][1]


async def test_as_many_requests_fly_at_once_as_the_pool_is_wide(
    serving, raw_reply, chat_payload, make_spec, make_request
):
    async with serving(raw_reply(chat_payload), wait_s=0.05) as (server, base_url):
        model = OpenAICompatible(make_spec(base_url=base_url), pool=8)
        await asyncio.gather(*(model.generate(make_request()) for _ in range(24)))
        await model.aclose()
    assert len(server.requests) == 24
    assert server.connections == 8  # all in use, all kept alive


# --- replies that are no answer


async def test_a_rate_limit_says_how_long_to_wait(fails, raw_reply):
    body = {"error": {"message": "slow down"}}
    error = await fails(RateLimited, raw_reply(body, 429, "Retry-After: 3\r\n"))
    assert (error.status, error.retry_after_s) == (429, 3.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (401, Rejected), (404, Rejected), (500, Overloaded), (529, Overloaded)],
)
async def test_every_status_has_its_kind(status, kind, fails, raw_reply, key):
    error = await fails(kind, raw_reply({"error": {"message": f"said so to {key}"}}, status))
    assert f"HTTP {status}: said so to ***" in str(error)


async def test_a_quota_that_is_used_up_is_final(fails, raw_reply):
    await fails(Rejected, raw_reply({"error": {"message": "none left", "code": "insufficient_quota"}}, 429))


async def test_a_redirect_is_not_followed_since_it_would_turn_the_post_into_a_get(fails, raw_reply):
    error = await fails(Rejected, raw_reply(b"", 301, "Location: https://elsewhere/v1\r\n"))
    assert "redirects to https://elsewhere/v1" in str(error)


async def test_json_that_is_cut_short_is_a_bad_reply(fails, raw_reply, chat_payload):
    await fails(BadReply, raw_reply(orjson.dumps(chat_payload)[:-20]))


async def test_an_error_under_status_200_is_found(fails, raw_reply):
    error = await fails(Overloaded, raw_reply({"error": {"code": 503, "message": "loading model"}}))
    assert "loading model" in str(error)


async def test_a_login_page_in_place_of_an_answer_is_a_bad_reply(fails, raw_reply):
    error = await fails(BadReply, raw_reply(b"<html>Please log in</html>", kind="text/html"))
    assert "the body is not JSON: '<html>Please log in</html>'" in str(error)


async def test_an_html_error_page_is_read(fails, raw_reply):
    page = b"<html><head><title>504 Gateway Time-out</title></head></html>"
    assert "HTTP 504: 504 Gateway Time-out" in str(
        await fails(Overloaded, raw_reply(page, 504, kind="text/html"))
    )


# --- no reply


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
    ids=["hung-up", "cut-body", "broken-gzip"],
)
async def test_a_reply_that_is_not_whole_is_worth_another_try(raw, fails):
    assert (await fails(Unreachable, raw)).retryable


async def test_a_server_that_speaks_no_http_is_said_so(fails):
    error = await fails(BadReply, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    assert "does not answer in HTTP" in str(error)


async def test_a_server_that_is_down_is_said_so(make_spec, make_request, unused_tcp_port):
    model = OpenAICompatible(make_spec(base_url=f"http://127.0.0.1:{unused_tcp_port}/v1"))
    with pytest.raises(Unreachable) as caught:
        await model.generate(make_request())
    await model.aclose()
    address = f"http://127.0.0.1:{unused_tcp_port}/v1"
    assert str(caught.value) == (
        f"cannot reach {address} (Connection refused): is the server running and the address right?"
    )


async def test_a_host_that_does_not_exist_is_said_so(make_spec, make_request):
    model = OpenAICompatible(make_spec(base_url="http://no-such-host.invalid/v1"))
    with pytest.raises(
        Unreachable, match=r"cannot reach http://no-such-host\.invalid/v1 \(.+\): is the server"
    ):
        await model.generate(make_request())
    await model.aclose()


async def test_text_that_is_no_unicode_is_the_requests_own_fault(
    asking, raw_reply, make_request, chat_payload
):
    with pytest.raises(Rejected, match="cannot be written as JSON"):
        await asking(raw_reply(chat_payload), request=make_request("half a pair: \ud800"))


async def test_a_cancelled_request_stays_cancelled(asking, raw_reply, chat_payload):
    # Ctrl-C must not look like a failure of the provider.
    task = asyncio.create_task(asking(raw_reply(chat_payload), wait_s=5))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- around it


async def test_a_transport_that_was_never_used_closes_too():
    await AioTransport("http://host/v1", key=None, pool=1).aclose()


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://server.example/v1", "http://proxy:3128"),
        ("http://inside.example/v1", None),
        ("http://localhost:8000/v1", None),
        ("http://127.0.0.1:8000/v1", None),
    ],
)
async def test_the_environments_proxy_is_used_but_never_for_this_machine(url, proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert _proxy(url) == proxy

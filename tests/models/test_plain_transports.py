"""The two paths to one's own servers, against a real little server: everything that can happen on a wire."""

import asyncio
import re

import pytest

from mmlubench.errors import BadReply, Overloaded, RateLimited, Rejected, Unreachable
from mmlubench.models.http.direct import DirectTransport, plain_transport
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.transport import AioTransport
from tests.fake_server import LETTER, FakeServer, Reply, error

pytestmark = pytest.mark.asyncio
PAGE = {"Content-Type": "text/html"}


@pytest.fixture
def opened(plain, make_spec):
    """A model at an address, through one of the two transports."""

    def do(url, key=None, pool=1):
        spec = make_spec(base_url=url, self_hosted=True)
        return OpenAICompatible(spec, key=key, transport=plain(url, key=key, pool=pool))

    return do


@pytest.fixture
def asking(opened, make_request, key):
    """Ask a server that gives `answer`; the completion and the server."""

    async def do(answer="ok", request=None):
        with FakeServer(answer) as server:
            model = opened(server.url, key, pool=4)
            try:
                return await model.generate(request or make_request(max_tokens=8)), server
            finally:
                await model.aclose()

    return do


@pytest.fixture
def fails(asking, key):
    async def do(kind, answer):
        with pytest.raises(kind) as caught:
            await asking(answer)
        assert key not in f"{caught.value} {caught.value.__cause__} {caught.value.sent}"
        assert caught.value.sent["max_tokens"] == 8
        return caught.value

    return do


# --- success


async def test_a_request_arrives_whole_and_its_reply_is_read(asking, key):
    completion, server = await asking()
    (request,) = server.requests
    assert str(request) == "POST /v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {key}"
    assert request.headers["content-type"] == "application/json"
    assert request.body["messages"] == [{"role": "user", "content": "Which letter?"}]
    assert completion.text == LETTER
    assert completion.latency_s > 0


async def test_text_of_any_language_survives_the_way(asking, chat_payload, make_request):
    chat_payload["choices"][0]["message"]["content"] = "回答 乙 Ω é"
    completion, server = await asking(Reply(body=chat_payload), make_request("Frage: 日本 ∑ é"))
    assert server.requests[0].body["messages"][0]["content"] == "Frage: 日本 ∑ é"
    assert completion.text == "回答 乙 Ω é"


async def test_no_key_means_no_header(opened, make_request):
    with FakeServer() as server:
        model = opened(server.url)
        await model.generate(make_request())
        await model.aclose()
    assert "authorization" not in server.requests[0].headers


async def test_as_many_requests_fly_at_once_as_the_pool_is_wide(opened, make_request):
    with FakeServer(latency_s=0.05) as server:
        model = opened(server.url, pool=8)
        await asyncio.gather(*(model.generate(make_request()) for _ in range(24)))
        await model.aclose()
    assert len(server.requests) == 24
    assert server.connections == 8  # all in use, all kept alive


# --- replies that are no answer


async def test_a_rate_limit_says_how_long_to_wait(fails):
    failure = await fails(RateLimited, Reply(429, error("slow down"), {"Retry-After": "3"}))
    assert (failure.status, failure.retry_after_s) == (429, 3.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (401, Rejected), (404, Rejected), (500, Overloaded), (529, Overloaded)],
)
async def test_every_status_has_its_kind(status, kind, fails, key):
    failure = await fails(kind, Reply(status, error(f"said so to {key}")))
    assert f"HTTP {status}: said so to ***" in str(failure)


async def test_a_quota_that_is_used_up_is_final(fails):
    await fails(Rejected, "quota_429")


async def test_a_redirect_is_not_followed_since_it_would_turn_the_post_into_a_get(fails):
    failure = await fails(Rejected, Reply(301, "", {"Location": "https://elsewhere/v1"}))
    assert "redirects to https://elsewhere/v1" in str(failure)


async def test_json_that_is_cut_short_is_a_bad_reply(fails):
    await fails(BadReply, "half_json")


async def test_an_error_under_status_200_is_found(fails):
    failure = await fails(Overloaded, Reply(body=error("loading model", 503)))
    assert "loading model" in str(failure)


async def test_a_login_page_in_place_of_an_answer_is_a_bad_reply(fails):
    failure = await fails(BadReply, Reply(body="<html>Please log in</html>", headers=PAGE))
    assert "the body is not JSON: '<html>Please log in</html>'" in str(failure)


async def test_an_html_error_page_is_read(fails):
    page = Reply(504, "<html><head><title>504 Gateway Time-out</title></head></html>", PAGE)
    assert "HTTP 504: 504 Gateway Time-out" in str(await fails(Overloaded, page))


# --- no reply


@pytest.mark.parametrize(
    "answer",
    [Reply(raw=b""), "half_body", Reply(body="nope", headers={"Content-Encoding": "gzip"})],
    ids=["hung-up", "cut-body", "broken-gzip"],
)
async def test_a_reply_that_is_not_whole_is_worth_another_try(answer, fails):
    assert (await fails(Unreachable, answer)).retryable


async def test_a_server_that_speaks_no_http_is_said_so(fails):
    failure = await fails(BadReply, Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    assert "does not answer in HTTP" in str(failure)


async def test_a_server_that_is_down_is_said_so(opened, make_request, unused_tcp_port):
    model = opened(f"http://127.0.0.1:{unused_tcp_port}/v1")
    with pytest.raises(Unreachable) as caught:
        await model.generate(make_request())
    await model.aclose()
    address = f"http://127.0.0.1:{unused_tcp_port}/v1"
    assert str(caught.value) == (
        f"cannot reach {address} (Connection refused): is the server running and the address right?"
    )


async def test_a_host_that_does_not_exist_is_said_so(opened, make_request):
    model = opened("http://no-such-host.invalid/v1")
    with pytest.raises(Unreachable) as caught:
        await model.generate(make_request())
    assert re.fullmatch(
        r"cannot reach http://no-such-host\.invalid/v1: the host name no-such-host\.invalid is not found \(.+\): "
        r"is the name right, and DNS working\?",
        str(caught.value),
    )
    await model.aclose()


async def test_text_that_is_no_unicode_is_the_requests_own_fault(asking, make_request):
    with pytest.raises(Rejected, match="cannot be written as JSON"):
        await asking(request=make_request("half a pair: \ud800"))


async def test_a_cancelled_request_stays_cancelled(asking):
    # Ctrl-C must not look like a failure of the provider.
    task = asyncio.create_task(asking("stall"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- around it


async def test_a_transport_that_was_never_used_closes_too(plain):
    await plain("http://host/v1", key=None, pool=1).aclose()


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://user:word@host/v1", None),
        ("http://host/v1?version=2", None),
        ("http://host/%7Eme/v1", None),
        ("http://host/a/../v1", None),
        ("http://bücher.example/v1", None),
        ("http://[fe80::1%25eth0]/v1", None),
        ("http://host:99999/v1", None),
        ("http+unix://socket/v1", None),
        ("http://host/v1\r\nX: y", None),
        ("http://host/v1", "key\r\nX: y"),
        ("http://host/v1", "schlüssel"),
    ],
)
async def test_what_is_out_of_the_usual_goes_the_way_that_knows_it(url, key):
    assert type(plain_transport(url, key=key, pool=1)) is AioTransport


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "https://Some-Host.example:443/v1",
        "http://127.0.0.1:8000/v1",
        "http://[::1]:8000/v1",
        "http://a_b/v1/",
    ],
)
async def test_a_usual_address_goes_the_short_way(url):
    assert type(plain_transport(url, key="sk-1 2", pool=1)) is DirectTransport

"""The environment's proxy: who is asked through it; one that is dead, that refuses, or that is no HTTP proxy."""

import asyncio
import base64
import socket
from typing import Any

import pytest

from mmlubench.errors import ModelError, Rejected, Unreachable
from mmlubench.models import secrecy
from mmlubench.models.http.direct import DirectTransport, plain_transport
from mmlubench.models.http.proxies import proxy_of
from mmlubench.models.http.transport import AioTransport, SdkTransport, Timeouts
from tests.tls_server import serving

REFUSES = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(params=["aiohttp", "openai", "anthropic"])
def ask(request):
    """Send one request through one of the transports that go through proxies; the reply's status or the error."""

    def do(url):
        more: dict[str, Any] = {"key": "sk-0123456789", "pool": 1, "timeouts": Timeouts(5, 5)}

        async def main():
            is_plain = request.param == "aiohttp"
            transport = AioTransport(url, **more) if is_plain else SdkTransport(request.param, url, **more)
            try:
                return (await transport.post("/c", {})).status
            except (Unreachable, Rejected) as error:
                return error
            finally:
                await transport.aclose()

        return asyncio.run(main())

    return do


# --- who is asked through a proxy


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://server.example/v1", "http://plain:3128"),
        ("https://server.example/v1", "http://secure:3128"),
        ("http://localhost:8000/v1", None),
        ("http://127.0.0.1:8000/v1", None),
        ("http://127.8.0.1:8000/v1", None),
        ("http://[::1]:8000/v1", None),
        ("http://0.0.0.0:8000/v1", None),
        ("http://inside.example/v1", None),
        ("http://deep.inside.example:8000/v1", None),
        ("http://notinside.example/v1", "http://plain:3128"),
        ("http://gpu.star.example/v1", None),
        ("http://10.1.2.3:8000/v1", None),
        ("http://11.1.2.3:8000/v1", "http://plain:3128"),
        ("http://192.168.7.7/v1", None),
        ("http://[fd00::7]:8000/v1", None),
        ("http://[fe80::1]/v1", "http://plain:3128"),
        ("http://[2001:db8::1]:8000/v1", None),
        ("http://ported.example:8000/v1", None),
        ("http://ported.example:9000/v1", "http://plain:3128"),
    ],
)
def test_the_environments_proxy_is_used_but_not_for_this_machine_or_what_no_proxy_lists(
    url, proxy, monkeypatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://plain:3128")
    monkeypatch.setenv("HTTPS_PROXY", " secure:3128\n")
    listed = "inside.example, *.star.example,10.0.0.0/8,192.168.7.7,fd00::/8,[2001:db8::1],ported.example:8000,no/cidr"
    monkeypatch.setenv("NO_PROXY", listed)
    found = proxy_of(url)
    assert (found and found.url) == proxy
    assert type(plain_transport(url, key=None, pool=1)) is (AioTransport if proxy else DirectTransport)


def test_all_proxy_is_for_what_has_no_proxy_of_its_own(monkeypatch):
    monkeypatch.setenv("all_proxy", "http://all:3128")
    monkeypatch.setenv("https_proxy", "http://secure:3128")
    assert proxy_of("http://a.example/v1").shown == "http://all:3128"
    assert proxy_of("https://a.example/v1").shown == "http://secure:3128"
    monkeypatch.setenv("no_proxy", "*")
    assert proxy_of("http://a.example/v1") is None


def test_a_password_of_a_proxy_is_never_shown(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:s3cret-w%6Frd@[fd00::1]:3128")
    proxy = proxy_of("https://a.example/v1")
    assert proxy.shown == "http://[fd00::1]:3128"
    assert "s3cret-word" in secrecy.secrets({})


@pytest.mark.parametrize(
    ("proxy", "problem"),
    [
        ("socks5://127.0.0.1:1080", "ALL_PROXY names a SOCKS proxy, which is not supported"),
        ("socks5h://u:secret@127.0.0.1:1080", "ALL_PROXY names a SOCKS proxy"),
        ("ftp://proxy:21", "ALL_PROXY names a proxy of the kind ftp"),
        ("http://:3128", "ALL_PROXY names no host"),
        ("http://u:secret@proxy:port", "ALL_PROXY is no valid address"),
    ],
)
def test_what_is_no_http_proxy_is_refused_before_anything_is_sent(proxy, problem, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ModelError, match=problem) as caught:
        plain_transport("https://a.example/v1", key=None, pool=1)
    assert "secret" not in str(caught.value)
    with pytest.raises(ModelError):
        SdkTransport("openai", "https://a.example/v1", key=None, pool=1)


# --- what goes wrong on the way


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy_is_said_to_be_dead_and_not_the_server(scheme, ask, unused_tcp_port, monkeypatch):
    monkeypatch.setenv(f"{scheme}_proxy", f"http://user:pass-word-1@127.0.0.1:{unused_tcp_port}")
    assert str(ask(f"{scheme}://api.example/v1")) == (
        f"cannot reach the proxy http://127.0.0.1:{unused_tcp_port} (Connection refused), which {scheme.upper()}_PROXY "
        f"names for {scheme}://api.example/v1: is the proxy running, or should NO_PROXY list the server's host?"
    )


def test_the_name_of_a_proxy_that_is_not_found_is_said(ask, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://no-such-proxy.invalid:3128")
    said = str(ask("https://api.example/v1"))
    assert said.startswith(
        "cannot reach the proxy http://no-such-proxy.invalid:3128, which HTTPS_PROXY names for"
    )
    assert "the host name no-such-proxy.invalid is not found" in said


def test_a_proxy_that_wants_a_password_is_final_and_said_so(ask, monkeypatch):
    with serving(None, REFUSES) as (port, _):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        error = ask("https://api.example/v1")
    assert isinstance(error, Rejected)
    assert error.status == 407
    assert str(error) == (
        f"the proxy http://127.0.0.1:{port} does not pass on to https://api.example/v1: HTTP 407 Proxy Authentication "
        "Required; give user and password in HTTPS_PROXY"
    )


def test_a_proxy_that_cannot_reach_the_server_is_worth_another_try(ask, monkeypatch):
    with serving(None, b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") as (port, _):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        error = ask("https://api.example/v1")
    assert isinstance(error, Unreachable)
    assert "does not pass on to https://api.example/v1: HTTP 503 Service Unavailable" in str(error)


def test_user_and_password_reach_the_proxy_and_the_whole_address_as_well(ask, monkeypatch):
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with serving(None, reply) as (port, received):
        monkeypatch.setenv("http_proxy", f"http://user:w%40rd@127.0.0.1:{port}")
        assert ask("http://api.example/v1") == 200
    assert received[0].startswith(b"POST http://api.example/v1/c HTTP/1.1\r\n")
    assert base64.b64encode(b"user:w@rd") in received[0]


def test_a_plain_proxy_that_is_named_with_https_is_said_so_and_not_the_server(ask, monkeypatch):
    # Many believe that HTTPS_PROXY must begin with https.
    with serving(None, b"HTTP/1.1 400 Bad Request\r\n\r\n") as (port, _):
        monkeypatch.setenv("https_proxy", f"https://127.0.0.1:{port}")
        said = str(ask("https://api.example/v1"))
    assert said == (
        f"cannot reach https://api.example/v1: the proxy https://127.0.0.1:{port} is no TLS server; "
        "write http:// in place of https:// in HTTPS_PROXY"
    )


def test_a_proxy_that_never_answers_is_named(monkeypatch):
    async def main(port):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        transport = AioTransport("https://api.example/v1", key=None, pool=1, timeouts=Timeouts(0.3, 0.3))
        with pytest.raises(Unreachable, match=rf"in time through the proxy http://127\.0\.0\.1:{port} \("):
            await transport.post("/c", {})
        await transport.aclose()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(silent.getsockname()[1]))


def test_what_a_proxy_says_cannot_paint_the_terminal(ask, monkeypatch):
    with serving(None, b"HTTP/1.1 403 \x1b[31mred\r\nContent-Length: 0\r\n\r\n") as (port, _):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert str(ask("https://api.example/v1")).isprintable()

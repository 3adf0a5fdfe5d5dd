"""What this machine has run out of is never blamed on the server: file descriptors, above all, and ports."""

import asyncio
import errno
import os
import resource
from contextlib import contextmanager
from typing import Any

import pytest

from mmlubench.errors import OutOfSockets, Unreachable
from mmlubench.models.http.direct import DirectTransport
from mmlubench.models.http.transport import AioTransport, SdkTransport, Timeouts
from mmlubench.models.http.way import Way
from tests.fake_server import FakeServer

TRANSPORTS = {"direct": DirectTransport, "aiohttp": AioTransport}


@contextmanager
def no_descriptor_left():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = os.dup(0)
    os.close(highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("kind", ["direct", "aiohttp", "openai", "anthropic"])
@pytest.mark.parametrize("host", ["127.0.0.1", "a-name.invalid"])
def test_a_process_without_a_free_descriptor_says_so_and_goes_on_when_there_is_one(kind, host):
    # Looking up a name fails without one, too, and then says that the name is unknown.
    async def main(port):
        url = f"http://{host}:{port}/v1"
        plain: Any = TRANSPORTS.get(kind)
        more: dict[str, Any] = {"key": "sk-0123456789", "pool": 4, "timeouts": Timeouts(5, 5)}
        transport: Any = plain(url, **more) if plain else SdkTransport(kind, url, **more)
        try:
            # What is imported or made at the first requests is there afterwards.
            await asyncio.gather(*(transport.post("/c", {}) for _ in range(2)), return_exceptions=True)
            with no_descriptor_left():
                asked = (transport.post("/c", {}) for _ in range(4))
                replies = await asyncio.gather(*asked, return_exceptions=True)
            short = [reply for reply in replies if isinstance(reply, OutOfSockets)]
            assert short, replies
            assert len(short) + sum(getattr(r, "status", 0) == 200 for r in replies) == 4, replies
            assert str(short[0]) == (
                "this machine has no room for another connection (Too many open files); the server is not to blame: "
                "raise the limit with `ulimit -n`, or give a smaller --concurrency"
            )
            if host == "127.0.0.1":
                assert (await transport.post("/c", {})).status == 200
        finally:
            await transport.aclose()

    with FakeServer(latency_s=0.05) as server:
        asyncio.run(main(server.port))


async def _failure(number, *, was_reached):
    way = Way("http://10.1.2.3:8000/v1")
    way.was_reached = was_reached
    return await way.failure(OSError(number, os.strerror(number)))


def test_ports_that_are_used_up_are_no_fault_of_the_server():
    error = asyncio.run(_failure(errno.EADDRNOTAVAIL, was_reached=True))
    assert isinstance(error, OutOfSockets)
    assert "no free port for another connection" in str(error)


def test_an_address_of_a_kind_that_this_machine_does_not_have_is_out_of_reach():
    # [::1] where IPv6 is off gives the same error as ports that are used up.
    error = asyncio.run(_failure(errno.EADDRNOTAVAIL, was_reached=False))
    assert isinstance(error, Unreachable)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_every_want_of_this_machine_is_told_from_one_of_the_server(number):
    error = asyncio.run(_failure(number, was_reached=False))
    assert isinstance(error, OutOfSockets)
    assert os.strerror(number) in str(error)


def test_a_thread_that_cannot_be_started_is_no_unknown_host(monkeypatch):
    async def main():
        loop = asyncio.get_running_loop()

        def none_left(*_):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(loop, "run_in_executor", none_left)
        transport = DirectTransport("http://a-name.invalid/v1", key=None, pool=1)
        with pytest.raises(OutOfSockets, match="allows no further thread"):
            await transport.post("/c", {})
        await transport.aclose()

    asyncio.run(main())

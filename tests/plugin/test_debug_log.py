"""`--log-cli-level=DEBUG`: every request, its wait and its next try, with the key veiled."""

import re

import pytest

from tests.fake_server import FakeServer, Reply, error

KEY = "sk-planted-0123456789"
OWN = "tok-planted-9876543210"


@pytest.fixture
def debugged(folder, monkeypatch):
    def do(*answers, transport="aiohttp", more=()):
        monkeypatch.setenv("MY_KEY", KEY)
        folder.own_benchmark(count=1)
        with FakeServer(*answers) as server:
            entry = {"model_name": "openai/m", "base_url": server.url, "api_key_env": "MY_KEY"}
            folder.models(mine={**entry, "transport": transport, "extra_body": {"user_token": OWN}})
            ran = folder.run("--model", "mine", "-k", "capitals", "--no-store", *more)
        return ran, server

    return do


@pytest.mark.parametrize("transport", ["aiohttp", "sdk"])
def test_each_request_its_wait_and_its_next_try_are_shown_and_no_key(debugged, transport):
    echo = Reply(429, error(f"slow down, {KEY}"))
    ran, server = debugged(echo, transport=transport, more=["--log-cli-level=DEBUG"])
    told = "\n".join(line for line in ran.outlines if " mmlubench." in line)
    case = "capitals/europe/0000"
    sent = rf"POST {re.escape(server.url)}/chat/completions with model 'm', max_tokens \d+, temperature 0\.0, \d+ char"
    expected = [
        rf"{case}, try 1: {sent}",
        rf"{case}, try 1: HTTP 429 after \d\.\d+ s, \d+ bytes",
        rf"{case}, try 1: failed after \d\.\d+ s: mine: HTTP 429: slow down, \*\*\*",
        rf"{case}, try 1: rests \d\.\d+ s, waiting for rate limit",
        rf"{case}, try 2: {sent}",
        rf"{case}, try 2: HTTP 200 after \d\.\d+ s, \d+ bytes",
    ]
    assert re.search("(?s)" + ".*".join(expected), told), told
    for secret in (KEY, OWN):
        assert secret not in ran.stdout.str()
        assert secret not in ran.stderr.str()


def test_without_the_option_nothing_is_logged(debugged):
    ran, _ = debugged("rate_429")
    assert not [line for line in ran.outlines if "try 1" in line]


def test_a_file_takes_it_as_well(debugged, folder):
    debugged(more=["--log-file=debug.log", "--log-file-level=DEBUG"])
    log = (folder.path / "debug.log").read_text(encoding="utf-8")
    assert "capitals/europe/0000, try 1: HTTP 200" in log
    assert KEY not in log

"""A server's sentence, which ends in a full stop, goes on in ours without a second sign behind it."""

import re

import pytest

from mmlubench.engine.limits.waiting import Wait
from mmlubench.plugin.silence import Silence
from mmlubench.settings import Settings
from tests.fake_server import FakeServer, Reply, error

SENTENCE = "That did not work at all."
#: A sign behind the end of a sentence; three dots are one sign.
DOUBLED = re.compile(r"(?<!\.)\.[.;:,](?!\.)|[;:,] ?[.;:,]")


@pytest.mark.parametrize("status", [307, 400, 401, 402, 403, 404, 407, 413, 429])
def test_no_sign_stands_behind_that_of_a_server(status, folder):
    folder.own_benchmark()
    with FakeServer(
        always=Reply(status, error(SENTENCE, "insufficient_quota"), {"Location": "/v2"})
    ) as server:
        result = folder.run("--model", f"vllm/m@{server.url}", "-k", "capitals")
    told = [line["error"] for line in folder.lines("results")]
    assert all(told)
    shown = [line for line in result.outlines if "HTTP" in line]
    assert shown
    for line in (*told, *shown):
        assert not DOUBLED.search(line), line


def test_scoring_that_is_refused_is_one_sentence(folder):
    folder.own_benchmark()
    with FakeServer(always=Reply(400, error(SENTENCE))) as server:
        ran = folder.run("--model", f"openai/m@{server.url}", "-k", "capitals", "--scoring", "logprob")
    (said,) = filter(None, ran.errlines)
    assert SENTENCE[:-1] in said
    assert not DOUBLED.search(said)


def test_the_line_about_a_silent_server_is_one_sentence():
    wait = Wait("rate limit", 3, 40.0, 0.0, 0.0, f"m: HTTP 429: {SENTENCE}")
    (line,) = Silence(Settings()).news({"m": wait})
    assert SENTENCE[:-1] in line
    assert not DOUBLED.search(line)

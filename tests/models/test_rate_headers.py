"""A server that says that nothing is left of a limit is not asked before it is whole again."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import RateLimited
from mmlubench.models.http.failures import Failures
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.rate_headers import pause_s, seconds_until
from mmlubench.models.http.reply import Reply

NOW = 1_800_000_000.0
MOMENT = datetime.fromtimestamp(NOW + 4, timezone.utc)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "4s"},
        {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "4000ms"},
        {
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": MOMENT.isoformat(),
        },
        {
            "anthropic-ratelimit-output-tokens-remaining": "0",
            "anthropic-ratelimit-output-tokens-reset": MOMENT.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW + 4))},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int((NOW + 4) * 1000))},
        {"ratelimit-remaining": "0", "ratelimit-reset": "4"},
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "2s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "4s",
        },
    ],
)
def test_every_vendors_way_to_say_that_nothing_is_left(headers):
    assert pause_s(headers, NOW) == 4.0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "4s"},
        {"x-ratelimit-remaining-requests": "0"},
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon"},
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-tokens": "4s"},
        {
            "x-ratelimit-remaining-requests": "-1",
            "x-ratelimit-reset-requests": "4s",
        },  # some say so for no limit
        {"ratelimit-remaining": "0", "ratelimit-reset": str(int(NOW - 4))},
    ],
)
def test_nobody_waits_without_a_reason(headers):
    assert pause_s(headers, NOW) == 0.0


@pytest.mark.parametrize(("reset", "pause"), [("3s", 3), ("20s", 5), ("1m20s", 8), ("10m", 60)])
def test_a_limit_that_fills_steadily_is_not_waited_for_until_it_is_whole(reset, pause):
    # 600 a minute, all used up: the last ten questions of a run must not wait a minute for room for 600.
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}
    assert pause_s(headers, NOW) == pause


def test_a_limit_that_begins_anew_is_waited_for_to_the_end():
    assert pause_s({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "40"}, NOW) == 40.0


def test_a_limit_of_a_whole_day_is_put_to_the_test_after_a_minute():
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "17h3m5s"}
    assert pause_s(headers, NOW) == 60.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("120ms", 0.12),
        ("1m", 60),
        ("1m500ms", 60.5),
        (" 2 ", 2),
        ("0", 0),
    ],
)
def test_durations_are_read_as_openai_writes_them(text, seconds):
    assert seconds_until(text, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "nan", "inf", "-5", "1.2.3s", "2027-13-45T00:00:00Z", "m5"])
def test_what_nobody_can_read_is_no_pause(text):
    assert seconds_until(text, NOW) == 0.0


@given(st.text())
def test_no_header_breaks_the_run(text):
    assert seconds_until(text, NOW) >= 0.0


def test_a_429_without_retry_after_says_by_its_other_headers_how_long_to_wait(make_spec):
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "3s"}
    error = Failures(make_spec()).of_reply(Reply(429, headers, b"{}"))
    assert (type(error), error.retry_after_s) == (RateLimited, 3.0)
    plain = Failures(make_spec()).of_reply(Reply(429, {**headers, "retry-after": "1"}, b"{}"))
    assert plain.retry_after_s == 1.0


@pytest.mark.asyncio
@pytest.mark.parametrize(("left", "pause"), [("0", 2.5), ("9", 0.0)])
async def test_an_answer_carries_the_pause(left, pause, make_spec, make_request, canned, chat_payload):
    headers = {"x-ratelimit-remaining-requests": left, "x-ratelimit-reset-requests": "2.5s"}
    completion = await OpenAICompatible(
        make_spec(), transport=canned(chat_payload, headers=headers)
    ).generate(make_request())
    assert (completion.text, completion.pause_s) == ("B", pause)

"""What a provider sends instead of an answer becomes an error that says what happened and what to do."""

from email.utils import formatdate

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import BadReply, Overloaded, RateLimited, Rejected, Unreachable
from mmlubench.models.http.failures import Failures, one_line, read_error, retry_after_s
from mmlubench.models.http.reply import Reply


def openai(message, **more):
    return {"error": {"message": message, "type": "some_type", "code": None, **more}}


def claude(message, kind="some_error", **details):
    return {"type": "error", "error": {"type": kind, "message": message, "details": details or None}}


@pytest.fixture
def blame(make_spec):
    def do(status, payload=b"", headers=None, secret="", **spec):
        content = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        return Failures(make_spec(**spec), secret).of_reply(Reply(status, headers or {}, content))

    return do


# --- which kind: worth another try, or not


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Rejected),
        (402, Rejected),
        (403, Rejected),
        (404, Rejected),
        (408, Overloaded),
        (409, Overloaded),
        (413, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, Overloaded),
        (503, Overloaded),
        (529, Overloaded),
        (302, Rejected),
        (204, BadReply),
    ],
)
def test_every_status_has_its_kind(status, kind, blame):
    error = blame(status, openai("said so"))
    assert type(error) is kind
    assert error.status == status
    assert error.retryable is (kind is not Rejected)


@pytest.mark.parametrize(
    "said",
    [
        "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.",
        "Hosted_vllmException - Cannot connect to host 10.0.0.7:8000 [Connect call failed ('10.0.0.7', 8000)]",
        "Hosted_vllmException - Server disconnected",
        "upstream: Connection refused",
    ],
)
def test_a_server_out_of_reach_behind_a_gateway_is_waited_for_like_any_other(said, blame):
    # Else its restart costs every question that is under way: the same 500 three times is taken for final.
    error = blame(500, openai(said))
    assert type(error) is Unreachable
    assert error.status == 500
    assert said in str(error)
    assert type(blame(500, openai("CUDA error: device-side assert triggered"))) is Overloaded
    assert type(blame(400, openai(said))) is Rejected


@pytest.mark.parametrize(
    "payload",
    [
        openai("You exceeded your current quota", code="insufficient_quota", type="insufficient_quota"),
        openai("Your account is not active", code="billing_hard_limit_reached"),
        claude("Limit reached", "rate_limit_error", error_code="enforced_spend_limit_reached"),
        claude("Limit reached", "rate_limit_error", error_code="contract_spend_limit_reached"),
        openai("Your credit balance is too low"),
        openai("Insufficient credits"),
        {"error": "Credits exhausted"},
    ],
)
def test_a_429_for_want_of_money_is_not_tried_again(payload, blame):
    error = blame(429, payload)
    assert type(error) is Rejected
    assert "waiting will not help" in str(error)


@pytest.mark.parametrize(
    "payload",
    [
        openai("Rate limit reached; add a payment method at https://platform.openai.com/account/billing"),
        openai("You exceeded your current quota, requests per minute", code="RESOURCE_EXHAUSTED"),
        claude("Number of requests exceeds your rate limit", "rate_limit_error"),
    ],
)
def test_an_ordinary_rate_limit_is_tried_again_though_it_speaks_of_billing(payload, blame):
    assert type(blame(429, payload)) is RateLimited


# --- what it says


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (openai("Bad thing"), "Bad thing"),
        (claude("max_tokens: Field required"), "max_tokens: Field required"),
        ({"error": "a plain text"}, "a plain text"),
        ({"object": "error", "message": "older vLLM", "code": 400}, "older vLLM"),
        ({"detail": "Not Found"}, "Not Found"),
        (
            {"detail": [{"loc": ["body"], "msg": "field required"}]},
            '[{"loc":["body"],"msg":"field required"}]',
        ),
        ({"odd": 1}, '{"odd":1}'),
        ([], "[]"),
        (b"upstream connect error\n  or  disconnect", "upstream connect error or disconnect"),
        (b"<html><head><title>502 Bad\nGateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        (b"<p>Sorry, <b>busy</b></p>", "Sorry, busy"),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (
            openai("Provider returned error", metadata={"provider_name": "Acme", "raw": "GPU on fire"}),
            "Provider returned error (Acme: GPU on fire)",
        ),
    ],
)
def test_the_providers_own_words_are_found_in_every_shape_of_body(payload, message):
    content = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    assert read_error(content).message == message


@given(st.text())
def test_a_message_is_one_line_of_at_most_300_characters(text):
    line = one_line(text)
    assert len(line) <= 300
    assert "\n" not in line


@given(st.binary())
def test_no_body_is_so_odd_that_it_cannot_be_read(content):
    read_error(content)


def test_a_long_message_is_cut():
    assert one_line("x" * 1000) == "x" * 299 + "…"


# --- what to do


def test_a_bad_key_names_the_variable_to_check(blame):
    error = blame(401, claude("invalid x-api-key"), api_key_env="ANTHROPIC_API_KEY")
    assert str(error) == "tested: HTTP 401: invalid x-api-key: check the key in ANTHROPIC_API_KEY"


def test_a_server_of_ones_own_that_wants_a_key_says_where_to_name_it(blame):
    assert str(blame(401, {"error": "Unauthorized"})).endswith("name its variable in api_key_env")


def test_a_missing_model_of_a_vendor_is_named(blame):
    error = blame(404, claude("model: claude-x", "not_found_error"), model_id="claude-x")
    assert str(error).endswith("model: claude-x: asked for model 'claude-x'")


def test_a_missing_adapter_is_what_was_asked_for(blame):
    assert "asked for model 'lora'" in str(
        blame(404, openai("The model `lora` does not exist."), adapter="lora")
    )


def test_an_empty_account_is_said_so(blame):
    assert "out of credit" in str(blame(402, openai("Payment required")))


def test_a_redirect_says_where_to(blame):
    error = blame(301, b"moved", {"location": "https://new/v1"})
    assert str(error) == "tested: HTTP 301: redirects to https://new/v1; put that into base_url"
    assert "without saying where" in str(blame(302))
    assert "redirects to http://[odd; put" in str(blame(302, headers={"location": "http://[odd"}))


@pytest.mark.parametrize("location", ["https://new/v1/chat/completions", "//new/v1/chat/completions"])
def test_a_redirect_of_the_route_says_what_base_url_must_be(location, make_spec):
    failures = Failures(make_spec(base_url="https://old/v1"))
    error = failures.of_reply(Reply(308, {"location": location}, b""), "/chat/completions")
    assert (
        str(error)
        == "tested: HTTP 308: redirects to https://new/v1/chat/completions; base_url must be https://new/v1"
    )


def test_a_redirect_to_tls_on_the_same_host_is_completed(make_spec):
    # nginx and most hosts answer plain HTTP so.
    failures = Failures(make_spec(base_url="http://old/v1"))
    to = {"location": "https://old/v1/chat/completions"}
    assert str(failures.of_reply(Reply(301, to, b""), "/chat/completions")).endswith("must be https://old/v1")


def test_a_redirect_to_itself_has_no_better_base_url(make_spec):
    failures = Failures(make_spec(base_url="http://old/v1"))
    error = failures.of_reply(Reply(308, {"location": "/v1/chat/completions"}, b""), "/chat/completions")
    assert str(error).startswith(
        "tested: HTTP 308: redirects to http://old/v1/chat/completions, the address that was"
    )


# --- how long to wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"llm_provider-retry-after": "7"}, 7.0),  # LiteLLM's way to pass it on
        ({"retry-after": "2", "llm_provider-retry-after": "7"}, 2.0),
    ],
)
def test_the_server_says_how_long_to_wait(headers, seconds):
    assert retry_after_s(headers) == seconds


def test_a_date_to_wait_for_is_counted_from_now():
    date = formatdate(1_800_000_030, usegmt=True)
    assert retry_after_s({"retry-after": date}, now=1_800_000_000) == 30
    assert retry_after_s({"retry-after": date}, now=1_900_000_000) == 0


@given(st.text())
def test_no_retry_after_breaks_the_run(value):
    seconds = retry_after_s({"retry-after": value})
    assert seconds is None or seconds >= 0


def test_the_wait_travels_with_the_error(blame):
    assert blame(429, openai("slow down"), {"retry-after": "2"}).retry_after_s == 2.0


# --- secrets


@pytest.mark.parametrize("echo", ["Incorrect API key: {}", "got header Bearer {}", "{}{}"])
def test_a_key_that_the_server_echoes_is_cut_out(echo, blame, key):
    for secret in (key, "plain-secret-of-a-local-server"):
        assert secret not in str(blame(401, openai(echo.format(secret, secret)), secret=secret))


def test_what_looks_like_any_key_is_cut_out(blame):
    assert "sk-ant-api03" not in str(blame(401, openai("key sk-ant-api03-abcdef is wrong")))


# --- errors that come with status 200


def test_an_error_inside_a_200_is_taken_at_its_own_status(make_spec):
    failures = Failures(make_spec())
    assert type(failures.of_payload({"error": {"code": 502, "message": "down"}})) is Overloaded
    assert type(failures.of_payload({"error": {"code": 429, "message": "slow"}})) is RateLimited


@pytest.mark.parametrize(
    ("payload", "kind", "status"),
    [
        (claude("Overloaded", "overloaded_error"), Overloaded, 529),
        (claude("Slow down", "rate_limit_error"), RateLimited, 429),
        (
            {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Limit"}},
            RateLimited,
            429,
        ),
        (openai("Busy", type="service_unavailable"), Overloaded, 503),
        (openai("Pay first", code="insufficient_quota"), Rejected, 429),
    ],
)
def test_a_rate_limit_inside_a_200_is_waited_out_like_one_with_its_status(payload, kind, status, make_spec):
    failures = Failures(make_spec())
    assert failures.is_error(payload)
    error = failures.of_payload(payload)
    assert (type(error), error.status) == (kind, status)


def test_an_error_inside_a_200_without_a_status_is_a_bad_reply(make_spec):
    error = Failures(make_spec()).of_payload({"error": {"message": "odd", "code": "weird"}})
    assert type(error) is BadReply
    assert str(error) == "tested: status 200, but the body is an error: odd"

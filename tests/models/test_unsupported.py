"""A sampling parameter that a server refuses costs no question: it is left out, or sent under the name it wants."""

import asyncio

import orjson
import pytest

from mmlubench.errors import Rejected
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.unsupported import unsupported

TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.0 with this model. "
    "Only the default (1) value is supported."
)
LIMIT = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."


@pytest.mark.parametrize(
    ("status", "message", "param", "expected"),
    [
        (400, TEMPERATURE, "temperature", {"temperature": None}),
        (400, TEMPERATURE, "", {"temperature": None}),
        (400, "Unsupported value", "temperature", {"temperature": None}),
        (400, LIMIT, "max_tokens", {"max_tokens": "max_completion_tokens"}),
        (400, LIMIT, "", {"max_tokens": "max_completion_tokens"}),
        (400, "`temperature` is deprecated for this model.", "", {"temperature": None}),
        (400, "`temperature` may only be set to 1 when thinking is enabled.", "", {"temperature": None}),
        (400, "invalid temperature: only 1 is allowed for this model", "", {"temperature": None}),
        (400, "Argument not supported on this model: stop", "", {"stop": None}),
        (400, "property 'seed' is unsupported", "", {"seed": None}),
        (
            400,
            "litellm: gpt-5 models don't support temperature=0.0. Only temperature=1 is supported",
            "",
            {"temperature": None},
        ),
        (
            400,
            "litellm.UnsupportedParamsError: x does not support parameters: {'top_p': 0.9, 'seed': 1}",
            "",
            {"top_p": None, "seed": None},
        ),
        (422, "temperature: Extra inputs are not permitted", "", {"temperature": None}),
        # a value of the user's own that is out of range, a limit, another parameter, another status
        (400, "temperature must be between 0 and 2, and not 3", "temperature", {}),
        (400, "max_tokens is too large: 9999. This model supports at most 4096 tokens", "max_tokens", {}),
        (400, "'max_tokens' is not supported with this model", "max_tokens", {}),
        (400, "Unsupported parameter: 'logprobs' is not supported with this model.", "logprobs", {}),
        (400, "This image is not supported, stop sending it", "", {}),
        (500, TEMPERATURE, "temperature", {}),
    ],
)
def test_what_an_error_refuses_is_read_from_its_words(status, message, param, expected):
    assert unsupported(status, message, param) == expected


class Choosy:
    """A transport to a server that takes neither a temperature nor the old name of the token limit."""

    def __init__(self, good):
        self.good, self.posted = good, []

    async def post(self, path, body):
        self.posted.append(body)
        await asyncio.sleep(0)
        for name, message in {"max_tokens": LIMIT, "temperature": TEMPERATURE}.items():
            if name in body:
                told = {"error": {"message": message, "param": name, "code": "unsupported_parameter"}}
                return Reply(400, {}, orjson.dumps(told))
        return Reply(200, {}, orjson.dumps(self.good))

    async def get(self, path):
        return Reply(404, {}, b"")

    async def aclose(self):
        pass


@pytest.mark.asyncio
async def test_it_is_left_out_or_renamed_once_for_all_and_the_reply_says_so(
    make_spec, make_request, chat_payload
):
    server = Choosy(chat_payload)
    model = OpenAICompatible(make_spec(), transport=server)
    request = make_request(max_tokens=9, top_p=0.5)
    completions = await asyncio.gather(*(model.generate(request) for _ in range(3)))
    assert len(server.posted) == 9
    for completion in completions:
        assert completion.sent == {"model": "some/model", "max_completion_tokens": 9, "top_p": 0.5}
        assert completion.metadata["not_sent"] == ["temperature"]
    await model.generate(request)
    await model.generate(make_request(max_tokens=18))
    assert len(server.posted) == 11


@pytest.mark.asyncio
async def test_what_the_users_own_fields_send_stays(make_spec, make_request, chat_payload):
    server = Choosy(chat_payload)
    model = OpenAICompatible(make_spec(extra_body={"temperature": 0.5}), transport=server)
    with pytest.raises(Rejected, match="'temperature' does not support"):
        await model.generate(make_request())
    assert len(server.posted) == 1

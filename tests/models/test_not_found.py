"""A 404 of one's own server: whether the model, the address or the route is wrong is found out, and said."""

import asyncio

import pytest

from mmlubench.errors import Rejected
from mmlubench.models.http.anthropic import Anthropic
from mmlubench.models.http.completions import Completions
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.schema import Message, Request
from tests.fake_server import FakeServer, Reply, error

ROUTE = Reply(404, {"detail": "Not Found"})
MODEL = Reply(404, error("The model `mine` does not exist."))
QUESTION = Request("q", (Message("user", "Which letter?"),))


def listing(*names):
    return Reply(body={"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


@pytest.fixture
def told(make_spec):
    """The error of a model at a server that answers these paths, and 404 to any other; and the paths asked."""

    def do(routes, url="{}/v1", client=OpenAICompatible, times=1, model="mine"):
        with FakeServer(always=lambda request: routes.get(request.path, ROUTE)) as server:
            server.tells[""] = lambda request: routes.get(request.path, ROUTE)
            base_url = url.format(server.address)

            async def main():
                spec = make_spec(label="m", model_id=model, base_url=base_url, self_hosted=True)
                asked = client(spec, key="sk-0123456789", pool=8)
                try:
                    replies = (asked.generate(QUESTION) for _ in range(times))
                    return (await asyncio.gather(*replies, return_exceptions=True))[-1]
                finally:
                    await asked.aclose()

            failure = asyncio.run(main())
        assert isinstance(failure, Rejected)
        assert failure.status == 404
        asked = [str(request) for request in (*server.requests, *server.looks)]
        return str(failure).replace(server.address, "http://server"), asked

    return do


def test_an_unknown_model_is_named_beside_those_that_are_served(told):
    routes = {"/v1/chat/completions": MODEL, "/v1/models": listing("yours", "theirs")}
    assert told(routes)[0] == (
        "m: HTTP 404: The model `mine` does not exist: asked for model 'mine', but it serves yours, theirs"
    )


def test_an_unknown_model_is_found_out_where_the_server_does_not_say_so(told):
    said, _ = told({"/v1/models": listing(*"abcdefg")})
    assert said == "m: HTTP 404: Not Found: asked for model 'mine', but it serves a, b, c, d, e and 2 more"


def test_a_route_that_is_missing_is_not_blamed_on_the_address(told):
    said, _ = told({"/v1/models": listing("mine")}, client=Completions)
    assert said == (
        "m: HTTP 404: Not Found: base_url http://server/v1 is right, and it serves mine, but without /completions"
    )


def test_an_address_without_its_end_is_completed(told):
    said, asked = told({"/v1/models": listing("mine")}, url="{}")
    assert said == "m: HTTP 404: Not Found: base_url must be http://server/v1: there it lists its models"
    assert asked == ["POST /chat/completions", "GET /models", "GET /v1/models"]


def test_an_address_where_nothing_is_known_is_doubted(told):
    said, asked = told({}, url="{}/api/v1")
    assert said == "m: HTTP 404: Not Found: is base_url http://server/api/v1 right? It lists no models either"
    assert asked == ["POST /api/v1/chat/completions", "GET /api/v1/models"]
    assert told({}, url="{}/api")[0] == (
        "m: HTTP 404: Not Found: is base_url http://server/api right? It lists no models either; "
        "OpenAI-compatible servers usually want it to end with /v1"
    )


def test_many_requests_look_only_once(told):
    _, asked = told({"/v1/models": listing("yours")}, times=8)
    assert asked.count("GET /v1/models") == 1


def test_a_server_of_anthropics_protocol_is_looked_up_where_it_lists_its_models(told):
    said, asked = told({"/v1/models": listing("yours")}, client=Anthropic)
    assert said == "m: HTTP 404: Not Found: asked for model 'mine', but it serves yours"
    assert asked == ["POST /v1/messages", "GET /v1/models"]


@pytest.mark.parametrize(
    "odd",
    [
        Reply(body="<html>Welcome</html>"),
        Reply(body={"data": None}),
        Reply(body={"data": 7}),
        Reply(body=[None, 3, {"id": ["x"]}, {"name": 5}]),
        Reply(body={"data": [{"id": "a\x1b[31m\n" + "b" * 500}]}),
        Reply(body=b"\xff\xfe"),
        Reply(401, error("no key")),
        Reply(raw=b""),
        Reply(raw=b"no HTTP at all\r\n\r\n"),
    ],
)
def test_no_list_is_so_odd_that_the_error_is_lost(odd, told):
    said, _ = told({"/v1/models": odd})
    assert said.startswith("m: HTTP 404: Not Found")
    assert len(said) < 600
    assert said.isprintable()


def test_a_list_in_the_form_of_other_servers_is_read(told):
    assert (
        "it serves x, y" in told({"/v1/models": Reply(body={"models": [{"name": "x"}, {"model": "y"}]})})[0]
    )

"""Constrained decoding: each server's own word, and a sentence where a server has none."""

import pytest

from mmlubench.errors import ModelError
from mmlubench.models.constraint import constrained, constrained_to, grammar_of
from mmlubench.models.http.openai_compatible import OpenAICompatible
from mmlubench.schema import Params, Request
from tests.fake_server import FakeServer, Reply


@pytest.mark.parametrize(
    ("version", "word"),
    [
        ("0.32.0", "structured_outputs"),
        ("0.12.0", "structured_outputs"),
        ("0.11.2", "guided_choice"),
        ("0.8.5.post1", "guided_choice"),
        ("1.0", "structured_outputs"),
        ("dev", "structured_outputs"),
        (None, "structured_outputs"),
    ],
)
def test_an_old_vllm_is_asked_in_the_old_word_which_a_new_one_passes_over(version, word, make_spec):
    with FakeServer() as server:
        server.tells["/version"] = Reply(body={"version": version})
        assert constrained(make_spec(base_url=server.url)).constraint == word
    (request,) = server.looks
    assert str(request) == "GET /version"
    assert "authorization" not in request.headers


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"7", b""])
def test_a_server_that_does_not_tell_its_version_is_taken_for_a_new_one(content, make_spec):
    for status in (200, 404):
        with FakeServer() as server:
            server.tells["/version"] = Reply(status, content)
            assert constrained(make_spec(base_url=server.url)).constraint == "structured_outputs"


def test_a_server_that_is_not_there_will_be_complained_of_when_it_is_asked(make_spec):
    assert constrained(make_spec(base_url="http://127.0.0.1:9/v1")).constraint == "structured_outputs"


def test_llama_cpp_has_grammars_and_a_mock_needs_nothing(make_spec):
    assert constrained(make_spec(client="llamacpp")).constraint == "grammar"
    mock = make_spec(client="mock", model_id="hash")
    assert constrained(mock) == mock


@pytest.mark.parametrize("client", ["openai", "anthropic", "openrouter", "lmstudio", "some-plugin"])
def test_another_client_cannot_and_says_so_before_anything_is_asked(client, make_spec):
    with pytest.raises(
        ModelError, match=rf"^--constrained: tested is asked through the client {client}, which"
    ):
        constrained(make_spec(client=client))


def test_the_word_changes_no_key_of_the_store(make_spec):
    # A server that was updated gives the same answers to the same choice.
    assert make_spec(constraint="grammar").identity() == make_spec().identity()


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("structured_outputs", {"structured_outputs": {"choice": ["A", "B"]}}),
        ("guided_choice", {"guided_choice": ["A", "B"]}),
        ("grammar", {"grammar": 'root ::= "A" | "B"'}),
        (None, {}),
    ],
)
@pytest.mark.asyncio
async def test_the_choice_goes_into_the_body_and_into_the_log(word, field, make_spec, canned, chat_payload):
    transport = canned(chat_payload)
    request = Request("q/1", (), Params(temperature=None, choice=("A", "B")))
    completion = await OpenAICompatible(make_spec(constraint=word), transport=transport).generate(request)
    ((_, body),) = transport.posted
    assert body == {"model": "some/model", **field, "messages": []}
    assert completion.sent == {"model": "some/model", **field}


def test_no_choice_no_field():
    assert constrained_to((), "grammar") == {}


def test_a_text_with_quotes_is_still_one_text_of_the_grammar():
    assert grammar_of(['say "A"\n', "\\"]) == 'root ::= "say \\"A\\"\\n" | "\\\\"'

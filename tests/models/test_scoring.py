"""Who can be scored by log-probability: told before a run, by a sentence, after one small request at most."""

import pytest

from mmlubench.errors import BadReply, ModelError, Rejected, Unreachable
from mmlubench.models.mock import Mock
from mmlubench.models.scoring import check_raw, choose_scoring
from mmlubench.models.spec import Capabilities
from mmlubench.schema import Completion, Scoring

LOGPROB, COMPLETIONS, ECHO, CHAT = list(Scoring)[1:]


class Server:
    """A model that knows some of the ways, and keeps what it was asked."""

    def __init__(self, *knows, error=None):
        self.knows, self.asked = knows, []
        self.error = error or BadReply("tested: there are none")

    async def generate(self, request):
        self.asked.append(request)
        way = ECHO if request.continuation else COMPLETIONS if request.prompt else CHAT
        if way not in self.knows:
            raise self.error
        return Completion("A", "length", logprobs=((" A", -0.1), (" B", -2.4)))

    async def aclose(self):
        """Nothing is open."""


@pytest.fixture
def vllm(make_spec):
    return make_spec(self_hosted=True)


@pytest.mark.asyncio
async def test_text_asks_nothing(vllm):
    server = Server()
    assert await choose_scoring(server, vllm, Scoring.TEXT) is Scoring.TEXT
    assert server.asked == []


@pytest.mark.asyncio
@pytest.mark.parametrize("knows", [(COMPLETIONS, ECHO, CHAT), (CHAT,)])
async def test_logprob_takes_the_first_way_that_the_server_knows(knows, vllm):
    server = Server(*knows)
    assert await choose_scoring(server, vllm, LOGPROB) is knows[0]
    assert len(server.asked) == (1 if COMPLETIONS in knows else 2)


@pytest.mark.asyncio
@pytest.mark.parametrize("way", [COMPLETIONS, ECHO, CHAT])
async def test_a_way_that_is_named_is_tried_and_no_other(way, vllm):
    server = Server(way)
    assert await choose_scoring(server, vllm, way) is way
    (probe,) = server.asked
    assert probe.params.max_tokens == 1  # what it costs: one token, and a prompt of a line or two
    assert probe.chars < 100
    with pytest.raises(
        ModelError, match=rf"^--scoring {way}: tested gave no log-probabilities when it was tried"
    ):
        await choose_scoring(Server(), vllm, way)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("raw", "knows", "way"),
    [
        (False, (COMPLETIONS, ECHO, CHAT), CHAT),  # a prompt for chats does not end before the letter
        (False, (COMPLETIONS,), COMPLETIONS),
        (True, (COMPLETIONS, ECHO, CHAT), COMPLETIONS),
        (True, (CHAT,), CHAT),
    ],
)
async def test_logprob_takes_the_way_that_suits_the_recipe_where_the_server_knows_it(raw, knows, way, vllm):
    server = Server(*knows)
    assert await choose_scoring(server, vllm, LOGPROB, raw=raw) is way
    assert bool(server.asked[0].prompt) is raw  # what suits is tried first
    assert (
        await choose_scoring(Server(*knows), vllm, knows[0], raw=not raw) is knows[0]
    )  # what is named, is named


@pytest.mark.asyncio
@pytest.mark.parametrize("asked", [LOGPROB, COMPLETIONS, CHAT, ECHO])
async def test_an_adapter_that_is_not_loaded_is_told_as_missing_and_not_as_a_lack_of_log_probabilities(
    asked, vllm
):
    missing = Rejected(
        "tested: HTTP 404: The model `letters` does not exist.: asked for model 'letters'", status=404
    )
    with pytest.raises(ModelError) as caught:
        await choose_scoring(Server(error=missing), vllm, asked)
    assert str(caught.value) == f"--scoring {asked}: the trial request failed: {missing}"


@pytest.mark.asyncio
async def test_a_server_without_one_of_the_addresses_is_asked_the_other_way(vllm):
    # 404 for /completions, and a chat: not every server has both.
    assert await choose_scoring(Server(CHAT, error=Rejected("HTTP 404", status=404)), vllm, LOGPROB) is CHAT


@pytest.mark.asyncio
async def test_as_many_tokens_are_tried_as_will_be_asked_for(make_spec):
    # A server that was started with a lower limit says so now, and not to every question.
    for client, top in (("vllm", 20), ("llamacpp", 100), ("openrouter", 20)):
        server, spec = Server(COMPLETIONS, CHAT), make_spec(client=client, self_hosted=True)
        await choose_scoring(server, spec, CHAT)
        assert [probe.params.logprobs for probe in server.asked] == [top] == [spec.features.top_logprobs]


@pytest.mark.asyncio
async def test_a_server_without_any_is_told_in_its_own_words_and_of_each_way(vllm):
    with pytest.raises(ModelError) as caught:
        await choose_scoring(Server(), vllm, LOGPROB)
    assert str(caught.value) == (
        "--scoring logprob: tested gave no log-probabilities when it was tried "
        "(logprob:completions: there are none; logprob:chat: there are none); "
        "use --scoring text to read its replies instead."
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "error", [Rejected("HTTP 401: check the key", status=401), Unreachable("cannot reach it")]
)
async def test_a_wrong_key_or_a_server_that_is_down_is_told_at_once_and_not_as_a_lack(error, vllm):
    server = Server(error=error)
    with pytest.raises(ModelError) as caught:
        await choose_scoring(server, vllm, LOGPROB)
    assert str(caught.value) == f"--scoring logprob: the trial request failed: {error}"
    assert len(server.asked) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("spec", "asked", "sentence"),
    [
        ({"client": "anthropic"}, LOGPROB, r"\(anthropic\) gives no log-probabilities; use --scoring text"),
        ({"client": "anthropic"}, CHAT, "gives no log-probabilities"),
        ({"client": "openai"}, COMPLETIONS, r"\(openai\) cannot do that; it takes logprob:chat\.$"),
        # Reasoning models take neither a temperature nor logprobs.
        (
            {"client": "openai", "capabilities": Capabilities(temperature=None)},
            LOGPROB,
            "gives no log-probabilities",
        ),
        ({"client": "openrouter"}, ECHO, "it takes logprob:chat"),
        ({"client": "llamacpp", "self_hosted": True}, ECHO, "it takes logprob:completions or logprob:chat"),
    ],
)
async def test_who_cannot_is_never_asked(spec, asked, sentence, make_spec):
    server = Server(COMPLETIONS, ECHO, CHAT)
    with pytest.raises(ModelError, match=sentence):
        await choose_scoring(server, make_spec(**spec), asked)
    assert server.asked == []


@pytest.mark.asyncio
async def test_openai_is_known_and_costs_no_trial(make_spec):
    server = Server(CHAT)
    assert await choose_scoring(server, make_spec(client="openai"), LOGPROB) is CHAT
    assert server.asked == []


@pytest.mark.asyncio
async def test_a_mock_can_do_all_of_it(make_spec):
    spec = make_spec(client="mock", model_id="hash")
    assert await choose_scoring(Mock(spec), spec, LOGPROB) is COMPLETIONS
    for way in (COMPLETIONS, ECHO, CHAT):
        assert await choose_scoring(Mock(spec), spec, way) is way


@pytest.mark.parametrize("client", ["anthropic", "openai"])
def test_a_vendor_that_has_chats_only_is_told_before_a_raw_prompt_goes_there(client, make_spec):
    with pytest.raises(ModelError, match=rf"tested \({client}\) takes only chats"):
        check_raw(make_spec(client=client))


@pytest.mark.parametrize("client", ["vllm", "llamacpp", "openrouter", "lmstudio", "mock"])
def test_all_others_may_take_one(client, make_spec):
    check_raw(make_spec(client=client))
    check_raw(make_spec(client="openai", self_hosted=True))


def test_a_plugins_client_may_know_every_way(make_spec):
    assert set(make_spec(client="some-plugin").scorings) == {COMPLETIONS, ECHO, CHAT}


@pytest.mark.asyncio
async def test_a_server_that_tells_of_one_token_only_is_refused_before_the_run(vllm):
    class Lone(Server):
        async def generate(self, request):
            await super().generate(request)
            return Completion("A", "length", logprobs=((" A", -0.1),))

    with pytest.raises(ModelError, match="told the log-probability of one token alone"):
        await choose_scoring(Lone(CHAT), vllm, CHAT)

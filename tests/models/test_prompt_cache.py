"""Anthropic's prompt cache: what is marked for it, and when nothing is."""

import httpx
import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import ModelError
from mmlubench.models import open_model
from mmlubench.models.http.cache_cut import Cut, beginning, cut_of
from mmlubench.models.names.files import find
from mmlubench.models.names.from_entry import from_entry, from_name
from mmlubench.models.names.presets import PRESETS, prompt_cache_of
from mmlubench.schema import Message, Params, Request

CLAUDE = "https://api.anthropic.com/v1/messages"
OPENAI = "https://api.openai.com/v1/chat/completions"
EXAMPLES = "Question: 1 + 1?\nAnswer: B\n\n" * 100  # 2,800 characters: about 700 tokens
QUESTION = "Question: 2 + 2?\nAnswer:"


@pytest.fixture
def posted(httpx2_mock, chat_payload, key):
    """Ask a model by its full name; what really left for the vendor."""
    reply = {
        "model": "served",
        "content": [{"type": "text", "text": "B"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 30, "output_tokens": 4, "cache_read_input_tokens": 700},
    }

    async def ask(name, *messages):
        url, payload = (CLAUDE, reply) if name.startswith("anthropic") else (OPENAI, chat_payload)
        route = httpx2_mock.post(url).mock(return_value=httpx.Response(200, json=payload))
        spec = from_name(name)
        model = open_model(spec, pool=1, env={spec.api_key_env: key})
        await model.generate(Request("id", messages, Params(max_tokens=8)))
        await model.aclose()
        return orjson.loads(route.calls.last.request.content)

    return ask


def shared(text=EXAMPLES, question=QUESTION):
    return Message("user", text + question, len(text))


@pytest.mark.asyncio
async def test_a_beginning_that_is_long_enough_goes_in_a_block_of_its_own_and_is_marked(posted):
    body = await posted("anthropic/claude-opus-5", shared())
    first = {"type": "text", "text": EXAMPLES, "cache_control": {"type": "ephemeral"}}
    assert body["messages"] == [{"role": "user", "content": [first, {"type": "text", "text": QUESTION}]}]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("claude-haiku-4-5", shared()),  # it wants 4,096 tokens
        ("claude-opus-5", shared(EXAMPLES[:2044])),
        ("claude-opus-5", Message("user", EXAMPLES + QUESTION)),  # nobody said that anything is shared
    ],
    ids=["model-wants-more", "too-short", "nothing-shared"],
)
async def test_what_cannot_be_cached_is_sent_as_it_always_was(model, message, posted):
    body = await posted(f"anthropic/{model}", message)
    assert body["messages"] == [{"role": "user", "content": message.content}]
    assert "cache_control" not in str(body)


@pytest.mark.asyncio
async def test_a_system_message_stays_where_it_is_and_counts_towards_the_length(posted):
    system = Message("system", "Be brief. " * 100)
    body = await posted("anthropic/claude-opus-5", system, shared(EXAMPLES[:1100]))
    assert body["system"] == system.content
    assert body["messages"][0]["content"][0]["text"] == EXAMPLES[:1100]


@pytest.mark.asyncio
async def test_openai_is_sent_plain_text_since_it_caches_of_itself(posted):
    body = await posted("openai/gpt-4.1", shared())
    assert body["messages"] == [{"role": "user", "content": EXAMPLES + QUESTION}]


@pytest.mark.asyncio
async def test_a_message_that_is_shared_whole_has_no_empty_block_behind_it(posted):
    # The API answers 400 to a block without text.
    body = await posted("anthropic/claude-opus-5", shared(question=""))
    assert len(body["messages"][0]["content"]) == 1


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-opus-5", 512),
        ("claude-opus-5-5", 512),
        ("claude-sonnet-5-5", 512),
        ("claude-haiku-5-5", 512),
        ("claude-fable-5-1", 512),
        ("claude-sonnet-5", 1024),
        ("claude-opus-4-8", 1024),
        ("claude-sonnet-4-6", 1024),
        ("claude-sonnet-4-5-20250929", 1024),
        ("claude-sonnet-4-20250514", 1024),
        ("claude-opus-4-20250514", 1024),
        ("claude-opus-4-1-20250805", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-opus-4-6", 4096),
        ("claude-opus-4-5-20251101", 4096),
        ("claude-haiku-4-5", 4096),
        ("claude-something-new", 4096),
    ],
)
def test_each_model_has_its_own_least_length(model, least):
    # Marked below it, a prompt is not cached, and nobody is told.
    assert prompt_cache_of(model, PRESETS["anthropic"]) == least


@pytest.mark.parametrize(
    "name", ["openai/gpt-4.1", "vllm/x", "mock/hash", "anthropic/local@http://localhost:8080"]
)
def test_servers_that_take_no_marks_are_given_none(name):
    assert from_name(name).prompt_cache is None


@pytest.mark.parametrize(
    ("said", "elsewhere", "least"),
    [
        (None, False, 512),
        (False, False, None),
        (True, False, 512),
        (300, False, 300),
        (None, True, None),
        (True, True, 4096),
        (2048, True, 2048),
    ],
)
def test_models_yaml_can_switch_it_on_and_off(said, elsewhere, least, tmp_path):
    keys = {"model_name": "anthropic/claude-opus-5", "capabilities": {"prompt_cache": said}}
    file = tmp_path / "m.yaml"
    file.write_text(
        yaml.safe_dump({"mine": keys | ({"base_url": "http://gateway"} if elsewhere else {})}), "utf-8"
    )
    assert from_entry(find("mine", str(file))).prompt_cache == least


@pytest.mark.parametrize(
    ("model", "said", "sentence"),
    [
        ("openai/gpt-4.1", True, "prompt_cache is for the client anthropic; leave it out for openai."),
        ("anthropic/x", 0, "capabilities.prompt_cache is 0: give true, false or the fewest"),
        (
            "anthropic/x",
            "often",
            "'often': give true, false or the fewest tokens that are cached, at least 1.",
        ),
    ],
)
def test_a_prompt_cache_that_makes_no_sense_is_refused(model, said, sentence, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(
        yaml.safe_dump({"mine": {"model_name": model, "capabilities": {"prompt_cache": said}}}), "utf-8"
    )
    with pytest.raises(ModelError, match=sentence.replace(".", r"\.")):
        from_entry(find("mine", str(file)))


def test_turns_after_the_shared_one_belong_to_no_beginning():
    messages = (
        Message("user", EXAMPLES + QUESTION, len(EXAMPLES)),
        Message("assistant", "B"),
        Message("user", "Sure?"),
    )
    cut = cut_of(messages, 512)
    assert cut == Cut(0, len(EXAMPLES))
    assert beginning(messages, cut) == (EXAMPLES,)


@given(st.text(max_size=20), st.text(max_size=20), st.integers(1, 12))
def test_the_cut_never_loses_or_adds_a_character(system, text, least):
    for length in range(len(text) + 1):
        messages = (Message("system", system), Message("user", text, length))
        cut = cut_of(messages, least)
        assert (cut is None) == (length == 0 or len(system) + length < 4 * least)
        if cut:
            assert beginning(messages, cut) == (system, text[: cut.chars])

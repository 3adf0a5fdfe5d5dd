"""The mock: replies from a file, by a rule, and one sentence for every file that cannot be used."""

from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import ModelError, Rejected
from mmlubench.models.mock import Mock, _letter
from mmlubench.models.mock_replies import Canned, load
from mmlubench.schema import Params, Request, Usage


@pytest.fixture
def mock(make_spec):
    return lambda **spec: Mock(make_spec(**{"client": "mock", "model_id": "sample", **spec}))


@pytest.fixture
def file(tmp_path):
    def write(content, name="replies.jsonl"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


# --- several replies to one question


def letters(canned, *places):
    return [found and found.text for found in (canned.at(*place) for place in places)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.json", '{"q": ["A", {"completion": "B"}, "C"]}'),
        ("r.jsonl", '{"id": "q", "replies": ["A", "B", "C"]}'),
    ],
)
def test_a_list_is_said_one_after_the_other(name, content, file):
    canned = load(file(content, name))["q"]
    assert letters(canned, (0, 0), (0, 1), (0, 2), (0, 3)) == ["A", "B", "C", None]
    # Of epochs that ask once each, every one has its own.
    assert letters(canned, (0, 0), (1, 0), (2, 0), (3, 0)) == ["A", "B", "C", None]


def test_a_list_of_lists_is_said_epoch_by_epoch(file):
    canned = load(file('{"q": [["A", "B"], ["C", null, "D"], ["E"]]}', "r.json"))["q"]
    assert letters(canned, (0, 0), (0, 1), (0, 2)) == ["A", "B", None]
    assert letters(canned, (1, 0), (1, 1), (1, 2)) == ["C", None, "D"]
    assert letters(canned, (2, 0), (2, 1), (3, 0)) == ["E", "E", None]


@pytest.mark.asyncio
async def test_a_list_that_has_come_to_its_end_is_told_and_never_begun_again(mock, file):
    model = mock(responses=file('{"q": ["A", "B"]}', "r.json"))
    assert (await model.generate(Request("q", (), turn=1))).text == "B"
    with pytest.raises(Rejected, match=r"r\.json has no reply for request 3 of 'q'; add one"):
        await model.generate(Request("q", (), turn=2))
    with pytest.raises(Rejected, match=r"has no reply for request 1 in epoch 3 of 'q'"):
        await model.generate(Request("q", (), epoch=2))


@pytest.mark.asyncio
async def test_the_only_reply_is_given_however_often_it_is_asked_for(mock, file):
    model = mock(responses=file('{"q": "A"}', "r.json"))
    assert (await model.generate(Request("q", (), epoch=3, turn=9))).text == "A"


# --- files


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.json", '{"q/1": "A", "q/2": {"completion": "B", "metadata": {"m": 1}}}'),
        (
            "r.jsonl",
            '{"id": "q/1", "completion": "A"}\n\n{"id": "q/2", "completion": "B", "metadata": {"m": 1}}\n',
        ),
        (
            "r.txt",
            '{"id": "q/1", "completion": "A"}\r\n{"id": "q/2", "completion": "B", "metadata": {"m": 1}}',
        ),
        ("bom.json", '\ufeff{"q/1": "A", "q/2": {"completion": "B", "metadata": {"m": 1}}}'),
    ],
)
def test_both_kinds_of_file_are_read(name, content, file):
    assert load(file(content, name)) == {"q/1": Canned("A"), "q/2": Canned("B", metadata={"m": 1})}


def test_all_files_of_a_folder_are_read_and_must_not_contradict_one_another(file, tmp_path):
    file('{"q/1": "A"}', "a.json")
    file('{"id": "q/2", "completion": "B"}\n', "b.jsonl")
    file("how to use them", "README.md")
    assert load(str(tmp_path)) == {"q/1": Canned("A"), "q/2": Canned("B")}
    file('{"q/2": "C"}', "c.json")
    with pytest.raises(ModelError, match=r"c\.json, id q/2: q/2 has two different replies"):
        load(str(tmp_path))


@pytest.mark.parametrize("name", ["one.json", "one.jsonl", "one"])
def test_a_file_of_one_line_is_json_lines_whatever_it_is_called(name, file):
    assert load(file('{"id": "q/1", "completion": "A"}', name)) == {"q/1": Canned("A")}


def test_a_runs_own_responses_can_be_played_again(file):
    line = {
        "id": "mmlu/anatomy/0000",
        "completion": "ANSWER: A",
        "finish_reason": "length",
        "usage": Usage(10, 3, 2, 1, 0.5).to_dict(),
        "latency_s": 0.2,
        "model": "served",
        "reasoning": "hm",
    }
    assert load(file(orjson.dumps(line))) == {
        "mmlu/anatomy/0000": Canned("ANSWER: A", "length", Usage(10, 3, 2, 1, 0.5), "hm")
    }


def test_openais_names_of_tokens_are_understood(file):
    line = '{"id": "q", "completion": "A", "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}'
    assert load(file(line))["q"].usage == Usage(5, 2)


def test_the_same_reply_twice_is_no_contradiction(file):
    assert len(load(file('{"id": "q", "completion": "A"}\n' * 2))) == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("r.jsonl", '{"id": "q", "completion": "A"}\n{"id": ', r"r\.jsonl, line 2: not valid JSON \(.+\)\.$"),
        ("r.json", '{"q":\n "A"\n"r": 3}', r"r\.json, line 3: not valid JSON \(.+\)\.$"),
        ("r.json", "[1]", r"r\.json, line 1: expected an object of replies by id, or JSON lines\.$"),
        ("r.jsonl", '["q", "A"]', r"r\.jsonl, line 1: expected an object with `id` and `completion`\.$"),
        (
            "r.jsonl",
            '{"completion": "A"}',
            r"r\.jsonl, line 1: expected an id such as 'mmlu/anatomy/0017', and",
        ),
        ("r.jsonl", '{"id": 7, "completion": "A"}', r"line 1: expected an id .*, and found 7\.$"),
        (
            "r.jsonl",
            '{"id": "q", "text": "A"}',
            r"line 1: expected a text, or an object whose `completion` is a text",
        ),
        (
            "r.json",
            '{"q": 7}',
            r"r\.json, id q: expected a text, or an object whose `completion` is a text\.$",
        ),
        ("r.json", '{"q": {"completion": null}}', r"id q: expected a text"),
        ("r.json", '{"q": {"completion": "A", "metadata": 3}}', r"id q: `metadata` must be an object\.$"),
        (
            "r.json",
            '{"q": {"completion": "A", "usage": {"in": 3}}}',
            r"id q: `usage` must have input_tokens and",
        ),
        ("r.json", '{"q": {"completion": "A", "usage": 3}}', r"id q: `usage` must have input_tokens and"),
        (
            "r.jsonl",
            '{"id": "q", "completion": "A"}\n{"id": "q", "completion": "B"}',
            r"line 2: q has two different replies; keep one, or make a list of them, as `mmlubench record`",
        ),
        ("r.json", '{"q": []}', r"id q: a list of replies is empty; put one in, or leave the id out\.$"),
        ("r.json", '{"q": [["A"], []]}', r"id q: a list of replies is empty;"),
        ("r.json", '{"q": [null]}', r"id q: a list of replies holds nothing but null;"),
        (
            "r.json",
            '{"q": ["A", ["B"]]}',
            r"id q: give a list of replies, or a list of such lists, one for each",
        ),
        ("r.json", '{"q": ["A", 7]}', r"id q, reply 2: expected a text, or an object"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_line(name, content, sentence, file):
    with pytest.raises(ModelError, match=sentence):
        load(file(content, name))


def test_a_file_that_is_not_there_is_said_when_the_model_is_opened(mock, tmp_path):
    with pytest.raises(ModelError, match=r"none\.json: the mock's replies cannot be read \(No such file"):
        mock(responses=str(tmp_path / "none.json"))


def test_ten_thousand_lines_are_all_there(file):
    lines = "".join(f'{{"id": "mmlu/x/{i}", "completion": "ANSWER: A {i}"}}\n' for i in range(10_000))
    path = file(lines)
    assert len(load(path)) == 10_000


# --- replies


@pytest.mark.asyncio
async def test_the_file_answers_first_and_the_rule_for_all_others(mock, file, make_request):
    model = mock(responses=file('{"mmlu/anatomy/0001": "from the file"}', "r.json"), rule="C")
    assert (await model.generate(make_request())).text == "from the file"
    model = mock(responses=file('{"other": "from the file"}', "r.json"), rule="C")
    assert (await model.generate(make_request())).text == "ANSWER: C"


@pytest.mark.asyncio
async def test_a_reply_carries_everything_its_file_says(mock, file, make_request):
    line = (
        '{"id": "mmlu/anatomy/0001", "completion": "I would", "finish_reason": "length", "reasoning": "hm",'
        ' "usage": {"input_tokens": 9, "output_tokens": 2}, "metadata": {"why": "test"}}'
    )
    completion = await mock(responses=file(line)).generate(make_request(max_tokens=4))
    assert (completion.text, completion.finish_reason, completion.reasoning) == ("I would", "length", "hm")
    assert (completion.usage, completion.metadata) == (Usage(9, 2), {"why": "test"})
    assert (completion.model, completion.sent) == ("sample", {"temperature": 0.0, "max_tokens": 4})


@pytest.mark.asyncio
async def test_an_id_that_nobody_knows_is_an_error_that_names_it_and_the_file(mock, file, make_request):
    path = file('{"other": "A"}', "r.json")
    with pytest.raises(Rejected) as caught:
        await mock(responses=path).generate(make_request())
    assert str(caught.value) == (
        f"tested: {path} has no reply for 'mmlu/anatomy/0001'; add one, or give the entry a `rule` such as hash."
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("echo", "Which letter?"),
        ("B", "ANSWER: B"),
        ("hash", f"ANSWER: {'ABCD'[crc32(b'Which letter?') & 3]}"),
    ],
)
async def test_rules_answer_without_a_file(rule, text, mock, make_request):
    for spec in ({"rule": rule}, {"model_id": rule}):  # in an entry, and as in mock/B
        completion = await mock(**spec).generate(make_request())
        assert completion.text == text
        assert completion.finish_reason == "stop"


@given(st.text())
def test_the_hash_rule_always_has_a_letter(text):
    assert _letter(text) in "ABCD"


def test_the_hash_rule_spreads_over_all_letters():
    drawn = [_letter(f"question {i}") for i in range(4000)]
    assert all(900 < drawn.count(letter) < 1100 for letter in "ABCD")


@pytest.mark.parametrize("rule", ["random", "AB", "b", ""])
def test_a_rule_that_is_none_is_one_sentence(rule, mock):
    with pytest.raises(
        ModelError, match=r"is no rule of the mock; give hash, echo or a letter from A to Z, or make an entry"
    ):
        mock(model_id=rule)


@pytest.mark.asyncio
async def test_estimated_tokens_say_that_they_are(mock, make_request):
    completion = await mock(rule="A").generate(make_request("x" * 400, system="y" * 40))
    assert completion.usage == Usage(110, 2)
    assert completion.metadata == {"usage": "estimated"}


@pytest.mark.asyncio
async def test_a_mock_can_be_as_slow_as_a_server(mock, make_request):
    model = mock(rule="A", latency_s=0.05)
    assert (await model.generate(make_request())).latency_s >= 0.05
    await model.aclose()


# --- log-probabilities


def raw(name="q/1", continuation="", logprobs=20):
    return Request(name, (), Params(logprobs=logprobs), prompt="Which?\nAnswer:", continuation=continuation)


@pytest.mark.asyncio
async def test_letters_are_made_likely_as_the_reply_says(mock):
    completion = await mock(rule="C").generate(raw())
    (best, *others) = completion.logprobs
    assert best == (" C", pytest.approx(-0.357, abs=1e-3))
    assert {token for token, _ in others} == {f" {letter}" for letter in "ABDEFGHIJ"}
    assert (await mock(rule="C").generate(raw(logprobs=None))).logprobs == ()


@pytest.mark.asyncio
async def test_a_continuation_is_as_likely_as_its_letter(mock):
    likely, unlikely = [(await mock(rule="C").generate(raw(continuation=x))).logprobs for x in (" C", " A")]
    assert likely == ((" C", pytest.approx(-0.357, abs=1e-3)),)
    assert unlikely[0][1] < -3


@pytest.mark.asyncio
async def test_recorded_log_probabilities_are_given_back_but_not_for_what_they_are_not(mock, file):
    # A recorded run must be graded the same when it is played back.
    path = file('{"id": "q/1", "completion": "", "logprobs": [[" B", -0.1], [" A", -2.5]]}')
    assert (await mock(responses=path).generate(raw())).logprobs == ((" B", -0.1), (" A", -2.5))
    with pytest.raises(Rejected, match="logprob:echo needs the probability of a given text"):
        await mock(responses=path).generate(raw(continuation=" A"))


@pytest.mark.parametrize("broken", ["7", '[["A"]]', '[["A", "likely"]]', "[1]"])
def test_log_probabilities_that_are_none_are_told_with_their_line(broken, file):
    path = file(f'{{"id": "q/1", "completion": "", "logprobs": {broken}}}')
    with pytest.raises(ModelError, match="line 1: `logprobs` must be a list of pairs"):
        load(path)


@pytest.mark.asyncio
async def test_the_hash_of_a_raw_prompt_is_that_of_the_same_text_in_a_chat(mock, make_request):
    chat = await mock(rule="hash").generate(make_request("Which?\nAnswer:"))
    assert (await mock(rule="hash").generate(raw())).text == chat.text


# --- odd values in a file


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"finish_reason": {"type": "stop"}', "`finish_reason` must be a text"),
        ('"finish_reason": 7', "`finish_reason` must be a text"),
        ('"reasoning": [1]', "`reasoning` must be a text"),
        ('"usage": {"prompt_tokens": -1e308, "completion_tokens": 1}', "`usage` must have"),
        ('"usage": {"prompt_tokens": "' + "9" * 5000 + '", "completion_tokens": 1}', "`usage` must have"),
        ('"usage": {"input_tokens": "x", "output_tokens": []}', "`usage` must have"),
        ('"usage": {"input_tokens": 1, "output_tokens": 1, "cost_usd": "much"}', "`usage` must have"),
        ('"usage": {"prompt_tokens": ' + "9" * 500_000 + "}", "not valid JSON"),
        ('"usage": 1e999', "not valid JSON"),
    ],
)
def test_an_odd_value_is_told_with_its_line(value, said, file):
    path = file(f'{{"id": "q", "completion": "A", {value}}}')
    with pytest.raises(ModelError, match=f"line 1: {said}"):
        load(path)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("reason", "ours"),
    [("MAX_TOKENS", "length"), ("SAFETY", "refusal"), ("STOP", "stop"), ("tool_calls", "tool_calls")],
)
async def test_a_file_may_use_any_servers_finish_reasons(reason, ours, mock, file):
    model = mock(responses=file(f'{{"id": "q", "completion": "A", "finish_reason": "{reason}"}}'))
    assert (await model.generate(Request("q", ()))).finish_reason == ours


@pytest.mark.asyncio
async def test_a_recorded_failure_of_a_server_is_no_answer(mock, file):
    model = mock(
        responses=file('{"id": "q", "completion": "A", "finish_reason": "insufficient_system_resource"}')
    )
    with pytest.raises(Rejected, match="its server failed"):
        await model.generate(Request("q", ()))


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            {"usage": {"input_tokens": "x", "output_tokens": 2}},
            "`usage` must have input_tokens and output_tokens",
        ),
        ({"finish_reason": 5}, "`finish_reason` must be a text"),
        ({"reasoning": ["x"]}, "`reasoning` must be a text"),
    ],
)
def test_a_reply_of_a_wrong_kind_is_told(tmp_path, reply, said):
    path = tmp_path / "replies.json"
    path.write_bytes(orjson.dumps({"q/1": {"completion": "B", **reply}}))
    with pytest.raises(ModelError, match=said):
        load(str(path))


def test_a_folder_without_replies_is_told(tmp_path):
    with pytest.raises(ModelError, match="holds no file of replies"):
        load(str(tmp_path))

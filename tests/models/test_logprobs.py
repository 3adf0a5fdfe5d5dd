"""Log-probabilities in every shape that servers give them; the replies are those of real servers, shortened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.models.http.logprobs import covering, echoed, first_token


def entry(token, logprob):
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def chat(sampled, *top):
    return {"logprobs": {"content": [{**entry(*sampled), "top_logprobs": [entry(*pair) for pair in top]}]}}


OPENAI = {
    "tokens": [" B"],
    "token_logprobs": [-1.5],
    "top_logprobs": [{" A": -0.7, " B": -1.5, "A": -3.0}],
    "text_offset": [0],
}


@pytest.mark.parametrize(
    ("choice", "likeliest"),
    [
        (chat(("A", -0.6), ("A", -0.6), ("The", -2.0)), (("A", -0.6), ("The", -2.0))),
        # vLLM at a temperature: what was sampled comes first, and is not the best.
        (chat((" wing", -6.29), (" wing", -6.29), (":", -5.0)), ((":", -5.0), (" wing", -6.29))),
        # What was sampled is not among the best, and is known all the same.
        (chat(("x", -9.0), ("A", -0.1)), (("A", -0.1), ("x", -9.0))),
        (chat(("A", -0.6)), (("A", -0.6),)),
        # Two tokens of one text, as of bytes that are no text alone: both count.
        (chat(("A", -1.0), ("A", -1.0), ("A", -2.0)), (("A", -1.0), ("A", -2.0))),
        # llama.cpp writes null where a probability is 0.
        (chat(("A", -0.6), ("A", -0.6), ("B", None)), (("A", -0.6),)),
        ({"logprobs": OPENAI}, ((" A", -0.7), (" B", -1.5), ("A", -3.0))),
        (
            {"logprobs": {**OPENAI, "tokens": [" C"], "token_logprobs": [-4.0]}},
            ((" A", -0.7), (" B", -1.5), ("A", -3.0), (" C", -4.0)),
        ),
        ({"logprobs": {**OPENAI, "top_logprobs": None}}, ((" B", -1.5),)),
        ({"logprobs": {**OPENAI, "top_logprobs": [None]}}, ((" B", -1.5),)),
    ],
)
def test_the_likeliest_tokens_come_best_first(choice, likeliest):
    assert first_token(choice) == likeliest


@pytest.mark.parametrize("said", [None, {}, {"content": None}, {"content": []}, {"tokens": []}])
def test_a_reply_without_any_is_no_reply_in_which_no_letter_is_likely(said):
    for choice in ({"logprobs": said}, {}):
        with pytest.raises(ValueError, match="the reply has none"):
            first_token(choice)


# --- echoes

ECHO = {
    "tokens": ["The", " letter", " A", ","],
    "token_logprobs": [None, -10.3, -6.5, -1.0],
    "top_logprobs": [None, {}, {}, {}],
}


def test_an_echo_is_the_prompt_without_the_reply_and_without_the_first_token_which_has_no_number():
    assert echoed({"logprobs": ECHO}, generated=1) == ((" letter", -10.3), (" A", -6.5))
    assert echoed({"logprobs": ECHO}, generated=0)[-1] == (",", -1.0)


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"tokens": [","], "token_logprobs": [-1.0]},  # OpenAI's shape, but of the reply only
        {"content": [entry(",", -1.0)]},  # llama.cpp passes over `echo`
    ],
)
def test_a_server_that_does_not_echo_is_found_out(said):
    with pytest.raises(ValueError, match="an echo of the prompt"):
        echoed({"logprobs": said}, generated=1)


@pytest.mark.parametrize(
    ("tokens", "text", "taken"),
    [
        ([":", " A"], " A", [" A"]),
        ([":", " ", "A"], " A", [" ", "A"]),  # Mistral splits it in two
        (["Answer", ": A"], " A", [": A"]),  # joined with what comes before
        ([":", "A"], " A", [":", "A"]),  # SentencePiece, its sign for a space dropped by the server
        (["\n", "A"], "A", ["A"]),
        ([" A"], "A", [" A"]),
    ],
)
def test_as_many_tokens_are_taken_as_cover_the_letter(tokens, text, taken):
    assert covering([(token, -1.0) for token in tokens], text) == tuple((token, -1.0) for token in taken)


@pytest.mark.parametrize("tokens", [[], [" B"], [" A", "."], ["A "]])
def test_an_echo_that_does_not_end_with_the_letter_is_not_counted(tokens):
    with pytest.raises(ValueError, match="and not with ' A'"):
        covering([(token, -1.0) for token in tokens], " A")


@given(st.lists(st.sampled_from(["a", " ", " A", "A", "xy"]), max_size=6))
def test_what_is_taken_is_the_end_and_no_longer_than_needed(before):
    tokens = [(token, -1.0) for token in [*before, " A"]]
    assert covering(tokens, " A") == (tokens[-1],)


@pytest.mark.parametrize("value", [0.7, 1.0, 55.0])
def test_a_probability_is_no_log_probability(value):
    with pytest.raises(ValueError, match="none is above 0"):
        first_token(chat(("A", value), ("A", value), ("B", 0.1)))


def test_odd_tokens_and_figures_are_left_out():
    said = chat(("A", -0.6), ("A", -0.6), ("B", float("nan")), ("C", float("-inf")), ("D", 1e-7))
    assert first_token(said) == (("D", 0.0), ("A", -0.6))

"""Completions of other packages' providers and of users' own models: an odd field must not cost the text."""

from typing import Any

import pytest

from mmlubench.errors import BadReply
from mmlubench.models.sound import sound
from mmlubench.schema import Completion, Usage

ODD: tuple[Any, ...] = (None, 7, [], {"a": 1}, 1.5, True, b"x")

FIGURES: tuple[Any, ...] = ((-1, 0), (1.5, 0), ("x", []), (10**400, 1), (1, 1, 0, 0, float("nan")))


def test_a_usual_completion_is_handed_on_as_it_is():
    completion = Completion("B", "stop", Usage(3, 1), "m", 0.5, {}, "I think.", {"a": 1})
    assert sound(completion) is completion


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "name", ["finish_reason", "usage", "model", "latency_s", "reasoning", "metadata", "pause_s"]
)
def test_an_odd_field_takes_its_usual_value(name, odd):
    completion = sound(Completion(**{"text": "B", "finish_reason": "stop", name: odd}))
    assert completion.text == "B"
    assert sound(completion) == completion
    completion.usage.checked()


@pytest.mark.parametrize(
    "usage",
    [Usage(*odd) for odd in FIGURES],
)
def test_figures_that_are_none_count_as_unknown(usage):
    assert sound(Completion("B", "stop", usage)).usage == Usage()


@pytest.mark.parametrize("text", ODD)
def test_without_a_text_it_is_no_reply(text):
    with pytest.raises(BadReply, match="which is no text"):
        sound(Completion(text, "stop"))


def test_half_a_surrogate_pair_can_be_sent_to_another_process():
    completion = sound(Completion("B \ud83d\ude00 \ud83d", "stop", reasoning="\udc00", model="m\x1b[2J"))
    assert (completion.text, completion.reasoning, completion.model) == ("B \U0001f600 \ufffd", "\ufffd", "m")

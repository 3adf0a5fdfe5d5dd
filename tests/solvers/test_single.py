from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from mmlubench.engine.journal import Journal, Journaled, current_journal
from mmlubench.errors import Overloaded, PromptError, ProviderError, Rejected
from mmlubench.models import ModelSpec
from mmlubench.prompts import Recipe, load_recipe, render
from mmlubench.schema import Answer, Completion, Outcome, Params, Question, Request, Usage
from mmlubench.settings import Settings
from mmlubench.solvers import Seat, SingleTurn, Solver, SolverContext
from mmlubench.solvers.single import SINGLE
from tests.scripted_model import Scripted


def _question(row: int, subject: str = "anatomy", text: str = "Which bone is in the arm?") -> Question:
    choices = ("The femur", "The radius", "The patella", "The tibia")
    return Question(f"mmlu/{subject}/{row:04}", "mmlu", subject, "other", text, choices, "B")


QUESTION = _question(17)
PLAIN = Recipe("plain", "1", "For tests.", "{{ question }}", shots=0)
PARAMS = Params(temperature=0.3, max_tokens=9)


def solve(model: Scripted, recipe: Recipe = PLAIN, params: Params = PARAMS, **more: Any) -> Answer:
    solver: Solver = SingleTurn(model, recipe, params, **more)
    return asyncio.run(solver(QUESTION))


def test_a_question_is_asked_once_as_the_recipe_says_and_under_its_own_id() -> None:
    # Logs and mock replies are keyed by the id; sampling parameters must reach the model as they were asked for.
    model = Scripted(Completion("ANSWER: B", "stop"))
    recipe = load_recipe("zero_shot", None, None)
    answer = solve(model, recipe)
    assert model.asked == [Request("mmlu/anatomy/0017", render(recipe, QUESTION), PARAMS)]
    assert "The radius" in model.asked[0].messages[-1].content
    assert answer.letter == "B"


def test_a_raw_recipe_is_continued_as_it_stands_and_makes_no_chat() -> None:
    # A chat template around the prompt of a base model's protocol would be another protocol.
    model = Scripted(Completion(" B", "stop"))
    raw = replace(PLAIN, raw=True, template="{{ question }}\nAnswer:", system="About bones.")
    answer = solve(model, raw)
    (request,) = model.asked
    assert (request.messages, request.params) == ((), PARAMS)
    assert request.prompt == "About bones.\n\nWhich bone is in the arm?\nAnswer:"
    assert answer.letter == "B"


def test_constrained_to_the_letters_of_the_question() -> None:
    model = Scripted(Completion("B", "stop"))
    solve(model, constrained=True)
    assert model.asked[0].params == replace(PARAMS, choice=("A", "B", "C", "D"))


def test_a_wrong_letter_is_read_just_as_well() -> None:
    answer = solve(Scripted(Completion("ANSWER: D", "stop")))
    assert (answer.letter, answer.failure) == ("D", Outcome.WRONG)
    assert answer.explanation  # what the user reads beside the failed case


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Completion("", "refusal"), Outcome.REFUSED),
        (Completion("First, let us think", "length"), Outcome.TRUNCATED),
        (Completion("Bones are interesting.", "stop"), Outcome.UNPARSED),
    ],
)
def test_a_reply_without_a_letter_is_never_guessed(reply: Completion, outcome: Outcome) -> None:
    answer = solve(Scripted(reply))
    assert (answer.letter, answer.failure) == (None, outcome)


def test_worked_examples_are_those_of_the_questions_own_subject() -> None:
    model = Scripted(Completion("ANSWER: B", "stop"))
    recipe = Recipe(
        "two", "1", "For tests.", "{% for s in shots %}{{ s.question }} {% endfor %}{{ question }}", shots=2
    )
    dev = {
        "anatomy": [_question(n, text=f"example {n}") for n in range(3)],
        "virology": [_question(n, "virology", "of another subject") for n in range(3)],
    }
    solve(model, recipe, examples=dev)
    assert model.asked[0].messages[-1].content == "example 0 example 1 Which bone is in the arm?"


def test_too_few_worked_examples_are_told_before_anything_is_asked() -> None:
    model = Scripted(Completion("ANSWER: B", "stop"))
    with pytest.raises(PromptError, match="1 worked examples"):
        solve(
            model,
            Recipe("one", "1", "For tests.", "{{ question }}", shots=1),
            examples={"virology": [QUESTION]},
        )
    assert model.asked == []


def test_a_provider_that_fails_is_not_a_wrong_answer() -> None:
    error = Overloaded("busy", status=529)
    with pytest.raises(Overloaded) as caught:
        solve(Scripted(error))
    assert caught.value is error


# -- replies that were cut off ----------------------------------------------------------------------------------------

CUT = Completion("First, let us think", "length", Usage(50, 9))


def test_a_reply_cut_off_before_its_letter_is_asked_for_once_more_with_four_times_the_tokens() -> None:
    # A thinking model with a small budget must not score 0 as if it knew nothing.
    model = Scripted(CUT, Completion("ANSWER: B", "stop"))
    answer = solve(model)
    first, second = model.asked
    assert second == replace(first, params=replace(PARAMS, max_tokens=36))
    assert (answer.letter, answer.text) == ("B", "ANSWER: B")


@pytest.mark.parametrize(
    ("second", "letter", "rule"),
    [
        (Completion("ANSWER: D", "stop"), "D", None),
        (Completion("Bones are interesting.", "stop"), None, "unparsed"),
        (Completion("", "refusal"), None, "refused"),
    ],
)
def test_what_the_second_reply_says_counts(second: Completion, letter: str | None, rule: str | None) -> None:
    answer = solve(Scripted(CUT, second))
    assert answer.letter == letter
    assert rule is None or answer.rule == rule
    assert "asked twice" not in answer.explanation


def test_cut_off_twice_is_truncated_and_says_so_and_nobody_asks_a_third_time() -> None:
    longer = Completion("First, let us think, and then", "length", Usage(50, 36))
    model = Scripted(CUT, longer)
    answer = solve(model)
    assert len(model.asked) == 2
    assert (answer.letter, answer.failure, answer.text) == (None, Outcome.TRUNCATED, longer.text)
    assert "cut off after 36 tokens" in answer.explanation
    assert answer.explanation.endswith("(asked twice, the second time for up to 36 tokens)")


def test_a_letter_before_the_cut_is_enough() -> None:
    model = Scripted(Completion("ANSWER: B\n\nThe radius is", "length"))
    assert solve(model).letter == "B"
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [Completion("Bones are interesting.", "stop"), Completion("", "refusal"), Completion("B", "stop")],
)
def test_only_a_reply_that_was_cut_off_is_asked_for_again(reply: Completion) -> None:
    model = Scripted(reply)
    solve(model)
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (CUT, {"reask": False}),
        (CUT, {"params": Params(max_tokens=None)}),  # no limit of ours: the model's own cannot be raised
        # The model gives no more than 5 tokens, or takes no limit at all: the same request would be paid for twice.
        (replace(CUT, sent={"model": "m", "max_tokens": 5}), {}),
        (replace(CUT, sent={"model": "m", "temperature": 0.3}), {}),
    ],
)
def test_nothing_is_asked_again_where_it_cannot_help_or_is_not_wanted(
    first: Completion, more: dict[str, Any]
) -> None:
    model = Scripted(first)
    answer = solve(model, **more)
    assert len(model.asked) == 1
    assert answer.failure is Outcome.TRUNCATED
    assert "asked" not in answer.explanation


@pytest.mark.parametrize(
    ("name", "requests"), [("zero_shot", 2), ("cot", 2), ("inspect_zero_shot", 1), ("simple_evals", 1)]
)
def test_a_published_protocol_is_asked_as_published_without_a_second_try(name: str, requests: int) -> None:
    recipe = load_recipe(name)
    assert bool(recipe.reproduces) is (requests == 1)
    model = Scripted(CUT, Completion("ANSWER: B", "stop"))
    spec = ModelSpec(label="m", client="mock", model_id="m")
    context = SolverContext(Settings(), [Seat(model, spec, PARAMS)], recipe, {}, recipe.extraction)
    answer = asyncio.run(SINGLE.build(context)(QUESTION))
    assert len(model.asked) == requests
    assert answer.second_tries == requests - 1


@pytest.mark.parametrize(
    ("second", "tries"),
    [(Completion("ANSWER: D", "stop"), 1), (CUT, 1), (Rejected("too large", status=400), 0)],
)
def test_a_second_reply_in_the_place_of_the_first_is_counted(
    second: Completion | Exception, tries: int
) -> None:
    assert solve(Scripted(CUT, second)).second_tries == tries
    assert solve(Scripted(Completion("ANSWER: B", "stop"))).second_tries == 0


def test_the_budget_is_known_by_its_value_whatever_the_provider_calls_it() -> None:
    model = Scripted(replace(CUT, sent={"model": "m", "max_completion_tokens": 9}))
    solve(model)
    assert len(model.asked) == 2


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_server_that_has_not_room_for_more_leaves_the_reply_truncated(status: int) -> None:
    # 4 x 1024 tokens may be more than the context of a small model: that is no failure of the server.
    answer = solve(Scripted(CUT, Rejected("max_tokens is too large", status=status)))
    assert (answer.failure, answer.text) == (Outcome.TRUNCATED, CUT.text)
    assert answer.explanation.endswith("(asked again for up to 36 tokens, which the server refused)")


@pytest.mark.parametrize(
    "error", [Overloaded("busy", status=529), Rejected("no credit", status=402), ProviderError("budget")]
)
def test_a_second_request_that_fails_is_an_error_and_is_asked_in_the_next_run(error: ProviderError) -> None:
    with pytest.raises(ProviderError) as caught:
        solve(Scripted(CUT, error))
    assert caught.value is error


def test_both_requests_and_their_tokens_are_in_the_log() -> None:
    model = Scripted(CUT, Completion("ANSWER: B", "stop", Usage(50, 4)))
    journal = Journal()

    async def one_case() -> Answer:
        current_journal.set(journal)
        return await SingleTurn(Journaled(model, "m"), PLAIN, PARAMS)(QUESTION)

    assert asyncio.run(one_case()).letter == "B"
    budgets = [json.loads(line)["parameters_asked"]["max_tokens"] for line in journal.requests]
    assert budgets == [9, 36]
    assert [json.loads(line)["finish_reason"] for line in journal.responses] == ["length", "stop"]
    assert journal.usage == Usage(100, 13)

"""Scoring by log-probability: what is asked in each of three ways, which letter wins, and what is told of the rest."""

from __future__ import annotations

import asyncio
import json
from math import exp, log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.journal import Journal, Journaled, current_journal
from mmlubench.errors import Overloaded, ProviderError
from mmlubench.prompts import Recipe, load_recipe, render
from mmlubench.prompts.render import raw_prompt
from mmlubench.schema import Answer, Completion, Outcome, Params, Question, Request, Scoring, Usage
from mmlubench.solvers import Logprob, Solver
from mmlubench.solvers.letter_scores import letter_scores, probabilities
from mmlubench.solvers.logprob import continuations

QUESTION = Question(
    "mmlu/anatomy/0017", "mmlu", "anatomy", "other", "Which?", ("one", "two", "three", "four"), "B"
)
PLAIN = Recipe("plain", "1", "For tests.", "{{ question }}\nAnswer:", system="Be brief.")
PARAMS = Params(temperature=0.3, max_tokens=500, stop=("\n",))
#: 0.5 for A in two spellings, 0.3 for B, 0.1 for C.
LIKELIEST = ((" B", log(0.3)), (" A", log(0.3)), ("A", log(0.2)), ("C", log(0.1)), (" The", log(0.1)))


class Canned:
    """A model that replies with the same completion, or by the continuation it is asked for; or fails."""

    def __init__(self, reply: Completion | dict[str, Any]) -> None:
        self._reply = reply
        self.asked: list[Request] = []

    async def generate(self, request: Request) -> Completion:
        self.asked.append(request)
        if isinstance(self._reply, Completion):
            return self._reply
        reply = self._reply[request.continuation]
        if isinstance(reply, Exception):
            raise reply
        return Completion("", "length", Usage(10, 1), logprobs=reply)

    async def aclose(self) -> None: ...


def solve(model: Canned, scoring: Scoring = Scoring.COMPLETIONS, **more: Any) -> Answer:
    solver: Solver = Logprob(model, more.pop("recipe", PLAIN), PARAMS, scoring=scoring, **more)
    return asyncio.run(solver(QUESTION))


def told(logprobs: tuple[tuple[str, float], ...]) -> Canned:
    return Canned(Completion(" The", "length", Usage(10, 1), logprobs=logprobs))


# -- what is asked ---------------------------------------------------------------------------------------------------


def test_completions_are_asked_for_one_token_after_the_raw_prompt() -> None:
    model = told(LIKELIEST)
    solve(model)
    (request,) = model.asked
    assert request.id == QUESTION.id
    assert (request.messages, request.prompt, request.continuation) == (
        (),
        "Be brief.\n\nWhich?\nAnswer:",
        "",
    )
    assert request.params == Params(temperature=0.3, max_tokens=1, logprobs=20)  # nothing that would stop it


def test_a_chat_is_asked_for_one_token_of_a_reply() -> None:
    model = told(LIKELIEST)
    solve(model, Scoring.CHAT, top=5)
    (request,) = model.asked
    assert (request.messages, request.prompt) == (render(PLAIN, QUESTION), "")
    assert request.params == Params(temperature=0.3, max_tokens=1, logprobs=5)


def test_an_echo_is_asked_for_once_for_every_letter() -> None:
    replies = {f" {letter}": ((f" {letter}", -1.0),) for letter in "ABCD"}
    model = Canned(replies)
    solve(model, Scoring.ECHO)
    assert [request.continuation for request in model.asked] == [" A", " B", " C", " D"]
    assert {request.prompt for request in model.asked} == {"Be brief.\n\nWhich?\nAnswer:"}


def test_worked_examples_are_those_of_the_questions_own_subject() -> None:
    dev = [
        Question(f"mmlu/anatomy/{row}", "mmlu", "anatomy", "other", f"example {row}", ("a", "b"), "A")
        for row in range(5)
    ]
    model = told(LIKELIEST)
    solve(model, recipe=load_recipe("hendrycks"), examples={"anatomy": dev})
    prompt = model.asked[0].prompt
    assert prompt.startswith("The following are multiple choice questions (with answers) about  anatomy.")
    assert prompt.endswith("Which?\nA. one\nB. two\nC. three\nD. four\nAnswer:")  # and no space at the end
    assert prompt.count("Answer: A\n\n") == 5


def test_after_a_prompt_that_ends_with_a_space_a_letter_needs_none() -> None:
    # " " and " A" after one another would be two spaces, which no model expects.
    assert continuations("Answer:", "AB") == [" A", " B"]
    assert continuations("Answer: ", "AB") == continuations("Answer:\n", "AB") == ["A", "B"]
    assert raw_prompt(render(PLAIN, QUESTION)) == "Be brief.\n\nWhich?\nAnswer:"


# -- which letter wins -----------------------------------------------------------------------------------------------


def test_both_spellings_of_a_letter_count_together() -> None:
    # " B" is the likeliest token, but A is the likelier letter.
    answer = solve(told(LIKELIEST))
    assert (answer.letter, answer.rule, answer.text) == ("A", "logprob", " The")
    assert answer.failure is Outcome.WRONG
    assert answer.probabilities == pytest.approx({"A": 5 / 9, "B": 3 / 9, "C": 1 / 9, "D": 0.0})


def test_what_is_missing_and_how_likely_the_rest_is_is_told() -> None:
    assert solve(told(LIKELIEST)).explanation == (
        "answered A (rule: logprob; A 0.556, B 0.333, C 0.111, D 0.000; together 90.0 % of all probability; "
        "not among the likeliest tokens: D), right is B"
    )
    everything = tuple((letter, -1.0) for letter in "DCBA")
    assert "not among" not in solve(told(everything)).explanation


def test_of_letters_that_are_exactly_as_likely_the_first_counts() -> None:
    assert solve(told(((" D", -1.0), (" B", -1.0), (" C", -1.0), (" A", -2.0)))).letter == "B"


def test_without_any_letter_there_is_no_answer_and_no_guess() -> None:
    # A thinking model begins with its thoughts.
    answer = solve(told((("<think>", -0.1), ("The", -3.0), ("E", -4.0))), Scoring.CHAT)
    assert (answer.letter, answer.failure, answer.probabilities) == (None, Outcome.UNPARSED, None)
    assert answer.explanation == (
        "no letter among the 3 likeliest tokens, the first is '<think>' (right is B)"
    )


def test_a_refusal_is_a_refusal_and_anything_else_without_log_probabilities_an_error() -> None:
    refused = solve(Canned(Completion("I cannot.", "refusal")), Scoring.CHAT)
    assert (refused.letter, refused.failure, refused.text) == (None, Outcome.REFUSED, "I cannot.")
    with pytest.raises(ProviderError, match="the reply has none"):  # a user's own model that passes over them
        solve(Canned(Completion("A", "stop")), Scoring.CHAT)


# -- how much the letters hold ----------------------------------------------------------------------------------------


def test_how_much_probability_the_letters_hold_together_is_measured() -> None:
    answer = solve(told(LIKELIEST))
    assert answer.letter_mass == pytest.approx(0.9)
    assert answer.unlisted_mass == pytest.approx(0.0)  # everything is listed, so D has nothing


def test_an_article_that_is_the_likeliest_letter_is_known_by_how_little_the_letters_hold() -> None:
    # After a prompt for chats that is sent raw: " A good answer", and no letter.
    answer = solve(told(((" The", log(0.5)), ("\n", log(0.3)), (" A", log(0.01)))))
    assert answer.letter == "A"
    assert answer.letter_mass == pytest.approx(0.01)
    assert answer.unlisted_mass == pytest.approx(0.19)  # B, C and D may have up to that
    assert "together 1.0 % of all probability" in answer.explanation


def test_without_any_letter_in_the_list_the_letters_hold_nothing_that_is_known() -> None:
    answer = solve(told((("<think>", log(0.95)), ("The", log(0.01)))), Scoring.CHAT)
    assert (answer.letter_mass, answer.unlisted_mass) == (0.0, pytest.approx(0.04))


def test_where_no_letter_is_missing_nothing_is_hidden() -> None:
    answer = solve(told(tuple((f" {letter}", log(0.2)) for letter in "ABCD")))
    assert (answer.letter_mass, answer.unlisted_mass) == (pytest.approx(0.8), 0.0)


def test_an_echo_measures_it_by_all_tokens_of_each_continuation() -> None:
    chances = {"A": 0.1, "B": 0.2, "C": 0.05, "D": 0.01}
    replies = {f" {letter}": ((" ", log(0.5)), (letter, log(p))) for letter, p in chances.items()}
    answer = solve(Canned(replies), Scoring.ECHO)
    assert (answer.letter_mass, answer.unlisted_mass) == (pytest.approx(0.5 * 0.36), 0.0)


@pytest.mark.parametrize("reply", [Completion("I cannot.", "refusal")])
def test_a_refusal_has_no_letter_mass(reply: Completion) -> None:
    assert solve(Canned(reply), Scoring.CHAT).letter_mass is None


# -- echoes ----------------------------------------------------------------------------------------------------------


def test_the_tokens_of_a_continuation_are_added_up() -> None:
    replies = {
        f" {letter}": ((" ", -0.5), (letter, value))
        for letter, value in zip("ABCD", (-3, -2, -1, -9), strict=True)
    }
    answer = solve(Canned(replies), Scoring.ECHO)
    total = sum(map(exp, (-3, -2, -1, -9)))
    assert answer.letter == "C"
    assert answer.probabilities == pytest.approx(
        {"A": exp(-3) / total, "B": exp(-2) / total, "C": exp(-1) / total, "D": exp(-9) / total}
    )
    assert "not among" not in answer.explanation


def test_sums_over_different_stretches_of_text_are_not_compared() -> None:
    # ": A" is one token here, and " B" stands alone: the colon would count for A only.
    replies = {f" {letter}": ((f" {letter}", -1.0),) for letter in "ABCD"} | {" A": ((": A", -3.0),)}
    with pytest.raises(ProviderError, match="cannot be compared"):
        solve(Canned(replies), Scoring.ECHO)


def test_if_one_letter_fails_the_question_has_failed_but_what_the_others_cost_is_not_thrown_away() -> None:
    error = Overloaded("busy", status=529)
    replies = {f" {letter}": ((f" {letter}", -1.0),) for letter in "ABCD"} | {" B": error}
    journal = Journal()

    async def one_case() -> Answer:
        current_journal.set(journal)
        return await Logprob(Journaled(Canned(replies), "m"), PLAIN, PARAMS, scoring=Scoring.ECHO)(QUESTION)

    with pytest.raises(Overloaded) as caught:
        asyncio.run(one_case())
    assert caught.value is error
    lines = [json.loads(line) for line in journal.responses]
    assert sorted(line.get("continuation", "failed") for line in lines) == [" A", " C", " D", "failed"]
    assert journal.usage == Usage(30, 3)


# -- from tokens to letters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["A", " A", "\nA", "A ", "\u2581A", "\u0120A", "\u010aA"])
def test_a_token_is_a_letter_whatever_white_space_is_around_it(token: str) -> None:
    assert letter_scores([(token, -1.0)], "ABCD") == {"A": -1.0}


@pytest.mark.parametrize("token", ["a", "AB", "(A", "A.", "", " ", "E", "The", "\u0391"])
def test_nothing_else_is_a_letter(token: str) -> None:
    # "a" is an article, E is no choice of four, and the last one is Greek.
    assert letter_scores([(token, -1.0)], "ABCD") == {}


def test_a_letter_that_cannot_be_does_no_harm() -> None:
    # vLLM writes -9999 for a probability of 0, and its exponential is none.
    scores = letter_scores([("A", -9999.0), ("B", -9999.0), (" B", -9999.0)], "AB")
    assert probabilities(scores, "AB") == pytest.approx({"A": 1 / 3, "B": 2 / 3})


_pairs = st.lists(st.tuples(st.sampled_from(["A", " A", "B", " B", "C", "x"]), st.floats(-50, 0)), max_size=8)


@given(_pairs)
def test_probabilities_are_those_of_the_letters_alone(pairs: list[tuple[str, float]]) -> None:
    scores = letter_scores(pairs, "ABCD")
    if not scores:
        assert all(token == "x" for token, _ in pairs)
        return
    known = probabilities(scores, "ABCD")
    assert list(known) == list("ABCD")
    assert sum(known.values()) == pytest.approx(1)
    mass = {letter: sum(exp(v) for token, v in pairs if token.strip() == letter) for letter in "ABCD"}
    for letter in "ABCD":
        assert known[letter] == pytest.approx(mass[letter] / sum(mass.values()), abs=1e-9)


# -- one token alone -------------------------------------------------------------------------------------------------


def test_a_token_without_alternatives_is_no_certainty() -> None:
    # Scaled to 1 in total, a letter with a probability of 0.2 would be certain.
    with pytest.raises(ProviderError, match="the log-probability of one token alone"):
        solve(told(((" B", log(0.2)),)))


def test_a_token_that_is_certain_by_its_own_figure_is_an_answer() -> None:
    answer = solve(told(((" B", log(0.9999)),)))
    assert (answer.letter, answer.probabilities and answer.probabilities["B"]) == ("B", 1.0)

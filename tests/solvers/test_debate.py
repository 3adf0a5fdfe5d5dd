"""Debates of agents with scripted replies: what each agent is shown, and which letter becomes the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.journal import Journal, Journaled, current_journal
from mmlubench.errors import Overloaded, ProviderError, Rejected
from mmlubench.grading import read_answer
from mmlubench.prompts import QUESTION_VARIABLES, REPLY_VARIABLES, read_role
from mmlubench.schema import Answer, Completion, Message, Outcome, Params, Question, Request, majority
from mmlubench.solvers import Agent, Critique, Debate, JudgedDebate, Repeated, Solver
from mmlubench.solvers.panel import vote

QUESTION = Question(
    *("mmlu_pro/law/7", "mmlu_pro", "law", "law", "Who signs?", ("Nobody", "One", "Two", "All")), "C"
)
INITIAL, COLLABORATIVE = (
    read_role("debate_initial", None, QUESTION_VARIABLES),
    read_role("debate_collaborative", None, REPLY_VARIABLES),
)
JUDGE, CRITIC, SYNTHESIZER = (
    read_role(name, None, REPLY_VARIABLES) for name in ("judge", "critic", "synthesizer")
)
PARAMS = Params(temperature=0.7, max_tokens=99)
Reply = str | Completion | Exception


class Speaker:
    """A Model that says these things one after the other, and notes what it was asked."""

    def __init__(self, *replies: Reply, pause_s: float = 0.0) -> None:
        self._replies = iter(replies)
        self._pause_s = pause_s
        self.asked: list[Request] = []
        self.ended = 0

    async def generate(self, request: Request) -> Completion:
        self.asked.append(request)
        await asyncio.sleep(self._pause_s)
        self.ended += 1
        reply = next(self._replies)
        if isinstance(reply, Exception):
            raise reply
        return Completion(reply, "stop") if isinstance(reply, str) else reply

    async def aclose(self) -> None: ...

    @property
    def heard(self) -> str:
        """The last prompt it was given."""
        return self.asked[-1].messages[-1].content


def seat(speakers: Sequence[Speaker], extraction: str = "default") -> tuple[list[Agent], Any]:
    return [Agent(speaker, PARAMS) for speaker in speakers], partial(read_answer, extraction=extraction)


def debate(*speakers: Speaker, rounds: int = 1, extraction: str = "default") -> Debate:
    agents, read = seat(speakers, extraction)
    return Debate(agents, rounds, read, INITIAL, COLLABORATIVE)


def solve(solver: Solver, question: Question = QUESTION) -> Answer:
    return asyncio.run(solver(question))


def said(letter: str) -> str:
    return f"The answer is ({letter})."


def record_of(answer: Answer) -> dict[str, Any]:
    assert answer.record is not None
    return dict(answer.record)


# -- the vote --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replies", "letter", "told"),
    [
        ("ACC", "C", "2 of 3 agents answered C, right is C"),
        ("ABC", "A", "1 of 3 agents answered A, right is C"),  # all tie: the first seen
        ("BCBC", "B", "2 of 4 agents answered B, right is C"),
        ("-CA", "C", "1 of 3 agents answered C, right is C"),  # no letter, no vote
        ("--B", "B", "1 of 3 agents answered B, right is C"),
    ],
)
def test_most_agents_decide_and_the_first_seen_where_two_tie(replies: str, letter: str, told: str) -> None:
    answer = solve(debate(*(Speaker("Hard to say" if one == "-" else said(one)) for one in replies)))
    assert (answer.letter, answer.rule, answer.explanation) == (letter, "majority", told)
    assert answer.rounds == (tuple(None if one == "-" else one for one in replies),)


def test_without_any_vote_the_case_ends_as_the_first_agent_did() -> None:
    cut_off = Completion("First of all,", "length")
    answer = solve(debate(Speaker(cut_off), Speaker("No idea."), Speaker("Me neither.")))
    assert (answer.letter, answer.failure) == (None, Outcome.TRUNCATED)


@given(st.lists(st.sampled_from(["A", "B", "C", None]), min_size=1, max_size=9))
def test_the_vote_counts_as_one_would_by_hand(letters: list[str | None]) -> None:
    best, most = None, 0
    for letter in letters:  # first seen wins, so only more votes than before change anything
        if letter and letters.count(letter) > most:
            best, most = letter, letters.count(letter)
    answers = [
        Answer(letter, "rule" if letter else "unparsed", f"{n}", "") for n, letter in enumerate(letters)
    ]
    answer = vote(QUESTION, answers)
    assert answer.letter == majority(letters) == best
    assert answer.text == str(letters.index(best))  # the reply that is shown is one that said so


# -- who hears what --------------------------------------------------------------------------------------------------


def test_in_a_further_round_each_agent_hears_the_others_and_not_itself() -> None:
    one, two, three = (Speaker(f"{name} thinks. {said('B')}", said("C")) for name in ("Ann", "Bob", "Cleo"))
    answer = solve(debate(one, two, three, rounds=2))
    assert answer.rounds == (("B", "B", "B"), ("C", "C", "C"))
    assert "Bob thinks" in one.heard
    assert "Cleo thinks" in one.heard
    assert "Ann thinks" not in one.heard
    assert "Ann thinks" in two.heard
    assert "Bob thinks" not in two.heard
    assert "Agent 2:\nBob thinks" in one.heard
    # Its own words it knows from the conversation, which goes on.
    roles = [message.role for message in one.asked[-1].messages]
    assert roles == ["user", "assistant", "user"]
    assert one.asked[-1].messages[1] == Message("assistant", f"Ann thinks. {said('B')}")
    assert [request.params for request in one.asked] == [PARAMS, PARAMS]
    assert {request.id for request in one.asked} == {QUESTION.id}


def test_what_an_agent_says_is_not_heard_in_the_same_round() -> None:
    quick, slow = Speaker("First", "Second"), Speaker("one", "two", pause_s=0.01)
    solve(debate(quick, slow, rounds=2))
    assert "First" in slow.heard
    assert "Second" not in slow.heard


@pytest.mark.parametrize("extraction", ["default", "tiger"])
def test_what_was_thought_is_passed_on_to_nobody_and_casts_no_vote(extraction: str) -> None:
    # Thinking is long, is no argument, and would be read again by whoever scores the file.
    secret = Completion("<think>B? The answer is B.</think>I do not know.", "stop", reasoning="hidden")
    one, two = Speaker(secret, "I pass."), Speaker(said("C"), said("C"))
    answer = solve(debate(one, two, rounds=2, extraction=extraction))
    assert "<think>" not in two.heard
    assert "hidden" not in two.heard
    assert "I do not know." in two.heard
    assert "<think>" not in one.asked[-1].messages[1].content
    if extraction == "default":
        assert answer.rounds[0] == (None, "C")
    contexts = record_of(answer)["agent_contexts"]
    assert "B?" not in contexts[0][1]["content"]


@pytest.mark.parametrize("text", ["", "  \n", "<think>It never ended"])
def test_an_agent_that_said_nothing_is_quoted_as_silent(text: str) -> None:
    # Servers refuse an empty turn: the whole question would be lost.
    quiet, other = Speaker(text, said("C")), Speaker(said("B"), said("C"))
    answer = solve(debate(quiet, other, rounds=2))
    assert answer.rounds == ((None, "B"), ("C", "C"))
    assert "(no reply)" in other.heard
    assert quiet.asked[-1].messages[1].content == "(no reply)"


def test_an_agent_that_only_thought_is_told_apart_from_one_without_a_reply() -> None:
    assert "only thinking" in solve(debate(Speaker("<think>B"))).explanation
    assert "empty reply" in solve(debate(Speaker(""))).explanation


# -- at once, and when one fails -------------------------------------------------------------------------------------


def test_the_agents_of_a_round_are_asked_at_once() -> None:
    under_way, most = 0, 0

    class Counting(Speaker):
        async def generate(self, request: Request) -> Completion:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            completion = await super().generate(request)
            under_way -= 1
            return completion

    solve(debate(*(Counting(said("A"), said("A")) for _ in range(20)), rounds=2))
    assert most == 20


def test_an_agent_that_fails_makes_an_error_of_the_case_and_the_others_are_still_heard_out() -> None:
    # What they reply is paid for: it is to be in the log of this case, and in the store.
    slow = Speaker(said("C"), pause_s=0.02)
    failing = Speaker(Overloaded("the server is busy"))
    journal = Journal()
    agents = [Agent(Journaled(speaker, "m"), PARAMS) for speaker in (failing, slow)]
    solver = Debate(agents, 2, read_answer, INITIAL, COLLABORATIVE)

    async def case() -> tuple[int, int]:
        current_journal.set(journal)
        with pytest.raises(Overloaded, match="the server is busy"):
            await solver(QUESTION)
        return len(journal.requests), len(journal.responses)

    assert asyncio.run(case()) == (2, 2)
    assert slow.ended == 1  # and nobody was asked for a second round


def test_the_first_agents_error_is_the_one_that_is_told() -> None:
    speakers = (Speaker(said("A")), Speaker(Rejected("no")), Speaker(Overloaded("busy")))
    with pytest.raises(ProviderError, match=r"^no$"):
        solve(debate(*speakers))


def test_a_case_that_is_cancelled_leaves_no_agent_behind() -> None:
    # Ctrl-C: what still runs must end with the case, or the loop complains about it.
    slow = Speaker(said("C"), pause_s=60)

    async def cancelled() -> set[asyncio.Task[Any]]:
        task = asyncio.ensure_future(debate(slow, slow)(QUESTION))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(cancelled()) == set()


# -- somebody decides ------------------------------------------------------------------------------------------------


def test_a_judge_who_took_no_part_decides_alone() -> None:
    one, two = Speaker("Ann: " + said("A"), "Ann again: " + said("A")), Speaker("Bob", "Bob: " + said("A"))
    judge = Speaker("Neither. " + said("C"))
    agents, read = seat([one, two, judge])
    answer = solve(JudgedDebate(agents, 2, read, INITIAL, COLLABORATIVE, JUDGE))
    assert (answer.letter, answer.explanation.endswith("right is C")) == ("C", True)
    assert answer.rounds == (("A", None), ("A", "A"), ("C",))
    assert len(judge.asked) == 1
    assert len(judge.asked[0].messages) == 1
    assert "Agent 1:\nAnn again" in judge.heard
    assert "Agent 2:\nBob" in judge.heard
    assert "Who signs?" in judge.heard
    assert "D. All" in judge.heard


def test_without_a_letter_from_the_judge_there_is_none() -> None:
    agents, read = seat([Speaker(said("C")), Speaker(said("C")), Speaker("I cannot decide.")])
    answer = solve(JudgedDebate(agents, 1, read, INITIAL, COLLABORATIVE, JUDGE))
    assert (answer.letter, answer.failure) == (None, Outcome.UNPARSED)
    assert record_of(answer)["collaborative_prompt_used"] is None  # with one round nobody was asked that
    assert record_of(answer)["judge_prompt_used"] == "judge"


def test_the_synthesizer_hears_answer_and_critique_and_its_answer_is_criticized_again() -> None:
    author = Speaker("Draft. " + said("A"))
    critic = Speaker("Flawed. " + said("B"), "Fine now. " + said("C"))
    synthesizer = Speaker("Mended. " + said("B"), "Final. " + said("C"))
    agents, read = seat([author, critic, synthesizer])
    answer = solve(Critique(agents, 2, read, INITIAL, CRITIC, SYNTHESIZER))
    assert answer.letter == "C"
    assert answer.rounds == (("A",), ("B",), ("B",), ("C",), ("C",))
    first, second = (request.messages[-1].content for request in synthesizer.asked)
    assert "The answer:\nDraft." in first
    assert "The critique:\nFlawed." in first
    assert "The answer:\nMended." in second
    assert "The critique:\nFine now." in second
    assert "Mended." in critic.heard
    record = record_of(answer)
    assert (record["critic_prompt_used"], record["synthesizer_prompt_used"]) == ("critic", "synthesizer")
    assert record["speakers"] == [[0], [1], [2], [1], [2]]


# -- what is written down --------------------------------------------------------------------------------------------


def test_the_record_has_the_keys_of_the_format_and_everything_that_was_said() -> None:
    answer = solve(debate(Speaker("hm", said("B")), Speaker(said("A"), said("C")), rounds=2))
    record = record_of(answer)
    keys = "question options answer category initial_prompt_used collaborative_prompt_used agent_contexts"
    assert {*keys.split(), "extracted_answers"} <= record.keys()
    assert (record["question"], record["options"]) == ("Who signs?", ["Nobody", "One", "Two", "All"])
    assert (record["answer"], record["category"]) == ("C", "law")
    assert record["initial_prompt_used"] == "debate_initial"
    assert record["collaborative_prompt_used"] == "debate_collaborative"
    assert record["extracted_answers"] == ["B", "C"]
    # The K-th reply of an agent stands at 2 * K - 1, where existing evaluators look for it.
    assert [[turn["role"] for turn in context] for context in record["agent_contexts"]] == [
        ["user", "assistant", "user", "assistant"]
    ] * 2
    assert record["agent_contexts"][1][3]["content"] == said("C")


def test_agents_that_never_hear_of_one_another_are_a_self_consistency() -> None:
    answer = solve(debate(*(Speaker(said(letter)) for letter in "ACCB")))
    assert (answer.letter, answer.rounds) == ("C", (("A", "C", "C", "B"),))
    assert record_of(answer)["collaborative_prompt_used"] is None


# -- repeated --------------------------------------------------------------------------------------------------------


def test_a_debate_over_shuffled_choices_is_told_with_the_letters_of_the_printed_question() -> None:
    # Else "accuracy per round" would compare letters of one order with the key of another.
    class Knows:
        async def generate(self, request: Request) -> Completion:
            (line,) = (line for line in request.messages[0].content.splitlines() if line.endswith(". Two"))
            return Completion(said(line[0]), "stop")

        async def aclose(self) -> None: ...

    agents = [Agent(Knows(), PARAMS)] * 2
    solver = Debate(agents, 2, read_answer, INITIAL, COLLABORATIVE)
    for seed in range(5):
        answer = solve(Repeated(solver, 1, shuffle=True, seed=seed))
        assert answer.letter == "C"
        assert answer.rounds == (("C", "C"), ("C", "C"))
        record = record_of(answer)  # which is consistent in itself, in the order that was asked
        assert record["options"]["ABCD".index(record["answer"])] == "Two"
        assert record["extracted_answers"] == [record["answer"]] * 2


def test_of_several_debates_the_first_is_told_and_not_the_one_that_won() -> None:
    one = Speaker(said("A"), said("C"), said("C"))
    answer = solve(Repeated(debate(one), 3))
    assert (answer.letter, answer.letters) == ("C", ("A", "C", "C"))
    assert answer.rounds == (("A",),)
    assert record_of(answer)["extracted_answers"] == ["A"]

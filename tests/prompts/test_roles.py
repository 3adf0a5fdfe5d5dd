"""Prompts of agents: the packaged ones, and what a user's own may and may not do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmlubench.errors import PromptError
from mmlubench.prompts import QUESTION_VARIABLES, REPLY_VARIABLES, Replies, read_role
from mmlubench.schema import Question

Writes = Callable[..., Path]
OTHERS = Replies([("Agent 2", "Tuesday.\nThe answer is (B)."), ("Agent 3", "None.")])


@pytest.mark.parametrize("name", ["debate_initial", "debate_collaborative", "critic", "synthesizer", "judge"])
def test_packaged_prompts_hold_the_question_and_ask_for_a_letter_that_others_can_read(
    name: str, question: Question
) -> None:
    # "is (X)" is what the evaluators of existing debate scripts look for.
    variables = QUESTION_VARIABLES if name == "debate_initial" else REPLY_VARIABLES
    role = read_role(name, None, variables)
    text = role.text(question, None if variables is QUESTION_VARIABLES else OTHERS)
    assert role.name == name
    assert "Which day follows Monday?\nA. Sunday\nB. Tuesday\nC. Friday\nD. None of them" in text
    assert '"The answer is (X)."' in text
    assert ("Agent 2:\nTuesday." in text) == (variables is REPLY_VARIABLES)
    assert "world religions" in text or name == "debate_collaborative"
    assert "{" not in text
    assert len(role.sha256) == 64


def test_what_others_said_is_a_list_to_a_loop_and_a_text_to_print(
    prompt_file: Writes, question: Question
) -> None:
    # Prompts written for debate scripts go through the replies; printed without a loop they are named and parted.
    loop = "{% for one in other_agent_responses %}[{{ loop.index }}: {{ one }}]{% endfor %}"
    role = read_role("x", prompt_file(template=loop), REPLY_VARIABLES)
    assert role.text(question, OTHERS) == "[1: Tuesday.\nThe answer is (B).][2: None.]"
    role = read_role("x", prompt_file(template="{{ other_agent_responses }}"), REPLY_VARIABLES)
    assert role.text(question, OTHERS) == "Agent 2:\nTuesday.\nThe answer is (B).\n\nAgent 3:\nNone."
    picked = "{{ other_agent_responses | length }} {{ other_agent_responses[-1] }}"
    role = read_role("x", prompt_file(template=picked), REPLY_VARIABLES)
    assert role.text(question, OTHERS) == "2 None."


def test_what_an_agent_says_is_never_run_as_a_template(prompt_file: Writes, question: Question) -> None:
    role = read_role("x", prompt_file(template="{{ other_agent_responses }}"), REPLY_VARIABLES)
    assert "{{ question }}{% for" in role.text(question, Replies([("Agent 2", "{{ question }}{% for")]))


def test_category_and_subject_are_written_with_spaces(prompt_file: Writes) -> None:
    own = prompt_file(template="{{ category }} / {{ subject }}: {{ question }}")
    asked = Question("q", "mmlu", "world_religions", "social_sciences", "?", ("x", "y"), "A")
    assert (
        read_role("x", own, QUESTION_VARIABLES).text(asked)
        == "social sciences / world religions: ?\nA. x\nB. y"
    )
    bare = Question("q", "own", "europe", "", "?", ("x", "y"), "A")
    assert read_role("x", own, QUESTION_VARIABLES).text(bare).startswith("europe / europe")


def test_a_prompt_is_known_by_its_own_name_and_file(prompt_file: Writes) -> None:
    own = prompt_file(name="persona_v2")
    role = read_role("debate_initial", own, QUESTION_VARIABLES)
    assert (role.name, role.source) == ("persona_v2", str(own))


def test_only_what_comes_after_others_may_leave_the_question_out(
    prompt_file: Writes, question: Question
) -> None:
    # The question stands in the first prompt of the same conversation.
    own = prompt_file(template="Others say: {{ other_agent_responses }}")
    assert read_role("x", own, REPLY_VARIABLES).text(question, OTHERS).startswith("Others say: Agent 2")


@pytest.mark.parametrize(
    ("keys", "variables", "told"),
    [
        ({"template": None}, QUESTION_VARIABLES, "template is missing: give text that is not empty."),
        ({"name": None}, QUESTION_VARIABLES, "name is missing: give text that is not empty."),
        ({"template": ""}, QUESTION_VARIABLES, "template is '': give text that is not empty."),
        ({"name": 5}, QUESTION_VARIABLES, "name is 5: give text that is not empty."),
        (
            {"template": "{{ question }} {{ persona }}"},
            QUESTION_VARIABLES,
            "template uses the unknown variable persona; it may use category, "
            "subject, question, choices, options, letters, letters_list.",
        ),
        (
            {"template": "{{ question }} {{ other_agent_responses }}"},
            QUESTION_VARIABLES,
            "template uses the unknown variable other_agent_responses; it may use category, "
            "subject, question, choices, options, letters, letters_list.",
        ),
        (
            {"template": "{{ debate_chain[-1] }}"},
            REPLY_VARIABLES,
            "template uses the unknown variable debate_chain; "
            "it may use category, subject, question, choices, options, letters, letters_list, other_agent_responses.",
        ),
        (
            {"template": "Who knows?"},
            QUESTION_VARIABLES,
            "template never uses question; it may use category, "
            "subject, question, choices, options, letters, letters_list.",
        ),
    ],
)
def test_a_prompt_that_cannot_work_is_refused_with_what_is_allowed(
    prompt_file: Writes, keys: dict[str, object], variables: dict[str, str], told: str
) -> None:
    own = prompt_file(**keys)
    with pytest.raises(PromptError) as error:
        read_role("x", own, variables)
    assert str(error.value) == f"{own}: {told}"


def test_a_later_prompt_lets_agents_hear_one_another(prompt_file: Writes) -> None:
    # Or a debate would be paid for in which nobody debates.
    with pytest.raises(
        PromptError, match=r"never uses other_agent_responses, so no agent would see another's reply\.$"
    ):
        read_role("x", prompt_file(template="{{ question }} Think again."), REPLY_VARIABLES)


@pytest.mark.parametrize(
    "template",
    [
        "{{ question }} {{ other_agent_responses[0].reason }}",
        "{{ question }} {{ other_agent_responses + 1 }}",
        "{{ other_agent_responses }} {{ 1 / (category | length - 4) }}",
    ],
)
def test_what_only_fails_while_it_is_filled_in_is_told_before_a_round_was_paid_for(
    prompt_file: Writes, template: str
) -> None:
    with pytest.raises(PromptError, match="the template cannot be filled in"):
        read_role("x", prompt_file(template=template), REPLY_VARIABLES)


def test_a_template_that_is_none_is_told_with_its_line(prompt_file: Writes) -> None:
    with pytest.raises(PromptError, match=r"mine\.yaml: line 2 of template is not Jinja2"):
        read_role("x", prompt_file(template="{{ question }}\n{% for %}"), QUESTION_VARIABLES)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"none\.yaml: cannot be read"):
        read_role("x", tmp_path / "none.yaml", QUESTION_VARIABLES)


def test_every_prompt_may_show_the_choices_in_its_own_way(prompt_file: Writes) -> None:
    question = Question("q/1", "q", "sums", "math", "1 + 1 = ?", ("one", "two"), "B")
    own = "{{ question }}|{{ options }}|{% for letter, text in choices %}({{ letter }}) {{ text }} {% endfor %}|"
    own += "{{ letters }}"
    role = read_role("x", prompt_file(template=own), QUESTION_VARIABLES)
    assert role.text(question) == "1 + 1 = ?\nA. one\nB. two|A. one\nB. two|(A) one (B) two |AB"
    answers = "{{ other_agent_responses }} {{ letters_list }}"
    role = read_role("x", prompt_file(template=answers), REPLY_VARIABLES)
    assert role.text(question, Replies([("Agent 2", "A")])).endswith("A or B")

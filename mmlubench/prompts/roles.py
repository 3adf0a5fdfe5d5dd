"""Roles: the prompts of agents that work on a question together (debate, judge)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mmlubench import yaml_file
from mmlubench.errors import PromptError
from mmlubench.prompts.examples import values_of_choices
from mmlubench.prompts.template import VARIABLES, fill, names_used
from mmlubench.prompts.values import Options, Replies
from mmlubench.schema import Question

_PACKAGED = Path(__file__).parent / "agents"

#: The variables that every role's template may use.
QUESTION_VARIABLES = {
    "category": "the category of the question with spaces: computer science",
    "subject": "its subject with spaces: high school computer science",
    "question": "the question with its lettered choices, a line each: what {{ options }} prints stands in it",
    **{name: VARIABLES[name] for name in ("choices", "options", "letters", "letters_list")},
}
#: The variables of a prompt that follows replies of other agents.
REPLY_VARIABLES = {
    **QUESTION_VARIABLES,
    "other_agent_responses": "the last replies of the other agents: a list of texts in a loop, one text when printed",
}


#: A question for trying out templates.
_EXAMPLE = Question("", "", "sums", "math", "1 + 1 = ?", ("1", "2", "3", "4"), "B")


@dataclass(frozen=True, slots=True)
class Role:
    """A prompt for one kind of agent. `sha256` changes whenever the text does; its author should then rename it."""

    #: A file may have more keys, as prompts of other harnesses do.
    __pydantic_config__: ClassVar[Mapping[str, object]] = {"strict": True}

    name: str = field(metadata=yaml_file.TEXT)
    description: str = field(metadata=yaml_file.TEXT)
    template: str = field(metadata=yaml_file.TEXT)
    source: str
    """The file that the prompt was read from."""

    @property
    def sha256(self) -> str:
        """The hex digest of the template."""
        return hashlib.sha256(self.template.encode()).hexdigest()

    def text(self, question: Question, others: Replies | None = None) -> str:
        """Return the prompt for a question. Raises PromptError if the template fails."""
        values: dict[str, Any] = {
            "category": (question.category or question.subject).replace("_", " "),
            "subject": question.subject.replace("_", " "),
            "question": lettered(question),
            **values_of_choices(question),
        }
        if others is not None:
            values["other_agent_responses"] = others
        return fill(self.template, values, self.source)


def read_role(name: str, file: str | Path | None, variables: Mapping[str, str]) -> Role:
    """Read the packaged prompt of that name, or the user's own file instead.

    Raises PromptError for a file without the keys name, description, template, and for a template that is not Jinja2,
    uses other variables than `variables`, or cannot be filled in.
    """
    path = _PACKAGED / f"{name}.yaml" if file is None else Path(file)
    role = yaml_file.read(Role, path, PromptError, source=str(path))
    _check(role, variables)
    return role


def lettered(question: Question) -> str:
    """Return the question followed by a line for each choice: `A. Paris`."""
    return f"{question.text}\n{Options(question.choices)}"


def _check(role: Role, variables: Mapping[str, str]) -> None:
    from jinja2 import TemplateSyntaxError

    allowed = f"it may use {', '.join(variables)}"
    try:
        used = names_used(role.template)
    except TemplateSyntaxError as error:
        where = f"line {error.lineno} of template"
        raise PromptError(f"{role.source}: {where} is not Jinja2 ({error.message}); {allowed}.") from None
    unknown = sorted(used - variables.keys())
    if unknown:
        raise PromptError(f"{role.source}: template uses the unknown variable {unknown[0]}; {allowed}.")
    if "question" not in used and "other_agent_responses" not in variables:
        raise PromptError(f"{role.source}: template never uses question; {allowed}.")
    if "other_agent_responses" in variables.keys() - used:
        raise PromptError(
            f"{role.source}: template never uses other_agent_responses, so no agent would see another's reply."
        )
    # Some errors appear only when a template is filled in, and must not appear after a first round was paid for.
    role.text(
        _EXAMPLE,
        Replies([("Agent 2", "A"), ("Agent 3", "B")]) if "other_agent_responses" in variables else None,
    )

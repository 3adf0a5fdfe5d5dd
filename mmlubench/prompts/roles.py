"""Prompts of agents that work on a question together: what each is told, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mmlubench import yaml_file
from mmlubench.errors import PromptError
from mmlubench.prompts.template import fill, names_used
from mmlubench.schema import Question

_PACKAGED = Path(__file__).parent / "agents"

#: What every such template may use.
ASKED = {
    "category": "the category of the question with spaces: computer science",
    "subject": "its subject with spaces: high school computer science",
    "question": "the question with its lettered options",
}
#: What those may use besides that come after others have spoken.
HEARD = {
    **ASKED,
    "other_agent_responses": "what the other agents said last: texts to go through, or one text to print",
}


class Heard(list[str]):
    """What others said: a text for each of them to a template that goes through it, one text where it is printed."""

    def __init__(self, said: Iterable[tuple[str, str]]) -> None:
        """`said` are pairs of a name and a text."""
        pairs = list(said)
        super().__init__(text for _, text in pairs)
        self._printed = "\n\n".join(f"{name}:\n{text}" for name, text in pairs)

    def __str__(self) -> str:
        return self._printed


#: Any question will do to see whether a template can be filled in.
_EXAMPLE = Question("", "", "sums", "math", "1 + 1 = ?", ("1", "2", "3", "4"), "B")


@dataclass(frozen=True, slots=True)
class Role:
    """One prompt of one kind of agent; equal prompts have equal names, as far as the author keeps to it."""

    #: A file may have more keys, as prompts of other harnesses do.
    __pydantic_config__: ClassVar[Mapping[str, object]] = {"strict": True}

    name: str = field(metadata=yaml_file.TEXT)
    description: str = field(metadata=yaml_file.TEXT)
    template: str = field(metadata=yaml_file.TEXT)
    source: str
    """The file it was read from."""

    @property
    def sha256(self) -> str:
        """Hex digest of the template."""
        return hashlib.sha256(self.template.encode()).hexdigest()

    def text(self, question: Question, others: Heard | None = None) -> str:
        """Write the prompt. Raises PromptError if the template fails."""
        values: dict[str, Any] = {
            "category": (question.category or question.subject).replace("_", " "),
            "subject": question.subject.replace("_", " "),
            "question": lettered(question),
        }
        if others is not None:
            values["other_agent_responses"] = others
        return fill(self.template, values, self.source)


def read_role(name: str, file: str | Path | None, variables: Mapping[str, str]) -> Role:
    """Read the packaged prompt of that name, or the user's own in its place.

    Raises PromptError for a file without the keys name, description, template, and for a template that is none, that
    uses anything but `variables`, or that cannot be filled in.
    """
    path = _PACKAGED / f"{name}.yaml" if file is None else Path(file)
    role = yaml_file.read(Role, path, PromptError, source=str(path))
    _check(role, variables)
    return role


def lettered(question: Question) -> str:
    """Write the question with a line for each choice: `A. Paris`."""
    choices = (f"{letter}. {text}" for letter, text in zip(question.letters, question.choices, strict=True))
    return "\n".join((question.text, *choices))


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
            f"{role.source}: template never uses other_agent_responses, so nobody would hear anybody."
        )
    # Once for show: what can only go wrong while it is filled in must not do so after a first round was paid for.
    role.text(
        _EXAMPLE,
        Heard([("Agent 2", "A"), ("Agent 3", "B")]) if "other_agent_responses" in variables else None,
    )

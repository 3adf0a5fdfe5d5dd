"""Jinja2 templates of prompts: strict, sandboxed, without HTML escaping, each compiled once.

A line that holds only a `{% tag %}` leaves no blank line, and the newline at the end of a YAML block is dropped, so
that a template looks like the prompt that it makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mmlubench.errors import PromptError

if TYPE_CHECKING:
    from jinja2 import Template, nodes

    from mmlubench.prompts.confined import Confined
    from mmlubench.prompts.sandbox import Sandbox

#: The variables of `template`, with their meanings.
VARIABLES = {
    "question": "the text of the question, without its choices",
    "choices": "list of (letter, text)",
    "options": "the texts of the choices: a list in a loop; when printed, a line for each: A. Paris",
    "letters": "the letters of the choices: ABCD",
    "letters_list": "the same in words: A, B, C or D",
    "subject": "the subject with spaces: high school world history",
    "subject_id": "the subject as its data set writes it: high_school_world_history",
    "category": "the category with spaces: social sciences",
    "language": "the locale of a translated question: DE_DE; empty for English",
    "shots": "worked examples, each with question, choices, answer and rationale",
}
#: The variables of a system message, which must be the same for all questions of a subject.
OF_SUBJECT = ("subject", "subject_id", "category", "language")
#: The variables of `example` and of `example_reply`; their values are those of the worked example.
OF_EXAMPLE = tuple(name for name in VARIABLES if name != "shots")
OF_REPLY = (*OF_EXAMPLE, "answer", "rationale")


@lru_cache(maxsize=1)
def _environment() -> Sandbox:
    # late: it imports jinja2
    from mmlubench.prompts.sandbox import Sandbox

    return Sandbox()


@lru_cache(maxsize=64)
def compiled(template: str) -> Template | Confined:
    """Compile a template; the result is cached. Raises jinja2.TemplateSyntaxError."""
    if not _is_plain(template):
        # late: of the packaged recipes none is of this kind
        from mmlubench.prompts.confined import Confined

        return Confined(template)
    return _compiled_here(template)


@lru_cache(maxsize=64)
def _compiled_here(template: str) -> Template:
    made = _environment().from_string(template)
    made.globals = {
        **made.globals
    }  # a plain dictionary: Jinja2 copies it for every prompt, and its own is slow to copy
    return made


def render_here(template: str, values: dict[str, Any]) -> str:
    """Fill in a template in this process, plain or not. Raises whatever the template raises."""
    _environment().start()
    return _compiled_here(template).render(values)


def names_used(template: str) -> set[str]:
    """Return the names of the variables that a template needs. Raises jinja2.TemplateSyntaxError."""
    if _is_plain(template):
        return names_here(template)
    from jinja2 import TemplateSyntaxError

    # late: of the packaged recipes none is of this kind
    from mmlubench.prompts.confined import Confined, TooMuch

    try:
        return Confined(template).names()
    except TooMuch as error:
        raise TemplateSyntaxError(str(error), 1) from None


def names_here(template: str) -> set[str]:
    """Return the same, found in this process, which computes what is constant in the template."""
    from jinja2 import TemplateSyntaxError, meta

    environment = _environment()
    try:
        return meta.find_undeclared_variables(_parsed(template)) - set(environment.globals)
    except RecursionError:
        raise TemplateSyntaxError("nested too deeply", 1) from None


@lru_cache(maxsize=64)
def _is_plain(template: str) -> bool:
    """Whether it can be told that a template takes little time and memory. Raises jinja2.TemplateSyntaxError."""
    # late: it imports jinja2
    from mmlubench.prompts.plain import CHARS, is_plain

    return len(template) <= CHARS and is_plain(_parsed(template))


def _parsed(template: str) -> nodes.Template:
    from jinja2 import TemplateSyntaxError

    environment = _environment()
    try:
        tree = environment.parse(template)
        environment.check(tree)
    except RecursionError:
        raise TemplateSyntaxError("nested too deeply", 1) from None
    except ValueError:  # of Python's own `int`
        raise TemplateSyntaxError("a number has too many digits", 1) from None
    return tree


def fill(template: str, values: dict[str, Any], where: str) -> str:
    """Fill in the variables of a template. Raises PromptError, which begins with `where`, if the template fails."""
    try:
        _environment().start()
        return compiled(template).render(values)
    except Exception as error:  # a template is its author's program: it can raise anything
        what = " ".join(str(error).split()) or type(error).__name__
        raise PromptError(f"{where}: the template cannot be filled in ({what}); {allowed(values)}.") from None


def allowed(variables: Iterable[str] = VARIABLES) -> str:
    """Return the part of an error message that names the variables."""
    return f"it may use {', '.join(variables)}"

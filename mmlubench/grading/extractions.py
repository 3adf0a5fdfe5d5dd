"""The ways to read a letter, by the name `--extraction` and recipes give them."""

from __future__ import annotations

from collections.abc import Callable

from mmlubench.errors import UserError
from mmlubench.grading.extract import Extraction, extract
from mmlubench.grading.thinking import strip_thinking
from mmlubench.registry import Registry
from mmlubench.schema import Question

Extractor = Callable[[str, Question], Extraction]


def read_default(text: str, question: Question) -> Extraction:
    """Read a reply by our own rules, without its thinking."""
    return extract(strip_thinking(text), question.letters, question.language)


def _checked(thing: object) -> Extractor | None:
    """Return another package's extraction with a check of what it gives: a letter must never be read by mistake."""
    if not callable(thing):
        return None

    def read(text: str, question: Question) -> Extraction:
        found = thing(text, question)
        if not isinstance(found, Extraction):
            name = getattr(thing, "__name__", thing)
            raise UserError(
                f"the extraction {name} returned {found!r:.60}: return a mmlubench.Extraction(letter, rule)."
            )
        return found

    return read


#: The chains of other protocols see the whole reply, thinking in the text included, as they do at home. Their letter
#: may be none of the question's: then it is a wrong answer, as it is there.
EXTRACTIONS: Registry[Extractor] = Registry(
    "extraction",
    {
        "default": read_default,
        "tiger": "mmlubench.grading.tiger:read_tiger",
        "tiger_local": "mmlubench.grading.tiger:read_tiger_local",
        "tiger_first": "mmlubench.grading.tiger:read_tiger_first",
        "simple_evals": "mmlubench.grading.simple_evals:read_simple_evals",
        "inspect": "mmlubench.grading.inspect_choice:read_inspect",
    },
    _checked,
    must_be="a function (text, question) -> mmlubench.Extraction",
)


def find_extraction(name: str) -> Extractor:
    """Return the extraction of this name. Raises UserError, which says what names there are."""
    return EXTRACTIONS.find(name)

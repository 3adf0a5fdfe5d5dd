"""The ways to read a letter, by the name `--extraction` and recipes give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mmlubench.errors import UserError
from mmlubench.grading.extract import Extraction, extract
from mmlubench.grading.inspect_choice import read_inspect
from mmlubench.grading.simple_evals import read_simple_evals
from mmlubench.grading.thinking import strip_thinking
from mmlubench.grading.tiger import read_tiger
from mmlubench.schema import Question

Extractor = Callable[[str, Question], Extraction]

#: The extractions of other protocols read the whole reply, including thinking in its text, as their originals do. They
#: may return a letter that is none of the question's choices: as there, that is a wrong answer.
EXTRACTIONS: Mapping[str, Extractor] = MappingProxyType(
    {
        "default": lambda text, question: extract(strip_thinking(text), question.letters, question.language),
        "tiger": lambda text, question: read_tiger(text),
        "simple_evals": lambda text, question: read_simple_evals(text),
        "inspect": lambda text, question: read_inspect(text, question.letters),
    }
)


def find_extraction(name: str) -> Extractor:
    """The extraction of this name. Raises UserError, which says what names there are."""
    if name not in EXTRACTIONS:
        raise UserError(f"{name!r} is no extraction: take one of {', '.join(EXTRACTIONS)}.")
    return EXTRACTIONS[name]

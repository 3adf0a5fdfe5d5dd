"""Another order of the choices, for data sets in which the right choice always stands at the same place."""

from __future__ import annotations

import random
from dataclasses import replace

from mmlubench.named_letters import names_letters
from mmlubench.schema import ALPHABET, Question


def shuffled(question: Question) -> Question:
    """Return the question with its choices in an order drawn from its id, and its answer moved with them.

    The order is the same in every process, run and version, whatever `--seed` is; `Question.order` records it. A
    question with a choice such as "Both A and B" stays as it is.
    """
    if names_letters(question.choices):
        return question
    order = list(range(len(question.choices)))
    random.Random(f"choices of {question.id}").shuffle(order)  # a text is hashed alike in every process
    return replace(
        question,
        choices=tuple(question.choices[place] for place in order),
        answer=ALPHABET[order.index(ALPHABET.index(question.answer))],
        order="".join(ALPHABET[place] for place in order),
    )

"""Extraction of the letter that a reply chooses; a reply that chooses none is never guessed at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from mmlubench.grading.bare import read_bare
from mmlubench.grading.fields import read_fields
from mmlubench.grading.guards import Worth, judge
from mmlubench.grading.languages import code_of
from mmlubench.grading.languages.detect import scripts_of, worded_in
from mmlubench.grading.latex import without_latex
from mmlubench.grading.localise import into_english
from mmlubench.grading.patterns import regex
from mmlubench.grading.plain import plain
from mmlubench.grading.rules import Tier, tiers
from mmlubench.grading.ticks import read_ticks
from mmlubench.grading.turns import own_turn


class Extraction(NamedTuple):
    """The result of reading a reply."""

    letter: str | None
    rule: str
    """The name of the rule that fired, or `unparsed`."""


UNPARSED = Extraction(None, "unparsed")

# Characters at the end of a reply in which the weaker rules search: it bounds the time. The first tier, which finds
# answers stated outright, searches the whole reply.
_WEAK_REACH = 20_000

# The rules whose letter counts more than one that was read without the language of the reply.
_STATED = frozenset(
    {"answer_cue", "answer_line", "answer_heading", "option_cue", "boxed", "answer_tag", "field", "name"}
)

# How a next question begins, and the rules whose letter is an answer to the one before.
_ASKERS = ("Question:", "Human:", "User:")
_NEXT_QUESTION = r"(?<=\n)(?:\#{1,4}[ ])?[*_]{0,2}(?:Question|Human|User):"
_ANSWERED = frozenset({"answer_cue", "answer_line", "answer_heading", "boxed", "bare", "leading"})

# The rules that need no words.
_BARE = frozenset({"bare", "leading", "closing"})

# What is dropped around a reply: blanks and the character NUL.
_OUTER = " \t\n\r\f\v\0\ufffd"

# The most characters of a short reply.
_SHORT = 100

# The most matches of a rule that are judged, from the last one back: it bounds the time for a repetitive reply.
_LAST_MATCHES = 200


def extract(text: str, letters: str = "ABCD", language: str = "") -> Extraction:
    """Return the letter that a reply chooses among `letters` (upper case, in alphabetical order).

    The strongest tier of rules with a valid match decides, and in it the last valid match. A letter is a whole
    token; a lower-case one counts only after a cue, in brackets or alone; an article never counts; a reply that names
    several options, or denies one, chooses none. Never raises; takes time linear in the length of the text.

    With a `language` (a locale such as `DE_DE`), its words and letters count besides the English ones; without one, or
    where neither names a letter, those of the languages in which the reply seems to be written. The name of a rule that
    needed them ends with the language's code: `answer_cue:de`.
    """
    text, code = own_turn(text), code_of(language) if language else ""
    if first := _before_next_question(text, letters):
        return first
    read = _read_short if len(text) <= _SHORT else _read
    found = english = read(text, letters)
    if code:
        found = _read_in(code, text, letters, english)
    for other in _spoken(text, bool(found.letter)):
        said = _read_in(other, text, letters, english) if other != code else UNPARSED
        rule = said.rule.partition(":")[0]
        # Letters of other scripts count only after words of the language: alone they may mean anything.
        if said.letter and (rule in _STATED or not (found.letter or rule in _BARE)):
            return said
    return found


def _before_next_question(text: str, letters: str) -> Extraction | None:
    """Return the answer of a base model that goes on with a question of its own, and answers that."""
    if not any(asker in text for asker in _ASKERS):
        return None
    asked = regex(_NEXT_QUESTION).search(text)
    found = _read(text[: asked.start()], letters) if asked else UNPARSED
    return found if found.letter and found.rule in _ANSWERED else None


def _read_in(code: str, text: str, letters: str, english: Extraction) -> Extraction:
    """Read a reply in another language than English."""
    read = _read_short if len(text) <= _SHORT else _read
    found = read(into_english(text, code), letters)
    return found if found == english or not found.letter else Extraction(found.letter, f"{found.rule}:{code}")


def _spoken(text: str, is_read: bool) -> Iterator[str]:
    """Yield the languages in which a reply is written: for one that is read, only if most of it is written so."""
    found, mostly = scripts_of(text)
    if mostly or not is_read:
        yield from found
    if not is_read:
        yield from worded_in(text)


def _read(text: str, letters: str) -> Extraction:
    """Apply the English rules to a text."""
    text = without_latex(plain(text)).strip(_OUTER)
    is_json, letter = read_fields(text, lambda value: _read(value, letters).letter)
    if is_json:
        return Extraction(letter, "field") if letter else UNPARSED
    for number, tier in enumerate(tiers()):
        found, worth = _last(text, tier, letters, max(0, len(text) - _WEAK_REACH) if number else 0)
        if found:
            return found
        # "Answer: A and C" and "I choose AC" are statements too: weaker signs must not overrule them.
        if worth is Worth.GLUED or (worth is Worth.SEVERAL and number == 0):
            return UNPARSED
    has_ticks, letter = read_ticks(text, letters)
    if has_ticks:
        return Extraction(letter, "ticked") if letter else UNPARSED
    bare = read_bare(text, letters)
    return Extraction(bare[0].upper(), bare[1]) if bare else UNPARSED


#: The same few replies, such as `ANSWER: B`, come thousands of times: they are read once.
_read_short = lru_cache(maxsize=1024)(_read)


def _last(text: str, tier: Tier, letters: str, start: int) -> tuple[Extraction | None, Worth]:
    """Return the last valid match of a tier, if the last one not denied names one option, and the worth of that."""
    matches = [
        (match.start(1), rule.name, match)
        for rule in tier
        for match in deque(rule.pattern.finditer(text, start), maxlen=_LAST_MATCHES)
    ]
    for _, name, match in sorted(matches, key=lambda found: found[0], reverse=True):
        worth = judge(text, match, letters)
        if worth is not Worth.DENIED:
            return Extraction(match[1].upper(), name) if worth is Worth.VALID else None, worth
    return None, Worth.DENIED

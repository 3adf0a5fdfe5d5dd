"""Questions across languages and models: how far the translations of one agree, and which ones nobody answers right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mmlubench import figures
from mmlubench.lab.explore.sections import Section, Table, percent
from mmlubench.lab.explore.verdicts import BAD_KEYS, OK
from mmlubench.schema import Question, untranslated
from mmlubench.stats.compare.result import Case, Result
from mmlubench.stats.intervals import wilson

_FEW = 10
#: The most missed items whose texts are on a page; the JSON has all.
_MOST = 200
#: Characters of a question that are shown.
_SHOWN = 240
_NOT_ANNOTATED = "not annotated"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the answers of one model agree between the languages of an item."""

    model: str
    n: int
    """Items that were answered in two languages or more."""
    right_in_all: int
    right_in_some: int
    right_in_none: int
    pairs: dict[str, tuple[int, int]]
    """For each pair of languages, in how many items the letters are equal, of how many with a letter in both."""


@dataclass(frozen=True, slots=True)
class Missed:
    """An item that every model answered, none of them rightly in any language."""

    item: str
    key: str
    answers: dict[str, int]
    """How often each letter was answered, the most frequent first; empty stands for none."""
    verdict: str
    """MMLU-Redux's verdict; empty where the item is not annotated."""
    question: str
    """The beginning of the question, in one of the languages."""

    @property
    def is_faulty(self) -> bool:
        """Whether MMLU-Redux found a fault."""
        return self.verdict not in ("", OK)

    @property
    def rank(self) -> int:
        """0 where MMLU-Redux found the key bad, 1 for another fault, 2 for none that is known."""
        return 0 if self.verdict in BAD_KEYS else 1 if self.is_faulty else 2


@dataclass(frozen=True, slots=True)
class Items:
    """What the answers say of items."""

    models: tuple[str, ...]
    agreement: tuple[Agreement, ...]
    """Of each model; empty for questions in one language."""
    answered: int
    """Items that every model answered."""
    missed: tuple[Missed, ...]
    """Those with a bad key by MMLU-Redux first, then other faulty ones, then those whose wrong answers agree most."""


def items(results: Sequence[Result], questions: Sequence[Question], verdicts: Mapping[str, str]) -> Items:
    """Compare answers by item; `questions` are those of the data, and `verdicts` are known by item."""
    by_item = [_by_item(one) for one in results]
    several = any(len(same) > 1 for one in by_item for same in one.values())
    agreement = (
        [_agreement(one.name, found) for one, found in zip(results, by_item, strict=True)] if several else []
    )
    common = set.intersection(*(set(one) for one in by_item)) if by_item else set()
    together = ((item, [case for one in by_item for case in one[item]]) for item in common)
    found = [(item, cases) for item, cases in together if not any(case.points for case in cases)]
    texts = _texts(questions, {cases[0].question for _, cases in found})
    missed = [_missed(item, cases, verdicts.get(item, ""), texts) for item, cases in found]
    missed.sort(key=lambda one: (one.rank, -max(one.answers.values()), one.item))
    return Items(tuple(one.name for one in results), tuple(agreement), len(common), tuple(missed))


def _by_item(one: Result) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in one.cases.values():
        found.setdefault(case.question.partition("/")[2], []).append(case)
    return found


def _agreement(model: str, by_item: Mapping[str, Sequence[Case]]) -> Agreement:
    counts, pairs = Counter[str](), dict[tuple[str, str], list[int]]()
    for cases in by_item.values():
        if len(cases) < 2:
            continue
        right = sum(case.points == 1 for case in cases)
        counts["all" if right == len(cases) else "some" if right else "none"] += 1
        said = sorted((case.language, case.letter) for case in cases if case.letter)
        for (one, letter), (other, same) in combinations(said, 2):
            pair = pairs.setdefault((one, other), [0, 0])
            pair[0] += letter == same
            pair[1] += 1
    named = {" ".join(pair): (equal, n) for pair, (equal, n) in sorted(pairs.items())}
    return Agreement(model, counts.total(), counts["all"], counts["some"], counts["none"], named)


def _texts(questions: Sequence[Question], wanted: set[str]) -> dict[str, str]:
    """Return the beginnings of questions by what they are called in all languages."""
    found: dict[str, str] = {}
    for question in questions if wanted else ():
        name = untranslated(question.id, question.language)
        if name in wanted and name not in found:
            text = " ".join(question.text.split())
            found[name] = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return found


def _missed(item: str, cases: Sequence[Case], verdict: str, texts: Mapping[str, str]) -> Missed:
    answers = dict(Counter(case.letter or "" for case in cases).most_common())
    return Missed(item, cases[0].answer, answers, verdict, texts.get(cases[0].question, ""))


def shown(found: Items) -> list[Section]:
    """Return the sections."""
    return [*([_agreeing(found.agreement)] if found.agreement else []), _all_missed(found)]


def _agreeing(found: Sequence[Agreement]) -> Section:
    rows = [
        [
            one.model,
            f"{one.n:,}",
            *(percent(count, one.n) for count in (one.right_in_all, one.right_in_some, one.right_in_none)),
        ]
        for one in found
    ]
    tables = [
        Table(
            "Items that were answered in several languages",
            ["model", "n", "right in all", "in some", "in none"],
            rows,
        )
    ]
    for one in found:
        pairs = sorted(one.pairs.items(), key=lambda pair: pair[1][0] / pair[1][1])
        cells = [
            [name, percent(equal, n), figures.interval(wilson(equal, n)), f"{n:,}"]
            for name, (equal, n) in pairs
        ]
        marks = [(equal / n, wilson(equal, n)) for _, (equal, n) in pairs]
        head = ["languages", "same letter", "95 % interval", "n"]
        tables.append(
            Table(
                f"{one.model}: the same letter in two languages, the lowest first",
                head,
                cells,
                marks,
                few=_FEW,
            )
        )
    return Section("agreement", "Agreement between languages", (), tables)


def _all_missed(found: Items) -> Section:
    n, missed = found.answered, found.missed
    count = len(found.models)
    who = "the model" if count == 1 else "both models" if count == 2 else f"all {count} models"
    is_annotated = any(one.verdict for one in missed)
    faulty = sum(one.is_faulty for one in missed)
    lines = [
        f"{percent(len(missed), n)} of {figures.several(n, 'item')} that {who} answered got no right answer"
        + (f"; MMLU-Redux found {faulty:,} of them faulty." if is_annotated else ".")
    ]
    rows = [
        [
            one.item,
            one.key,
            " ".join(
                f"{letter or figures.DASH}{figures.TIMES}{count}" for letter, count in one.answers.items()
            ),
            one.verdict or _NOT_ANNOTATED,
            one.question,
        ]
        for one in missed[:_MOST]
    ]
    more = f" (the first {_MOST}; --json has all)" if len(missed) > _MOST else ""
    first = "those whose key is bad first, then other faulty ones, then " if is_annotated else ""
    caption = f"Missed by {who}: {first}those whose wrong answers agree most{more}"
    head = ["item", "key", "answers", "MMLU-Redux", "question"]
    if not is_annotated:
        head, rows = [*head[:3], head[4]], [[*row[:3], row[4]] for row in rows]
    last = (len(head) - 1,)
    tables = [Table(caption, head, rows, few=_FEW, on_page=last, texts=last)] if missed else []
    return Section("missed", "Items that were never answered right", lines, tables)

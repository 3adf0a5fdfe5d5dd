"""Each language beside English: what was left untranslated, in which script it is, how much longer it is, its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmlubench.lab.alignment import Alignment
from mmlubench.lab.explore import scripts
from mmlubench.lab.explore.facts import token_columns
from mmlubench.lab.explore.sections import Section, Table, listed, percent

if TYPE_CHECKING:
    import pandas as pd

#: From this share of different keys on, the rows are probably not translations of one another.
_OTHER_QUESTIONS = 0.2


@dataclass(frozen=True, slots=True)
class Translation:
    """The questions of one language."""

    language: str
    n: int
    scripts: tuple[str, ...]
    """The scripts that the language is written in."""
    letters: int
    in_script: int
    """The number of letters of these scripts, among all letters of question and choices."""
    latin: int
    """The number of Latin letters."""
    mostly_other: int
    """Questions of which less than half of the letters are of these scripts."""
    tokens: dict[str, float]
    """The mean number of tokens of a question, by tokenizer."""
    compared: int
    """The number of questions that there are in English, too; all that follows is of them."""
    untranslated: int
    """Questions whose text equals the English one."""
    untranslated_whole: int
    """Questions whose text and choices equal the English ones."""
    length_ratio: float | None
    """Characters of question and choices, in all, divided by those in English."""
    token_ratio: dict[str, float]
    """The same in tokens, by tokenizer: what a question costs, in English ones."""
    other_key: tuple[str, ...]
    """The ids of questions of which another letter is right in English."""


def is_english(language: str) -> bool:
    """Whether a locale is English, as is one without a name."""
    return language.replace("-", "_").partition("_")[0].lower() in ("", "en")


def translations(facts: pd.DataFrame, english: pd.DataFrame) -> tuple[Translation, ...]:
    """Compare each language with English; `english` may be empty. Both are tables of facts, matched by item.

    Where a subject has another number of questions than in English, its rows cannot be matched by their order, and are
    left out of the comparison.
    """
    tokenizers = token_columns(facts)
    known = english.drop_duplicates("item").set_index("item")
    sizes = english["subject"].value_counts()
    found = []
    for language, same in facts.groupby("language", observed=True, sort=True):
        here = same["subject"].value_counts()
        alike = {name for name, count in here.items() if count and sizes.get(name, 0) == count}
        by_id = same["item"].isin(known.index)
        is_ordered = same["item"].str.rpartition("/")[2].str.fullmatch(r"\d{4,}")
        both = same[by_id & (~is_ordered | same["subject"].isin(alike))]
        found.append(_translation(str(language), same, both, known.loc[both["item"]], tokenizers))
    return tuple(found)


def _translation(
    language: str, same: pd.DataFrame, both: pd.DataFrame, known: pd.DataFrame, tokenizers: Mapping[str, str]
) -> Translation:
    written = scripts.written_in(language)
    own = same[[f"letters {script}" for script in written]].sum(axis=1)
    differs = both["answer"].astype(str).to_numpy() != known["answer"].astype(str).to_numpy()
    equal = both["text"].to_numpy() == known["text"].to_numpy()
    equal_whole = both["whole"].to_numpy() == known["whole"].to_numpy()
    return Translation(
        language=language,
        n=len(same),
        scripts=written,
        letters=int(same["letters"].sum()),
        in_script=int(own.sum()),
        latin=int(same["letters Latin"].sum()),
        mostly_other=int((2 * own < same["letters"]).sum()),
        tokens={name: float(same[column].mean()) for name, column in tokenizers.items()},
        compared=len(both),
        untranslated=int(equal.sum()),
        untranslated_whole=int(equal_whole.sum()),
        length_ratio=float(both["chars"].sum() / known["chars"].sum()) if len(both) else None,
        token_ratio={
            name: float(both[column].sum() / known[column].sum())
            for name, column in tokenizers.items()
            if len(both)
        },
        other_key=tuple(both["id"][differs]),
    )


def shown(found: Sequence[Translation], aligned: Alignment | None = None) -> Section | None:
    """Return the section; None for questions in one language that are compared with nothing."""
    if (
        len(found) < 2
        and not any(one.compared for one in found)
        and not (found and not is_english(found[0].language))
    ):
        return None
    rows = [
        [
            one.language or "(none)",
            f"{one.n:,}",
            percent(one.mostly_other, one.n),
            f"{100 * one.in_script / one.letters:.1f} % {' or '.join(one.scripts)}"
            if one.letters
            else "no letters",
            f"{100 * one.latin / one.letters:.1f} %" if one.letters else "no letters",
        ]
        for one in found
    ]
    head = ["language", "n", "mostly other script", "letters in its script", "Latin"]
    marks = [(one.in_script / one.letters, None) if one.letters else None for one in found]
    tables = [
        Table("Script of question and choices", head, rows, marks, "letters in its script", less=[(4,)])
    ]
    tables += [_compared(found)] if any(one.compared for one in found) else []
    tables += [_tokens(found)] if any(one.tokens for one in found) else []
    doubts = [aligned.sentence] if aligned and aligned.sentence else []
    return Section("languages", "Languages", (), tables, [*doubts, *_doubts(found)])


def _compared(found: Sequence[Translation]) -> Table:
    rows = [
        [
            one.language or "(none)",
            f"{one.compared:,}",
            percent(one.untranslated, one.compared),
            percent(one.untranslated_whole, one.compared),
            "none" if one.length_ratio is None else f"{one.length_ratio:.2f}",
            percent(len(one.other_key), one.compared),
        ]
        for one in found
        if not is_english(one.language)
    ]
    head = ["language", "n", "question as in English", "with choices", "length to English", "another key"]
    caption = "Compared with the same questions in English"
    return Table(caption, head, rows, less=[(3,)])


def _tokens(found: Sequence[Translation]) -> Table:
    names = list(found[0].tokens)
    head = ["language", "n"]
    for name in names:
        short = name.rstrip("/").rpartition("/")[2] if len(names) > 1 else "tokens a question"
        head += [short, "to English"]
    rows = []
    for one in found:
        cells = [one.language or "(none)", f"{one.n:,}"]
        for name in names:
            ratio = one.token_ratio.get(name)
            cells += [f"{one.tokens[name]:,.1f}", "none" if ratio is None else f"{ratio:.2f}"]
        rows.append(cells)
    return Table(f"Mean tokens of question and choices: {', '.join(names)}", head, rows)


def _doubts(found: Sequence[Translation]) -> list[str]:
    told = []
    for one in found:
        if one.other_key and len(one.other_key) >= _OTHER_QUESTIONS * one.compared:
            told.append(
                f"{one.language}: {percent(len(one.other_key), one.compared)} of {one.compared:,} keys differ from "
                "those in English, so these rows are probably not the same questions in the same order."
            )
        elif one.other_key:
            told.append(f"{one.language}: another key than in English in {listed(one.other_key, 6)}.")
        left = one.n - one.compared
        if one.compared and left:
            told.append(
                f"{one.language}: {left:,} of {one.n:,} questions could not be matched with English ones."
            )
    return told

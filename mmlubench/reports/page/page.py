"""The page as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmlubench.jsonl import encoded
from mmlubench.reports.logs import cases_of
from mmlubench.reports.page import assets
from mmlubench.reports.page.causes import causes_table
from mmlubench.reports.page.compared import compared
from mmlubench.reports.page.document import document
from mmlubench.reports.page.headline import about, headline, title_of
from mmlubench.reports.page.index import Index
from mmlubench.reports.page.length import Lengths, by_length
from mmlubench.reports.page.letters import letters
from mmlubench.reports.page.markup import EMPTY, Html, element, join, section
from mmlubench.reports.page.outcomes import outcomes_table
from mmlubench.reports.page.questions import questions
from mmlubench.reports.page.scores import by_subject
from mmlubench.reports.page.shown import PageRun, Shown, shown_results
from mmlubench.reports.page.spent import remarks, spent_table
from mmlubench.reports.page.texts import Packer, packed
from mmlubench.schema import Outcome
from mmlubench.stats.compare.result import Case

ALL, WRONG, FIGURES = "all", "wrong", "figures"
#: Above so many cases, the texts of right answers are left out unless they are asked for.
MANY = 50_000


def page(runs: Sequence[PageRun], texts: str = "") -> str:
    """Return the page of one or more runs.

    `texts` says of which cases prompts and replies are on it: `all`, `wrong` (those that are not right), `figures`
    (none); empty for all, or of more than 50,000 cases those that are not right. Raises DataError for a log that
    cannot be read.
    """
    shown = shown_results(runs)
    texts = texts or (ALL if sum(len(one.entries) for one in shown) <= MANY else WRONG)
    index, packer, lengths = Index(), Packer(), [Lengths() for _ in shown]
    if texts != FIGURES:
        _read_texts(shown, index, packer, lengths, texts)
    else:
        _fill(shown, index)
    title = title_of(runs, shown)
    asked = questions(shown, texts)
    link = element("a", "Skip to the questions", href="#questions", class_="skip")
    body = join(
        (
            element("nav", link, aria_label="Skip") if asked else EMPTY,
            element("header", element("h1", title), about(runs)),
            element("main", _figures(runs, shown, lengths), asked),
        )
    )
    return document(title, body, _data(shown, index, packer), assets.script())


def _figures(runs: Sequence[PageRun], shown: Sequence[Shown], lengths: Sequence[Lengths]) -> Html:
    comparison = compared(shown)
    return join(
        (
            headline(runs, shown, comparison.differences),
            section("subjects", "Accuracy by category and subject", by_subject(shown, comparison.plots)),
            section(
                "outcomes",
                "Outcomes",
                outcomes_table(shown),
                *(element("p", line) for line in remarks(shown)),
            ),
            section("letters", "Letters and calibration", letters(shown)),
            section("length", "Accuracy by length", by_length(shown, lengths)),
            section("spent", "Cost and time", spent_table(shown) if shown else EMPTY),
            section("compared", "Comparison", comparison.html),
            section("causes", "Failures by cause", causes_table(shown)),
        )
    )


def _fill(shown: Sequence[Shown], index: Index) -> None:
    references: dict[str, tuple[int, Mapping[str, Case]]] = {}
    for number, one in enumerate(shown):
        first, cases = references.setdefault(one.benchmark, (number, one.result.cases))
        index.add(number, one, {} if first == number else cases)


def _read_texts(
    shown: Sequence[Shown], index: Index, packer: Packer, lengths: Sequence[Lengths], texts: str
) -> None:
    """Fill the index and pack the texts of all cases, run by run, in the order of the logs."""
    _fill(shown, index)
    starts, size = [], 0
    for one in shown:
        starts.append(size)
        size += len(one.entries)
    for run in dict.fromkeys(id(one.run) for one in shown):
        numbers = [number for number, one in enumerate(shown) if id(one.run) == run]
        entries = [entry for number in numbers for entry in shown[number].entries]
        places = [(number, at) for number in numbers for at in range(len(shown[number].entries))]
        seen = bytearray(len(entries))
        for place, exchanges in cases_of(shown[numbers[0]].run.path, entries):
            (number, at), entry = places[place], entries[place]
            lengths[number].note(at, entry, exchanges)
            if texts == ALL or entry.outcome is not Outcome.CORRECT:
                index.note_text(starts[number] + at, packer.add(entry, exchanges, is_first=not seen[place]))
                seen[place] = 1
        for place, entry in enumerate(entries):  # an error that never was a request is told all the same
            if not seen[place] and (entry.error or entry.letters or entry.rounds):
                number, at = places[place]
                index.note_text(starts[number] + at, packer.add(entry, ()))
    packer.flush()


def _data(shown: Sequence[Shown], index: Index, packer: Packer) -> Html:
    """Return index and texts as elements that a browser neither runs nor shows; base64 cannot end them."""
    parts = [packed(encoded(index.to_dict(shown, packer.starts))), *packer.chunks]
    names = ["index", *(f"chunk-{number}" for number in range(len(packer.chunks)))]
    return Html(
        "".join(
            f'<script type="text/plain" id="data-{name}">{part}</script>\n'
            for name, part in zip(names, parts, strict=True)
        )
    )

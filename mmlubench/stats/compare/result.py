"""A result to compare: what one model answered in one run, question by question, and how it was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from mmlubench.records import Manifest
from mmlubench.schema import ALPHABET, ANSWERED, Entry, Outcome, untranslated
from mmlubench.stats.summary import Summary

#: The key of `Result.setting` for the version and hash of a prompt.
TEXT_OF_RECIPE = "text of the recipe"


class Case(NamedTuple):
    """One answered question."""

    points: float
    """What it adds to the accuracy, from 0 to 1."""
    letter: str | None
    """The letter that was answered, as the data name the choice; None for none."""
    answer: str
    """The right letter, as the data name the choice."""
    subject: str
    category: str
    language: str
    question: str
    """The id without its language: translations of one question share it."""
    repeats: int = 0
    """The number of answers if the question was asked several times, else 0."""
    right: int = 0
    """The number of right answers among them."""
    order: str = ""
    """The letters that the choices have in the data, in the order in which the model saw them; empty for that order."""

    @property
    def shown(self) -> tuple[str | None, str]:
        """The letter that was answered and the right one, as the model saw the choices."""
        return _as_shown(self.letter, self.order), _as_shown(self.answer, self.order) or ""


@dataclass(frozen=True, slots=True)
class Result:
    """The answers of one model to one benchmark, in one run."""

    benchmark: str
    model: str
    recipe: str
    """What the figures are reported under: the recipe, and the options that change it."""
    run_id: str
    cases: Mapping[str, Case]
    """The answered questions, by id."""
    unanswered: Mapping[str, Outcome] = field(default_factory=dict)
    """The questions that ended in an error or were skipped, by id."""
    name: str = ""
    """How the result is called beside others: the model, with more where that is not enough."""
    desc: str = ""
    """The label of the run."""
    mock: bool = False
    setting: Mapping[str, str] = field(default_factory=dict)
    """How the questions were asked, in words that are equal where it was the same."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The facts of the data, as in the manifest."""
    model_id: str = ""
    """The model as its server calls it."""
    shots: int | None = None
    """The number of worked examples; None where it is not known."""
    contaminated: int = 0
    """The number of questions that the model was trained on, as far as its folder tells."""
    why_no_headline: str | None = None
    """Why the run has no headline accuracy, as half a sentence; None if it has one."""


def results_of(manifest: Manifest, summaries: Sequence[Summary], entries: Iterable[Entry]) -> list[Result]:
    """Return a result for each benchmark, model and recipe of a run; a killed run has them without summaries."""
    cases: dict[tuple[str, str, str], dict[str, Case]] = {}
    unanswered: dict[tuple[str, str, str], dict[str, Outcome]] = {}
    for entry in entries:
        who = entry.benchmark, entry.model, entry.recipe
        cases.setdefault(who, {})
        if entry.outcome in ANSWERED:
            cases[who][entry.id] = case_of(entry)
        else:
            unanswered.setdefault(who, {})[entry.id] = entry.outcome
    known = {(one.benchmark, one.model, one.recipe): one for one in summaries}
    return [_result(manifest, who, found, unanswered.get(who, {}), known) for who, found in cases.items()]


def case_of(entry: Entry) -> Case:
    """Return what a comparison needs of an answered case."""
    return Case(
        entry.points,
        _in_data(entry.prediction, entry.order),
        _in_data(entry.answer, entry.order) or "",
        entry.subject,
        entry.category,
        entry.language,
        untranslated(entry.id, entry.language),
        len(entry.letters) if len(entry.letters) > 1 else 0,
        entry.letters.count(entry.answer) if len(entry.letters) > 1 else 0,
        entry.order,
    )


def _in_data(letter: str | None, order: str) -> str | None:
    """Return the letter that a choice has in the data, whose `order` the question may have changed."""
    place = ALPHABET.find(letter) if letter else -1
    return order[place] if 0 <= place < len(order) else letter


def _as_shown(letter: str | None, order: str) -> str | None:
    """Return the letter that a choice had for the model, by that of the data."""
    place = order.find(letter) if letter else -1
    return ALPHABET[place] if place >= 0 else letter


def _result(
    manifest: Manifest,
    who: tuple[str, str, str],
    cases: Mapping[str, Case],
    unanswered: Mapping[str, Outcome],
    known: Mapping[tuple[str, str, str], Summary],
) -> Result:
    benchmark, model, own = who
    # The cases of the run's own recipe do not name it.
    summaries = [one for key, one in known.items() if key[:2] == (benchmark, model)]
    summary = known.get(who) or (summaries[0] if len(summaries) == 1 else None)
    if summary is None and not own:
        named = set(manifest.facts.get("own_recipes", ()))
        summary = next((one for one in summaries if one.recipe not in named), None)
    spec, data = manifest.models.get(model, {}), manifest.data.get(benchmark, {})
    shots = manifest.recipe.get("shots")
    recipe = own or (summary.recipe if summary else _text(manifest.recipe.get("name")))
    return Result(
        benchmark=benchmark,
        model=model,
        recipe=recipe,
        run_id=manifest.run_id,
        cases=cases,
        unanswered=unanswered,
        name=model,
        desc=_text(manifest.settings.get("desc")),
        mock=summary.mock if summary else spec.get("client") == "mock",
        setting=_setting(manifest, recipe, own, summary),
        data=data if isinstance(data, Mapping) else {},
        model_id=_text(spec.get("model_id")),
        shots=None if own or not isinstance(shots, int) else shots,
        contaminated=summary.contaminated if summary else 0,
        why_no_headline=summary.why_no_headline if summary else "the run was broken off",
    )


def _setting(manifest: Manifest, recipe: str, own: str, summary: Summary | None) -> dict[str, str]:
    settings = manifest.settings
    found: dict[str, Any] = {"recipe": recipe}
    if not own:
        # A prompt's text may change under one name, and so may the place of its file, but not its hash.
        version, digest = manifest.recipe.get("version"), _text(manifest.recipe.get("sha256"))
        found |= {
            TEXT_OF_RECIPE: f"version {version}, {digest[:8]}" if digest else None,
            "extraction": manifest.facts.get("extraction"),
            "scoring": summary.scoring if summary else None,
            "solver": manifest.facts.get("solver"),
        }
    found |= {f"--{name.replace('_', '-')}": settings.get(name) for name in ("temperature", "max_tokens")}
    return {name: _text(value) for name, value in found.items()}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def named_apart(results: Sequence[Result]) -> list[Result]:
    """Give every result a name of its own: its model, with the recipe, the run's label or id where models are equal."""
    names: dict[int, str] = {}
    for way in _WAYS:
        wanted = {at: way(one) for at, one in enumerate(results) if at not in names}
        counts = Counter([*wanted.values(), *names.values()])
        names |= {at: name for at, name in wanted.items() if name and counts[name] == 1}
    return [
        replace(one, name=names.get(at) or f"{one.model} (number {at + 1})") for at, one in enumerate(results)
    ]


_WAYS: tuple[Callable[[Result], str], ...] = (
    lambda one: one.model,
    lambda one: f"{one.model} ({one.recipe})",
    lambda one: f"{one.model} ({one.desc})" if one.desc else "",
    lambda one: f"{one.model} ({one.run_id})",
    lambda one: f"{one.model} ({one.run_id}, {one.recipe})",
)

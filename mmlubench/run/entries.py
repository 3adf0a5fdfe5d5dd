"""The entries of a run, collected case by case, and their summaries: one for every benchmark and model."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from mmlubench.errors import MixedReplies, StoreError
from mmlubench.figures import several
from mmlubench.models import ModelSpec
from mmlubench.run.advice import CHOOSE, again, other_ways, resume_command
from mmlubench.run.contamination import sentence
from mmlubench.run.roster import OWN_SPEC
from mmlubench.run.run import Run, selection_key
from mmlubench.schema import Entry, Outcome, Scoring, Usage
from mmlubench.stats import Summary, Thresholds, summarize
from mmlubench.stats.served_model import mixed_fingerprints

#: The position of lines that belong behind all cases of the run.
LAST = sys.maxsize

_AGAIN = (
    "ran more than once, and the last answer counts: to ask again after a wrong answer favours right ones"
)


@dataclass
class _Cases:
    """The cases of one benchmark and model."""

    results: list[Entry] = field(default_factory=list)
    places: array[int] = field(default_factory=lambda: array("q"))
    """The position of each result in the run: workers send results in another order."""
    stored: int = 0
    """Requests that were answered from the store."""
    batched: int = 0
    """Replies that came by a batch."""
    fingerprints: Counter[str] = field(default_factory=Counter)
    """The number of cases by the `system_fingerprint` of their replies; empty where none was told."""
    not_sent: Counter[str] = field(default_factory=Counter)
    """The number of requests by the parameters that their server refused, and that were left out."""
    unasked: int = 0
    """Cases that were not asked because the budget was spent."""
    saved: int = 0
    """Cases that were not asked because the answers before are enough for --until or --decide-early."""
    again: set[int] = field(default_factory=set)
    """The positions of the cases that were run more than once."""

    def ended_by(self, kind: type[StoreError]) -> bool:
        """Whether the run ended with an error of this class."""
        return any(result.error.startswith(f"{kind.__name__}: ") for result in self.results)

    @property
    def has_asked(self) -> bool:
        """Whether any request was not answered by the store."""
        return sum(result.requests for result in self.results) > self.stored

    def put_in_order(self) -> None:
        if any(earlier > later for earlier, later in pairwise(self.places)):
            order = sorted(range(len(self.places)), key=self.places.__getitem__)
            self.results = [self.results[number] for number in order]
            self.places = array("q", (self.places[number] for number in order))


class Entries:
    """Collects the results of a run, and sums them up at its end."""

    def __init__(self, run: Run, facts: Mapping[str, Any]) -> None:
        """`facts` are those of `Run.facts`; workers may add to them while the run goes on."""
        self._run = run
        self._facts = facts
        self._cases: dict[tuple[str, str, str], _Cases] = {}
        """By benchmark, model, and recipe; an empty recipe is that of the run."""
        self._why_unasked = ""
        self._taken = bytearray()
        """A byte for each position in the run: 1 if it has a result."""

    def add(
        self,
        result: Entry,
        place: int,
        *,
        stored: int = 0,
        batched: int = 0,
        unasked: str = "",
        runs: int = 1,
        fingerprint: str = "",
        not_sent: Mapping[str, int] = MappingProxyType({}),
    ) -> Entry | None:
        """Add a result; `place` is its position in the run, `unasked` the reason if the case was not asked.

        A case is one observation however often it is run (`runs`): a later result takes the place of the one before.
        Returns the result with what all runs of the case took if there was one before, else None.
        """
        cases = self._cases.setdefault((result.benchmark, result.model, result.recipe), _Cases())
        cases.stored += stored
        cases.batched += batched
        if fingerprint:
            cases.fingerprints[fingerprint] += 1
        if not_sent:
            cases.not_sent.update(not_sent)
        was_taken = self._take(place)
        if was_taken or runs > 1:
            cases.again.add(place)
        if was_taken:
            number = cases.places.index(place)
            cases.results[number] = _after(cases.results[number], result)
            return cases.results[number]
        cases.results.append(result)
        cases.places.append(place)
        cases.unasked += bool(unasked)
        self._why_unasked = self._why_unasked or unasked
        return None

    def save(self, result: Entry, place: int) -> None:
        """Count a case that was not asked because enough was asked: it has no result."""
        if not self._take(place):
            self._cases.setdefault((result.benchmark, result.model, result.recipe), _Cases()).saved += 1

    def population(self, benchmark: str, model: str, recipe: str) -> int:
        """Return the number of questions of which the selected ones are all, or a random sample."""
        return self._drawn_from(benchmark, model, recipe) or self._selected(benchmark, model, recipe)

    def tallies(self) -> list[dict[str, Any]]:
        """Return what the results do not tell of the cases of each benchmark, model and recipe, for `add_tallies`."""
        return [
            {
                "of": list(who),
                "stored": cases.stored,
                "batched": cases.batched,
                "fingerprints": dict(cases.fingerprints),
                "not_sent": dict(cases.not_sent),
                "again": sorted(cases.again),
            }
            for who, cases in self._cases.items()
        ]

    def add_tallies(self, tallies: Iterable[Mapping[str, Any]]) -> None:
        """Add what another process has counted of cases that are added here one by one."""
        for tally in tallies:
            benchmark, model, recipe = tally["of"]
            cases = self._cases.get((benchmark, model, recipe))
            if cases is not None:
                cases.stored += tally["stored"]
                cases.batched += tally["batched"]
                cases.fingerprints.update(tally["fingerprints"])
                cases.not_sent.update(tally["not_sent"])
                cases.again.update(tally["again"])

    def _take(self, place: int) -> bool:
        """Take a position in the run, and return whether it was taken before."""
        if place >= LAST:
            return False
        if place >= len(self._taken):
            self._taken.extend(bytes(place + 1 - len(self._taken)))
        before, self._taken[place] = self._taken[place], 1
        return bool(before)

    def ids_like(self, result: Entry) -> set[str]:
        """Return the ids of the cases that have the benchmark, model and recipe of this one."""
        cases = self._cases.get((result.benchmark, result.model, result.recipe), _Cases())
        return {known.id for known in cases.results}

    def look_last(self) -> None:
        """Look at the weights of the servers that answered, unless the run was stopped: the next one looks then."""
        if not self.is_finished:
            return
        models = dict.fromkeys(model for (_, model, _), cases in self._cases.items() if cases.has_asked)
        roster = self._run.roster
        roster.weights.look_last(spec for model in models for spec in roster.asked(model))

    def sum_up(self, duration_s: float) -> list[Summary]:
        """Return the summary of each benchmark and model, its cases in the order of the run."""
        for cases in self._cases.values():
            cases.put_in_order()
        return [self._summary(*who, cases, duration_s) for who, cases in self._cases.items()]

    def results(self) -> list[list[Entry]]:
        """Return the results of each benchmark and model, in the order of the summaries."""
        return [cases.results for cases in self._cases.values()]

    @property
    def own_recipes(self) -> list[str]:
        """The recipes of these cases, other than that of the run."""
        return [recipe for _, _, recipe in self._cases if recipe]

    def __iter__(self) -> Iterator[Entry]:
        return (result for cases in self._cases.values() for result in cases.results)

    @property
    def is_finished(self) -> bool:
        """Whether every selected case has a result."""
        return not any(self._unfinished(*who, cases) for who, cases in self._cases.items())

    @property
    def are_mixed(self) -> bool:
        """Whether the run ended as its replies would have been those of two models: resumed, it would end so again."""
        return any(cases.ended_by(MixedReplies) for cases in self._cases.values())

    def _summary(self, benchmark: str, model: str, recipe: str, cases: _Cases, duration_s: float) -> Summary:
        run, asked = self._run, self._run.roster.asked(model)
        scoring = Scoring(
            self._facts.get(benchmark, {}).get("scoring", {}).get(model, run.strategy.scoring.value)
        )
        dropped = dict.fromkeys(name for spec in asked for name in run.strategy.dropped(spec))
        requests = sum(result.requests for result in cases.results)
        summary = summarize(
            cases.results,
            Thresholds(
                run.settings.max_error_rate, run.settings.max_unparsed_rate, run.settings.min_letter_mass
            ),
            # Several agents may be several models, so there is no single name to compare.
            asked_model=asked[0].asked_model if len(asked) == 1 and _is_known(asked[0]) else None,
            dropped={**dict.fromkeys(dropped, requests), **cases.not_sent},
            unfinished=self._unfinished(benchmark, model, recipe, cases) or run.part,
            again=CHOOSE if cases.ended_by(MixedReplies) else again(run),
            other_ways=other_ways(run.strategy.recipe, scoring, asked[0]),
            drawn_from=self.population(benchmark, model, recipe)
            if cases.saved
            else self._drawn_from(benchmark, model, recipe),
        )
        told = replace(
            summary,
            warnings=(
                *summary.warnings,
                *mixed_fingerprints(cases.fingerprints),
                *_unverified(asked),
                *run.roster.weights.changes(asked),
                *self._caution(cases),
            ),
            benchmark=benchmark,
            model=model,
            recipe=recipe or run.strategy.name,
            scoring=scoring.value,
            mock=run.roster.is_mock(model),
            duration_s=duration_s,
            stored=cases.stored,
            batched=cases.batched,
            saved=cases.saved,
            notice=self._notice(benchmark, len(cases.again), cases.saved),
            limit=self._facts.get(benchmark, {}).get("limit"),
        )
        told = replace(self._contaminated(told, asked, cases), ci95_benchmark=run.stopping.interval(told))
        short = run.stopping.shortfall(told)
        return replace(told, warnings=(*told.warnings, short)) if short else told

    def _contaminated(self, summary: Summary, asked: Sequence[ModelSpec], cases: _Cases) -> Summary:
        """Return the summary with the count of questions that were trained on, and without a headline if there are any.

        Such an accuracy is of what was learned by heart, however many questions it is of: as that of a run with too
        many failures, it passes for a result on its own and through every gate unless nothing lets it.
        """
        roster, accepted = self._run.roster, self._run.settings.accept_contaminated
        facts = self._facts.get(summary.benchmark, {})
        elsewhere = frozenset(facts.get("learned_elsewhere", {}).get(summary.model, ()))
        count = roster.training.count(asked, roster.weights.told, cases.results, elsewhere)
        if not count:
            return summary
        there = sum(one.id in elsewhere for one in cases.results)
        said = sentence(count, len(cases.results), elsewhere=there, accepted=accepted)
        summary = replace(summary, contaminated=count)
        if accepted:
            return replace(summary, warnings=(said, *summary.warnings))
        why = "; and ".join(filter(None, (said, summary.why_no_headline)))
        return replace(summary, why_no_headline=why)

    def _caution(self, cases: _Cases) -> list[str]:
        return [self._run.stopping.caution] if cases.saved and self._run.stopping.caution else []

    def _drawn_from(self, benchmark: str, model: str, recipe: str) -> int | None:
        """Return the number of questions of which `--limit` drew the cases; None if these are not what it drew."""
        facts, selected = self._facts.get(benchmark, {}), self._selected(benchmark, model, recipe)
        # Another plugin, or a node id, may have chosen among those that were drawn: that is no random sample.
        return facts.get("drawn_from") if selected == facts.get("limit") else None

    def _selected(self, benchmark: str, model: str, recipe: str) -> int:
        cases: Mapping[str, int] = self._facts.get(benchmark, {}).get("cases", {})
        return cases.get(selection_key(model, recipe), 0)

    def _unfinished(self, benchmark: str, model: str, recipe: str, cases: _Cases) -> str:
        """Return the reason why selected cases are missing, as half a sentence; empty if none is."""
        there = len(cases.results) + cases.saved
        done, of = there - cases.unasked, max(self._selected(benchmark, model, recipe), there)
        if done == of:
            return ""
        if self._run.missing:
            return f"{self._run.missing}: {done:,} of {of:,} cases"
        if not cases.unasked:
            return f"the run was stopped after {done:,} of {of:,} cases"
        stopped = f"the run stopped at --max-cost after {done:,} of {of:,} cases"
        command = "the same command" if self._run.shard else f"`{resume_command(self._run)}`"
        goes_on = f": {command} goes on, and may spend as much again"
        return stopped + goes_on if self._run.roster.has_store else stopped

    def _notice(self, benchmark: str, again: int, saved: int) -> str:
        """Return what a reader of the figures must know, such as incomplete data or a spent budget."""
        notices = (
            self._facts.get(benchmark, {}).get("notice", ""),
            self._why_unasked.rstrip("."),
            f"{several(again, 'case')} {_AGAIN}" if again else "",
            f"{several(saved, 'case')} saved, not asked: {self._run.stopping.why}" if saved else "",
        )
        return "; ".join(filter(None, notices))


def _after(before: Entry, result: Entry) -> Entry:
    """Return the result of a case that was run once more, with what the runs before took, too."""
    return replace(
        result,
        usage=before.usage + result.usage,
        requests=before.requests + result.requests,
        latency_s=round(before.latency_s + result.latency_s, 4),
    )


def _is_known(spec: ModelSpec) -> bool:
    return spec is not OWN_SPEC and not spec.is_mock


def crashed_result(nodeid: str, label: str, benchmark: str, recipe: str, known: Entries) -> Entry:
    """Make the result of a crashed case from its pytest id alone, such as `test_mmlu[claude-anatomy-0017]`.

    `label` is the model's, `recipe` is as in `schema.Entry`. The category is taken from a `known` result of the same
    subject.
    """
    case_id = nodeid.partition("[")[2]
    subject, _, row = case_id.rstrip("]").removeprefix(f"{label}-").rpartition("-")
    return Entry(
        id="/".join(filter(None, (benchmark, subject, row))),
        benchmark=benchmark,
        subject=subject,
        category=next((result.category for result in known if result.subject == subject), ""),
        model=label,
        outcome=Outcome.ERROR,
        answer="",
        prediction=None,
        rule="",
        latency_s=0.0,
        usage=Usage(),
        error="the xdist worker that ran this case crashed",
        recipe=recipe,
    )


def _unverified(asked: Sequence[ModelSpec]) -> list[str]:
    """Return a warning for each server whose certificate was not verified."""
    return [
        f"the certificate of {spec.base_url} was not verified (verify: false of {spec.label}): "
        "whoever stands between could have read the key and written the replies"
        for spec in asked
        if spec.is_unverified
    ]

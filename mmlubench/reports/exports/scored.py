"""A result to export: the figures of one benchmark, model and recipe, and the words that every format needs of it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import UUID

from mmlubench.records import FINISHED, RUNNING, Manifest
from mmlubench.reports.exports.logged import Case, LoggedRun, cases
from mmlubench.safe_names import safe_name
from mmlubench.schema import Entry
from mmlubench.stats import summarize
from mmlubench.stats.summary import Summary

#: The word and the sentence that every format says of figures that a mock made.
MOCK = "MOCK"
MOCK_SENTENCE = "MOCK: the answers are canned; no figure here says anything about a real model."
#: The repositories of our data sets on the Hugging Face hub, by benchmark.
REPOSITORIES = {
    "mmlu": "cais/mmlu",
    "mmlu_pro": "TIGER-Lab/MMLU-Pro",
    "mmmlu": "openai/MMMLU",
    "commonsense_qa": "tau/commonsense_qa",
    "arabicmmlu": "MBZUAI/ArabicMMLU",
    "arc_challenge": "allenai/ai2_arc",
    "arc_easy": "allenai/ai2_arc",
    "belebele": "facebook/belebele",
    "ceval": "ceval/ceval-exam",
    "cmmlu": "lmlmcat/cmmlu",
    "global_mmlu": "CohereLabs/Global-MMLU",
    "global_mmlu_lite": "CohereLabs/Global-MMLU-Lite",
    "gpqa_diamond": "Idavidrein/gpqa",
    "hellaswag": "Rowan/hellaswag",
    "include": "CohereLabs/include-base-44",
    "kmmlu": "HAERAE-HUB/KMMLU",
    "medmcqa": "openlifescienceai/medmcqa",
    "mmlu_cf": "microsoft/MMLU-CF",
    "mmlu_prox": "li-lab/MMLU-ProX",
    "openbookqa": "allenai/openbookqa",
    "supergpqa": "m-a-p/SuperGPQA",
    "truthfulqa_mc1": "truthfulqa/truthful_qa",
}


@dataclass(frozen=True)
class Scored:
    """One result of a run."""

    run: LoggedRun
    benchmark: str
    label: str
    """What the run calls the model."""
    own_recipe: str
    """`Entry.recipe`: what replaced the recipe of the run; else empty."""
    summary: Summary
    entry_name: str = ""
    """What files call the entry where several of the run ask models of one name; else empty."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the run."""
        return self.run.manifest

    @property
    def recipe(self) -> str:
        """What the figures are reported under."""
        return self.summary.recipe or self.own_recipe or str(self.manifest.recipe.get("name") or "")

    @property
    def spec(self) -> Mapping[str, Any]:
        """The model as the manifest has it."""
        return self.manifest.models.get(self.label, {})

    @property
    def model(self) -> str:
        """The model as its server calls it, with its adapter; it says MOCK if a mock answered."""
        name = str(self.spec.get("model_id") or self.label)
        adapter = self.spec.get("adapter")
        name = f"{name}+{adapter}" if adapter and str(adapter) not in name else name
        return self._marked(name)

    @property
    def name(self) -> str:
        """What names this result in a format: the model, or the entry where several have a model of one name."""
        return self._marked(self.entry_name) if self.entry_name else self.model

    def _marked(self, name: str) -> str:
        return f"{name}-{MOCK}" if self.summary.mock and "mock" not in name.lower() else name

    @property
    def place(self) -> str:
        """What tells this result from all others of its run: benchmark, name, and what replaced the recipe."""
        return "/".join(filter(None, (self.benchmark, self.name, self.own_recipe)))

    @property
    def qualified_model(self) -> str:
        """The model as `owner/name`: the provider is the owner of a name that has none."""
        if "/" in self.model.strip("/"):
            return self.model
        provider = str(self.spec.get("provider") or self.spec.get("client") or "unknown")
        return f"{provider}/{self.model}"

    @property
    def accuracy(self) -> float | None:
        """The headline accuracy; None where the run has none, and `why_no_headline` says why."""
        return self.summary.accuracy if self.summary.headline else None

    @property
    def doubts(self) -> list[str]:
        """All that a reader of the figures must know, each a sentence or half of one."""
        summary = self.summary
        why = f"no headline accuracy: {summary.why_no_headline}" if summary.why_no_headline else ""
        mock = MOCK_SENTENCE if summary.mock else ""
        return [text for text in (mock, why, summary.notice, *summary.warnings) if text]

    @property
    def stem(self) -> str:
        """A name for files of this result."""
        return safe_name("_".join(filter(None, (self.benchmark, self.name, self.own_recipe))))

    @property
    def uuid(self) -> str:
        """A UUID of version 4 that is the same whenever this result is exported."""
        told = "\0".join((self.run.run_id, self.benchmark, self.label, self.own_recipe))
        return str(UUID(bytes=sha256(told.encode(errors="replace")).digest()[:16], version=4))

    @property
    def epochs(self) -> int:
        """How often each question was asked."""
        value = self.manifest.settings.get("epochs")
        return value if isinstance(value, int) and value > 0 else 1

    @property
    def started(self) -> datetime:
        """The start of the run; the start of 1970 where the manifest has none."""
        return started(self.manifest)

    @property
    def facts(self) -> dict[str, Any]:
        """The figures and how they were found, for formats with a place for anything."""
        summary, manifest = self.summary, self.manifest
        return {
            "run_id": self.run.run_id,
            "benchmark": self.benchmark,
            "label": self.label,
            "recipe": self.recipe,
            "scoring": summary.scoring,
            "solver": manifest.facts.get("solver"),
            "extraction": manifest.facts.get("extraction"),
            "mock": summary.mock,
            "n": summary.n,
            "answered": summary.answered,
            "accuracy": self.accuracy,
            "ci95": list(summary.ci95) if summary.headline else None,
            "why_no_headline": summary.why_no_headline,
            "outcomes": {outcome.value: count for outcome, count in summary.total.outcomes.items()},
            "doubts": self.doubts,
            "data": dict(manifest.data.get(self.benchmark, {})),
            "epochs": self.epochs,
        }

    @cached_property
    def n(self) -> int:
        """The number of cases."""
        return self.summary.n

    def cases(self) -> Iterator[Case]:
        """Yield the cases of this result."""
        return (case for case in cases(self.run) if _who(case.entry) == self._who)

    @property
    def _who(self) -> tuple[str, str, str]:
        return self.benchmark, self.label, self.own_recipe


def scored(run: LoggedRun) -> list[Scored]:
    """Return every result of a run, in its order; one that was broken off is summed up as far as it was written.

    Raises UserError.
    """
    found: dict[tuple[str, str, str], list[Entry]] = {}
    summaries = [one for one in run.summary if one.n]
    for entry in run.entries():
        same = found.setdefault(_who(entry), [])
        if not summaries:  # else one is enough to know that there are any
            same.append(entry)
    made = [Scored(run, *who, _summary(run, summaries, who, found)) for who in found]
    models = {one.label: one.model for one in made}
    if len(set(map(_bare, models.values()))) == len(models):
        return made
    alike = Counter(map(_bare, models))
    return [replace(one, entry_name=_told_apart(one.label, alike)) for one in made]


def _told_apart(label: str, alike: Mapping[str, int]) -> str:
    same = alike[_bare(label)] > 1
    return f"{label}-{sha256(label.encode(errors='replace')).hexdigest()[:8]}" if same else label


def _bare(name: str) -> str:
    """Return what names of files keep of a name at least, also where upper and lower case are one."""
    return re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", name)).casefold()


def _summary(
    run: LoggedRun,
    summaries: list[Summary],
    who: tuple[str, str, str],
    found: Mapping[tuple[str, str, str], list[Entry]],
) -> Summary:
    (benchmark, model, own), manifest = who, run.manifest
    same = [one for one in summaries if (one.benchmark, one.model) == (benchmark, model)]
    others = {recipe for name, label, recipe in found if (name, label) == (benchmark, model) and recipe}
    chosen = [one for one in same if (one.recipe == own if own else one.recipe not in others)]
    if chosen:
        return chosen[0]
    mock = manifest.models.get(model, {}).get("client") == "mock"
    why = "the run goes on" if run.state == RUNNING else "the run was broken off"
    why = f"{why} and has no summary"
    why = "its summary is missing" if manifest.state == FINISHED else why
    figures = summarize(found[who], unfinished=why)
    recipe = own or str(manifest.recipe.get("name") or "")
    return replace(figures, benchmark=benchmark, model=model, recipe=recipe, mock=mock, why_no_headline=why)


def _who(entry: Entry) -> tuple[str, str, str]:
    return entry.benchmark, entry.model, entry.recipe


def started(manifest: Manifest) -> datetime:
    """Return the start of a run, with its time zone; the start of 1970 where the manifest has none."""
    try:
        found = datetime.fromisoformat(manifest.created.replace("Z", "+00:00"))
    except ValueError:
        found = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return found if found.tzinfo else found.astimezone()


def our_version() -> str:
    """Return the version of mmlubench that exports; empty where it is not installed."""
    try:
        return version("mmlubench")
    except PackageNotFoundError:
        return ""

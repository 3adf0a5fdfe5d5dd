"""One benchmark run in one process: the object that plugin, dialogues and commands build on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmlubench import models
from mmlubench.errors import ModelError
from mmlubench.models import ModelSpec
from mmlubench.models.base import Model
from mmlubench.models.names.from_entry import IN_PROCESS
from mmlubench.models.serving.server import Server
from mmlubench.records import Manifest
from mmlubench.run.contamination import sentence
from mmlubench.run.data import RunData
from mmlubench.run.folder import Place
from mmlubench.run.roster import Roster
from mmlubench.run.sharding import FOLDER, check_alone, chosen
from mmlubench.run.share import Share
from mmlubench.run.stopping import Stopping
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Scoring
from mmlubench.settings import Settings
from mmlubench.solvers import Solver


class Run:
    """The models, strategy and data of a run. Each is made on first use, so that a run only pays for what it needs.

    `settings` are the user's options; `share` is this process's part of the run, all of it by default. `specs` are
    the models under test by label, in place of those that `--model` names. `note_spent` is called with the US dollars
    spent of this process's part of `--max-cost`.
    """

    def __init__(
        self,
        settings: Settings,
        share: Share | None = None,
        *,
        specs: Mapping[str, ModelSpec] | None = None,
        note_spent: Callable[[float], object] | None = None,
    ) -> None:
        self.settings = settings
        self.share = share or Share()
        self.shard = chosen(settings)
        """The shard that is asked; None for a run that is not cut."""
        self.missing = ""
        """What is missing of a run that was put together, as half a sentence; empty if nothing is."""
        self.roster = Roster(settings, self.share, specs, note_spent)
        self.strategy = Strategy(settings)
        self.data = RunData(settings, self.roster, self.strategy)
        self.stopping = Stopping(settings)
        self.duration_s = 0.0
        """The seconds that a run took which was put together; 0.0 for one that goes on."""
        self._selected: Counter[tuple[str, str]] = Counter()
        """The number of selected cases, by benchmark and `selection_key`."""
        self._asked: dict[str, None] = {}
        """The labels of the models of these cases, in order."""
        self._scored: dict[str, None] = {}
        """The labels of the models that the solver of the options asks, in order."""
        self.own_recipes: dict[str, None] = {}
        """The names of users' own solvers and models that replace the recipe of the options, in order."""
        self._solvers: dict[tuple[str, str], Solver] = {}
        self._scoring: dict[str, Scoring] = {}
        """The way in which each model is scored, once `settle_scoring` has chosen it."""

    def check(self) -> None:
        """Raise UserError for options, models or prompts that make no sense, before anything is asked."""
        self.strategy.check()
        _ = self.roster.specs

    def preflight(self, tell: Callable[[str], object]) -> list[str]:
        """Look at the servers before anything is asked, and keep what was seen; return notices.

        Raises ModelError for a fault. Nothing that is asked for costs anything.
        """
        settings, roster = self.settings, self.roster
        if self.shard is not None:
            check_alone(self.shard, Path(self.place.parent))
        if roster.only_mocks:
            return []
        if settings.no_preflight:
            roster.saw({})
            roster.check_adapters()
            self.learn_weights()
            return []
        # late: it needs asyncio and HTTP, which a run with mocks does not
        from mmlubench.run.preflight import check_servers

        looks = check_servers(
            roster.all_specs.values(),
            os.environ,
            wait_s=settings.wait_for_server,
            # A file of requests for vLLM's run_batch is written where no server runs.
            has_replies=(lambda _label: True) if settings.writes_batch_file else roster.has_replies,
            tell=tell,
        )
        roster.saw(looks.servers)
        self.learn_weights(looks.servers)
        return looks.notices

    def learn_weights(self, servers: Mapping[str, Server] | None = None) -> None:
        """Learn what is told of the weights of the models; `servers` are as for `told_of`. Raises UserError.

        Without a pre-flight they are looked at for the store alone, which must not answer for weights that are gone.
        """
        specs = self.roster.all_specs.values()
        if servers is None and not self.roster.has_store:
            return
        if any(spec.self_hosted or spec.client == IN_PROCESS for spec in specs):
            # late, as above
            from mmlubench.run.weights import told_of

            self.roster.note_told(told_of(specs, servers, os.environ))

    def header(self) -> list[str]:
        """Return the lines for pytest's header: who is asked and how, and what is said of it before the run."""
        strategy, roster = self.strategy, self.roster
        trained = roster.training.notes(roster.all_specs.values(), roster.weights.told)
        limits = strategy.limits(roster.all_specs.values())
        hints = (self._shard_line, limits, strategy.notice, *trained)
        return [*roster.header(strategy.heading), *(f"mmlubench: {hint}" for hint in hints if hint)]

    @property
    def _shard_line(self) -> str:
        shard = self.shard
        if shard is None:
            return ""
        return (
            f"{shard.title} (--shard-id {shard.number}); --max-cost, rpm and tpm are divided among the shards, "
            "--concurrency is of each"
        )

    @property
    def part(self) -> str:
        """Why a shard is no run as a whole, as half a sentence; empty for one that is not cut."""
        return f"it is {self.shard.title}, and `mmlubench merge` puts them together" if self.shard else ""

    @property
    def place(self) -> Place:
        """Where its folder is made."""
        settings = self.settings
        if self.shard is None:
            return Place(settings.run_dir)
        return Place(str(Path(settings.run_dir) / FOLDER), f"{self.shard.name}.{{}}.part")

    def told(self, made: Manifest) -> Manifest:
        """Return the manifest of the run with what else is to be told of it."""
        return made

    def select(self, label: str, benchmark: str, recipe: str = "", *, scored: bool = True) -> None:
        """Add a question of a benchmark to the run, to be asked of the model of that label.

        `recipe` names what replaces the recipe of the options, if anything does; `scored` says whether the solver of
        the options asks that model.
        """
        self._selected[benchmark, selection_key(label, recipe)] += 1
        self._asked[label] = None
        if scored:
            self._scored[label] = None
        if recipe:
            self.own_recipes[recipe] = None

    def solver(self, label: str, benchmark: str) -> Solver:
        """Return the solver of the options for a model under test, with the worked examples of a benchmark."""
        if (label, benchmark) not in self._solvers:
            self._solvers[label, benchmark] = self.strategy.repeated(self.plain_solver(label, benchmark))
        return self._solvers[label, benchmark]

    def plain_solver(self, label: str, benchmark: str, model: Model | None = None) -> Solver:
        """Return the solver of the options without epochs; `model`, if given, is asked in place of the label's."""
        seats, scoring = self.roster.seats(label, model), self._scoring.get(label, Scoring.TEXT)
        return self.strategy.plain_solver(seats, scoring, self.data.examples(benchmark))

    async def settle_scoring(self) -> None:
        """Choose how each model is scored, which may take a request to its server. Raises ModelError if none works."""
        asked = self.strategy.scoring
        for label in self._scored:
            spec = self.roster.specs[label]
            if asked is Scoring.ECHO and self.share.total > 1 and self.roster.is_frail_at_echo(label):
                raise ModelError(
                    f"--scoring {asked} with -n: several echo requests at once end a vLLM that has LoRA enabled, and "
                    f"workers cannot wait for one another; ask {label} without -n."
                )
            if asked is not Scoring.TEXT:
                model, raw = self.roster.model(label), self.strategy.is_raw
                self._scoring[label] = await models.choose_scoring(model, spec, asked, raw=raw)
            elif self.strategy.is_raw:
                models.check_raw(spec)

    @property
    def scoring_notices(self) -> list[str]:
        """Lines about how models are scored, once that is settled; mostly none."""
        return [
            f"mmlubench: {label} is asked for one echo at a time: several at once end a vLLM that has LoRA enabled"
            for label, way in self._scoring.items()
            if way is Scoring.ECHO and self.roster.is_frail_at_echo(label)
        ]

    @property
    def contaminated_notices(self) -> list[str]:
        """A line for each model that was trained on selected questions; mostly none."""
        roster, lines = self.roster, []
        for label in self._asked:
            specs, told = roster.asked(label), roster.weights.told
            for benchmark, questions in (
                self.data.chosen.items() if roster.training.knows(specs, told) else ()
            ):
                if count := roster.training.count(specs, told, questions):
                    accepted = self.settings.accept_contaminated
                    said = sentence(count, len(questions), accepted=accepted)
                    lines.append(f"mmlubench: {benchmark}, {label}: {said}")
        return lines

    @property
    def labels(self) -> list[str]:
        """The labels of the models that are asked: those of selected questions, or all of --model before selection."""
        return list(self._asked or self.roster.specs)

    @property
    def has_selected(self) -> bool:
        """Whether any question was taken into the run; a controller of workers never takes one."""
        return bool(self._asked)

    @property
    def must_settle_scoring(self) -> bool:
        """Whether `settle_scoring` has anything to do; it has nothing to do where letters are read from chats."""
        return bool(self._scored) and (self.strategy.scoring is not Scoring.TEXT or self.strategy.is_raw)

    def facts(self) -> dict[str, Any]:
        """Return the facts of each benchmark's data, the number of cases selected for each model, and how it is scored.

        `scoring` has the models that are scored by log-probability, by label.
        """
        scoring = {label: way.value for label, way in self._scoring.items()}
        return {
            name: {
                **facts,
                "cases": {key: n for (of, key), n in self._selected.items() if of == name},
                **({"scoring": scoring} if scoring else {}),
            }
            for name, facts in self.data.facts().items()
        }


def selection_key(label: str, recipe: str) -> str:
    """Return the key of a model's cases within a benchmark; `recipe` is as in `schema.Entry`."""
    return f"{label}, {recipe}" if recipe else label

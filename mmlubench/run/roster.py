"""The roster: the models of a run, each with its limits, retries, budget and store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmlubench import models
from mmlubench.engine.limits.budget import check_prices
from mmlubench.engine.limits.waiting import Wait
from mmlubench.engine.stack import Limits, Stack, assemble
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import ModelError, UserError
from mmlubench.models import ModelSpec
from mmlubench.models.base import Model, Told
from mmlubench.models.names.from_entry import BASE
from mmlubench.models.names.keys import find_key
from mmlubench.models.serving.care import OneEcho, Reloaded, is_frail_at_echo
from mmlubench.models.serving.seen import as_seen
from mmlubench.models.serving.server import Kind, Server
from mmlubench.run.batch_option import priced, withhold
from mmlubench.run.contamination import Training
from mmlubench.run.descriptors import room
from mmlubench.run.folder import make_parent
from mmlubench.run.known_weights import KnownWeights
from mmlubench.run.limits import allotted_to, limits_of
from mmlubench.run.remembered import remember, remembered
from mmlubench.run.share import Share
from mmlubench.settings import Settings

if TYPE_CHECKING:
    from mmlubench.run.allotted import Allotted

#: The label of a user's own model where no model of --model is asked; nothing more is known of that model.
OWN = "own"
OWN_SPEC = ModelSpec(label=OWN, client=OWN, model_id=OWN)


class Roster:
    """The models of one process, by label. A model is opened when it is first asked."""

    def __init__(
        self,
        settings: Settings,
        share: Share,
        specs: Mapping[str, ModelSpec] | None = None,
        note_spent: Callable[[float], object] | None = None,
    ) -> None:
        """`specs` and `note_spent` are those of `run.Run`."""
        self._settings = settings
        self._share = share
        self._given = specs
        self._note_spent = note_spent
        self._providers: dict[str, Model] = {}
        self._stacks: dict[str, Stack] = {}
        self._echo_locks: dict[str, asyncio.Lock] = {}
        self.servers: Mapping[str, Server] = share.servers
        """The servers by the label of the model: as the pre-flight saw them, or as an earlier run did."""
        self.weights = KnownWeights(share.told)
        self.training = Training()
        self.weights.note_answered(share.servers)
        self.on_rest: Callable[[int], object] = lambda _by: None
        """As `Limiter.on_rest`, for all models."""

    @cached_property
    def specs(self) -> dict[str, ModelSpec]:
        """The spec of each model under test. Raises ModelError, and UserError for a --max-cost that cannot be kept."""
        settings = self._settings
        if self._given is not None:
            specs = dict(self._given)
        elif self.agents:
            if settings.model:
                raise UserError(
                    "--model and --agent-model are both given, and only agents are asked; leave --model out."
                )
            label = "+".join(spec.label for spec in self.agents)
            specs = {label: replace(self.agents[0], label=label)}
        else:
            named = self._resolved("--model", settings.model or ("mock",), self._adapters)
            specs = {spec.label: spec for spec in named}
        check_prices(settings.max_cost, self.agents or specs.values())
        seen = {label: as_seen(spec, self.servers.get(label)) for label, spec in specs.items()}
        return {label: priced(spec, settings) for label, spec in seen.items()}

    @cached_property
    def agents(self) -> list[ModelSpec]:
        """The specs of --agent-model, in order; empty if every agent is the model under test. Raises ModelError."""
        agents = self._resolved("--agent-model", self._settings.agent_model, (None,))
        return [priced(as_seen(agent, self.servers.get(agent.label)), self._settings) for agent in agents]

    def saw(self, servers: Mapping[str, Server]) -> None:
        """Take note of the servers that were reached, before any model is asked; others are as an earlier run saw them.

        Defaults and features of a model become those of the server that was seen.
        """
        before = self.all_specs
        path = self._settings.store_path
        known = remembered(path, before.values()) if self.has_store else {}
        # One that is still loading its model does not show what it is.
        shown = {label: s for label, s in servers.items() if s.is_ready or s.kind is not Kind.OTHER}
        self.servers = {**servers, **known, **shown}
        for name in ("specs", "agents"):
            self.__dict__.pop(name, None)
        for label, spec in self.all_specs.items():
            if label in self.servers or spec != before.get(label):  # it has made no connection yet
                self._providers.pop(label, None)
        if "store" in self.__dict__:
            self._remember_servers()

    def _remember_servers(self) -> None:
        live = {label: server for label, server in self.servers.items() if not server.is_remembered}
        remember(self._settings.store_path, self.all_specs.values(), live)

    @property
    def _adapters(self) -> tuple[str | None, ...]:
        """The adapters of --adapter; None is that of the entry, if it has one. Raises UserError."""
        settings = self._settings
        path, names = settings.adapter_path, settings.adapter
        if path is not None and len([name for name in names if name != BASE]) > 1:
            raise UserError(
                "--adapter-path is the folder of one adapter; give its path in models.yaml for each other."
            )
        adapters = names or ((Path(path).name,) if path else (None,))
        return (BASE, *adapters) if settings.with_base and BASE not in adapters else adapters

    def _resolved(self, option: str, names: Sequence[str], adapters: Sequence[str | None]) -> list[ModelSpec]:
        settings = self._settings
        specs = [
            models.resolve(
                name,
                models_file=settings.models_file,
                adapter=adapter,
                no_fallback=settings.no_fallback,
                env=os.environ,
                option=option,
            )
            for name in names
            for adapter in adapters
        ]
        if settings.adapter_path is not None:
            specs = [replace(s, adapter_path=settings.adapter_path) if s.adapter else s for s in specs]
        by_label = {spec.label: spec for spec in specs}
        for spec in specs:
            if by_label[spec.label] != spec:
                raise ModelError(
                    f"two models would both be called {spec.label}; give one of them a name of its own in models.yaml."
                )
        return specs

    @property
    def all_specs(self) -> dict[str, ModelSpec]:
        """The specs of all models that may be asked, by label."""
        return {**self.specs, **{spec.label: spec for spec in self.agents}}

    @cached_property
    def store(self) -> Store | None:
        """The store of replies, created if it does not exist; None for a run without a store. Raises UserError."""
        if not self.has_store:
            return None
        if self._settings.store is None:
            make_parent(self._settings.run_dir)  # so that an error names --run-dir, which the user can change
        # Only the first process checks for damage: one check is enough.
        settings, share = self._settings, self._share
        store = Store.open(settings.store_path, check=share.number == 0, run=repr(share.started))
        if settings.refresh and settings.refresh_since is None and share.total == 1:
            store.date_back(share.started)
        if share.number == 0:
            self._remember_servers()
        return store

    @property
    def has_store(self) -> bool:
        """Whether replies are stored; those of mocks are not, as they cost nothing."""
        return not (self._settings.no_store or self.only_mocks)

    def open_early(self) -> None:
        """Open models and an existing store, so that their errors are reported before tests are collected.

        No connection and no file is made yet, as the run may ask nothing. Raises UserError.
        """
        for label in self.all_specs:
            self._provider(label)
        if self._finds_store:
            _ = self.store

    def note_told(self, told: Mapping[str, Told]) -> None:
        """Take what was told of the weights of models, by label, and compare it with an existing store.

        Raises UserError.
        """
        self.weights.told |= told
        self.weights.note_answered(self.servers)
        if self._finds_store:
            self.open_store()

    def open_store(self) -> None:
        """Open the store, and find in it the weights that each model has now. Raises UserError."""
        if self.store is not None:
            self.weights.find(self.store, self.all_specs.values())

    def has_replies(self, label: str) -> bool:
        """Whether an existing store has replies of a model that may be used, which may be all that a run needs."""
        if self._settings.refresh and self._settings.refresh_since is None:
            return False
        return self._finds_store and self.store is not None and self.store.has_model(label)

    @property
    def _finds_store(self) -> bool:
        # Not Path.exists, which raises an error for a folder that may not be read.
        return self.has_store and os.path.exists(self._settings.store_path)  # noqa: PTH110

    def close_store(self) -> None:
        """Write the replies that wait, and close the store if it is open. Raises StoreError."""
        store: Store | None = self.__dict__.get("store")
        if store is not None:
            store.close()

    @property
    def store_notices(self) -> list[str]:
        """Lines about the store: what `store_news` says, who else uses it, and that others may reach it."""
        store: Store | None = self.__dict__.get("store")
        more = (store.company, store.place) if store is not None else ()
        return [*self.store_news, *(f"mmlubench: {notice}" for notice in more if notice)]

    @property
    def store_news(self) -> list[str]:
        """Lines that a worker may have alone: that the store was damaged or deleted, and which weights have changed."""
        store: Store | None = self.__dict__.get("store")
        notice = [store.notice] if store is not None and store.notice else []
        return [f"mmlubench: {line}" for line in (*notice, *self.weights.news)]

    @property
    def only_mocks(self) -> bool:
        """Whether no real model is asked."""
        return all(spec.is_mock for spec in self.all_specs.values())

    @cached_property
    def concurrency(self) -> int:
        """The most requests that this process may have in flight; fewer than wanted where descriptors are few."""
        return self._places(self._share.of(self._settings.concurrency))

    @cached_property
    def _pool(self) -> int:
        """The most requests for which there are connections: a shard may be allotted the places of all others."""
        more = 1 if self.allotted is None else self._settings.num_shards or 1
        return self.concurrency if more == 1 else self._places(more * self._settings.concurrency)

    def _places(self, wanted: int) -> int:
        servers = sum(not spec.is_mock for spec in self.all_specs.values())
        # Each server keeps its connections for a while, so that they add up.
        return max(1, room(wanted * servers) // servers) if servers else wanted

    @property
    def concurrency_notice(self) -> str:
        """A line that says that fewer requests are sent at once than wanted, and why; mostly empty."""
        wanted = self._share.of(self._settings.concurrency)
        if self.concurrency >= wanted:
            return ""
        each = " in each process" if self._share.total > 1 else ""
        return (
            f"mmlubench: {self.concurrency:,} requests in flight in place of {wanted:,}{each}: "
            "this system allows no more open files; raise the limit with `ulimit -n`"
        )

    def model(self, label: str) -> Model:
        """Return the model of that label, with all layers around it."""
        if label not in self._stacks:
            provider, spec = self._provider(label), self.all_specs[label]
            self.open_store()
            stack = assemble(
                provider,
                spec,
                self._limits,
                self.store,
                since=self._since,
                weights=self.weights.of(label),
                accept_mixed=self._settings.accept_mixed,
                look_again=self.weights.look_again(spec, self.store),
                withhold=withhold(spec, self._settings, self._share.number),
            )
            stack.limiter.on_rest = lambda by: self.on_rest(by)
            self._stacks[label] = stack
            if self.allotted is not None:
                self.allotted.watch(label, stack.limiter, self._pool)
        return self._stacks[label].model

    @property
    def _since(self) -> float:
        """The time (Unix seconds) from which on stored replies may be used."""
        settings = self._settings
        if settings.refresh_since is not None:  # takes precedence over a --refresh in a configuration file
            return settings.refresh_since
        return self._share.started if settings.refresh else 0.0

    def _provider(self, label: str) -> Model:
        if label not in self._providers:
            spec = self.all_specs[label]
            provider = models.open_model(
                models.constrained(spec) if self._settings.constrained else spec,
                pool=self._pool,
                env=os.environ,
                timeout_s=self._settings.request_timeout,
            )
            self._providers[label] = self._with_care(provider, spec)
        return self._providers[label]

    def _with_care(self, provider: Model, spec: ModelSpec) -> Model:
        """Put the layers around a provider that its server, as it was seen, needs."""
        server = self.servers.get(spec.label)
        if is_frail_at_echo(spec, server):
            lock = self._echo_locks.setdefault(spec.base_url or "", asyncio.Lock())
            provider = OneEcho(provider, lock)
        if server is not None and server.kind is Kind.VLLM and spec.adapter and spec.adapter_path:
            name, path = spec.adapter, spec.adapter_path
            key = find_key(spec.api_key_env, os.environ) if spec.api_key_env else None

            async def load_again() -> None:
                # late: it needs the transport, which a run with mocks does not
                from mmlubench.models.serving.adapters import load

                await load(spec, name, path, key)

            provider = Reloaded(provider, load_again)
        return provider

    def check_adapters(self) -> None:
        """Raise ModelError for an adapter at a llama.cpp server of which it is not known how to choose it."""
        for spec in self.all_specs.values():
            if spec.client == "llamacpp" and spec.adapter is not None and "lora" not in spec.extra_body:
                raise ModelError(
                    f"{spec.label}: a llama.cpp server chooses an adapter by its number, which the look before a run "
                    "finds out: leave --no-preflight out."
                )

    def is_frail_at_echo(self, label: str) -> bool:
        """Whether the server of a model is asked for one echo at a time."""
        return any(is_frail_at_echo(spec, self.servers.get(spec.label)) for spec in self.asked(label))

    def seats(self, label: str, model: Model | None = None) -> list[tuple[Model, ModelSpec]]:
        """Return who works on a question: the model under test alone, or the models of the agents in order.

        `model` is a model of the user's own that is asked in place of these.
        """
        return [(model or self.model(spec.label), spec) for spec in self.asked(label)]

    def is_mock(self, label: str) -> bool:
        """Whether a mock works on the questions of that model."""
        return any(spec.is_mock for spec in self.asked(label))

    def asked(self, label: str) -> list[ModelSpec]:
        """Return the specs of the models that work on the questions of that model."""
        if label == OWN and OWN not in self.specs:
            return [OWN_SPEC]
        return self.agents or [self.specs[label]]

    def waits(self) -> dict[str, Wait]:
        """Return what the requests of a model wait for, by its label; models that answer are left out."""
        states = {label: stack.limiter.state() for label, stack in self._stacks.items()}
        return {label: wait for label, wait in states.items() if wait is not None}

    def header(self, how: str) -> list[str]:
        """Return the lines for pytest's header: the models, `how` they are asked, and MOCK for each mock."""
        flight = f"{self._settings.concurrency} requests in flight"
        return [
            f"mmlubench: {', '.join(self.specs)} · {how} · {flight}",
            *(
                f"mmlubench: MOCK replies for {spec.label}: {spec.notice or 'no model is asked'}"
                for spec in self.all_specs.values()
                if spec.is_mock
            ),
            *(
                f"mmlubench: the certificate of {spec.base_url} is not verified (verify: false of {spec.label})"
                for spec in self.all_specs.values()
                if spec.is_unverified
            ),
        ]

    def stop_asking(self) -> None:
        """Send no further requests; those under way may end."""
        for stack in self._stacks.values():
            stack.limiter.shut()

    def closing(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """Return the coroutine functions that close the models; each is awaited at the end of the run."""
        return [stack.model.aclose for stack in self._stacks.values()]

    @cached_property
    def _limits(self) -> Limits:
        return limits_of(self._settings, self._share, self.concurrency, self._note_spent, self.allotted)

    @cached_property
    def allotted(self) -> Allotted | None:
        """The limits that are allotted to a shard of a cluster while it runs; None for any other process."""
        return allotted_to(self._share)

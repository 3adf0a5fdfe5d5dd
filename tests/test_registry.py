"""Parts by name: a user would find another's part under one of our names, or a traceback in place of a sentence."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mmlubench
from mmlubench import registry
from mmlubench.errors import ModelError, UserError
from mmlubench.registry import KINDS, Registry

Offer = Callable[..., None]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No part of this test's is left to another."""
    monkeypatch.setattr(registry, "_registered", {kind: {} for kind in KINDS})
    monkeypatch.setattr(registry, "_registries", [])
    registry._entry_points.cache_clear()
    registry._all_entry_points.cache_clear()
    yield
    registry._entry_points.cache_clear()
    registry._all_entry_points.cache_clear()


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Install a package that offers entry points, `name = module:attribute`, of the group `mmlubench.metrics`."""

    def install(package: str, *points: str, **modules: str) -> None:
        site = tmp_path / package
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[mmlubench.metrics]\n" + "\n".join(points) + "\n")
        for name, text in modules.items():
            (site / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(site)

    return install


def texts(**options: Any) -> Registry[str | bytes]:
    """A registry whose parts are bytes: one in the table, one that is imported when it is asked for."""
    ours: dict[str, Any] = {"plain": b"ours", "late": "string:hexdigits"}

    def accept(thing: object) -> str | bytes | None:
        return thing if isinstance(thing, bytes) else None

    return Registry("metric", ours, accept, must_be="bytes", **options)


def test_ours_come_from_the_table_or_by_import() -> None:
    assert texts().find("plain") == b"ours"
    assert texts().find("late") == "0123456789abcdefABCDEF"


def test_a_registered_part_is_found_by_its_name() -> None:
    parts = texts()
    mmlubench.register("metric", "mine", b"registered")
    assert parts.find("mine") == b"registered"
    assert "mine" in parts
    assert parts.names() == ["plain", "late", "mine"]


@pytest.mark.parametrize("name", ["plain", "late", "mine"])
def test_a_name_that_is_taken_is_refused_in_one_sentence(name: str) -> None:
    _ = texts()
    mmlubench.register("metric", "mine", b"registered")
    with pytest.raises(UserError) as error:
        mmlubench.register("metric", name, b"another")
    assert str(error.value) == (
        f"mmlubench.register: there is a metric {name!r} already; give yours another name."
    )


def test_a_name_of_ours_that_was_registered_before_our_table_was_there_is_refused_when_it_is_asked() -> None:
    mmlubench.register("metric", "plain", b"not ours")
    with pytest.raises(UserError, match="there is a metric 'plain' already"):
        texts().find("plain")


def test_the_same_thing_may_be_registered_twice() -> None:
    # Two conftests of a project that each make sure of it.
    thing = b"registered"
    mmlubench.register("metric", "mine", thing)
    mmlubench.register("metric", "mine", thing)


def test_a_kind_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(
        UserError, match=r"'solvers' is no kind of part; give one of dataset, provider, solver,"
    ):
        mmlubench.register("solvers", "mine", object())


@pytest.mark.parametrize("name", ["", None, 3])
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(UserError, match="is no name for a solver; give a text that is not empty"):
        mmlubench.register("solver", name, object())  # type: ignore[arg-type]


def test_an_installed_part_is_found_by_its_entry_point(offer: Offer) -> None:
    offer("acme", "theirs = acme_parts:PART", acme_parts="PART = b'installed'")
    assert texts().find("theirs") == b"installed"
    assert texts().names() == ["plain", "late", "theirs"]


def test_an_installed_part_never_takes_the_place_of_ours(offer: Offer) -> None:
    offer("acme", "plain = acme_parts:PART", acme_parts="PART = b'installed'")
    assert texts().find("plain") == b"ours"
    assert texts().names() == ["plain", "late"]


def test_what_a_conftest_registers_goes_before_what_is_installed(offer: Offer) -> None:
    offer("acme", "theirs = acme_parts:PART", acme_parts="PART = b'installed'")
    mmlubench.register("metric", "theirs", b"registered")
    assert texts().find("theirs") == b"registered"


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("OTHER = 1", "AttributeError: module 'acme_parts' has no attribute 'PART'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_part_that_cannot_be_imported_names_its_package_and_the_error(
    offer: Offer, module: str, reason: str
) -> None:
    offer("acme", "theirs = acme_parts:PART", acme_parts=module)
    sys.modules.pop("acme_parts", None)
    with pytest.raises(ModelError) as error:
        texts(error=ModelError, what="gauge").find("theirs")
    assert str(error.value) == (
        "The gauge 'theirs' cannot be imported: the entry point acme_parts:PART of the package acme fails with "
        f"{reason}."
    )


def test_a_part_of_the_wrong_kind_says_what_it_must_be(offer: Offer) -> None:
    offer("acme", "theirs = string:digits")
    with pytest.raises(UserError) as error:
        texts().find("theirs")
    assert str(error.value) == (
        "The metric 'theirs' is invalid: what is the entry point string:digits of the package acme must be bytes, "
        "not '0123456789'."
    )
    mmlubench.register("metric", "mine", 5)
    with pytest.raises(UserError, match=r"what is registered as metric 'mine' must be bytes, not 5\.$"):
        texts().find("mine")


def test_two_packages_with_one_name_are_told_apart_by_nobody(offer: Offer) -> None:
    offer("acme", "theirs = string:digits")
    offer("bolt", "theirs = string:hexdigits")
    with pytest.raises(
        UserError, match=r"^the package acme and the package bolt both have a metric 'theirs',"
    ):
        texts().find("theirs")


def test_an_unknown_name_is_answered_with_the_known_ones_and_the_nearest(offer: Offer) -> None:
    offer("acme", "theirs = string:digits")
    with pytest.raises(UserError) as error:
        texts(advice="or write it yourself").find("plane")
    assert str(error.value) == (
        "There is no metric 'plane'; known: plain, late, theirs; or write it yourself. Did you mean 'plain'?"
    )


def test_installed_packages_are_searched_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    real = importlib.metadata.entry_points

    def entry_points() -> Any:
        searched.append(1)
        return real()

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    for _ in range(3):
        assert "nobody" not in texts()
        with pytest.raises(UserError):
            texts().find("nobody")
    assert searched == [1]


def test_every_kind_has_a_room_that_looks_it_up() -> None:
    # Someone registers a part of a kind that nobody ever asks for.
    code = (
        "import mmlubench.datasets, mmlubench.models, mmlubench.solvers, mmlubench.prompts, mmlubench.grading\n"
        "import mmlubench.stats.metrics, mmlubench.reports.report\n"
        "from mmlubench import registry\n"
        "print(*sorted({one.kind for one in registry._registries}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        *("dataset", "extraction", "metric", "provider", "recipe", "report", "solver"),
    ]


def test_to_register_a_part_imports_no_room_and_searches_no_package() -> None:
    # A conftest is loaded in every pytest run of its project, also in those that ask no model.
    code = (
        "import mmlubench.plugin, mmlubench, sys\n"
        "before = set(sys.modules)\n"
        "mmlubench.register('solver', 'mine', print)\n"
        "print(*sorted(name for name in set(sys.modules) - before if name.startswith('mmlubench')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["mmlubench.registry"]

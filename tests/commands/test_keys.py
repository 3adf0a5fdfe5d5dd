"""`mmlubench keys`: a key goes from the user's hand into the keyring, and is never shown."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.models.names.keys import find_key

KEY = "sk-test-0123456789"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOME_KEY", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)  # as in a plain installation


@pytest.fixture
def held(monkeypatch):
    """What a keyring of the system holds, by service and name."""
    fake = ModuleType("keyring")
    held: dict[tuple[str, str], str] = {}
    made: Any = fake
    made.get_password = lambda service, name: held.get((service, name))
    made.set_password = lambda service, name, key: held.__setitem__((service, name), key)
    monkeypatch.setitem(sys.modules, "keyring", fake)
    return held


def call(*arguments, typed=""):
    return CliRunner().invoke(main, ["keys", *arguments], input=typed)


def test_a_key_from_standard_input_is_stored_and_found_by_a_run(held):
    done = call("set", "SOME_KEY", typed=f"{KEY}\n")
    assert (done.exit_code, done.output) == (0, "SOME_KEY: stored in the keyring.\n")
    assert held == {("mmlubench", "SOME_KEY"): KEY}
    assert find_key("SOME_KEY", {}) == KEY


def test_at_a_terminal_it_is_asked_for_without_an_echo(held, monkeypatch):
    monkeypatch.setattr("mmlubench.commands.keys._is_terminal", lambda: True)
    done = call("set", "SOME_KEY", typed=f"{KEY}\n")
    assert done.exit_code == 0
    assert done.output.startswith("SOME_KEY: ")
    assert KEY not in done.output
    assert held == {("mmlubench", "SOME_KEY"): KEY}


def test_a_plain_installation_names_the_extra_before_it_asks_for_the_key():
    done = call("set", "SOME_KEY", typed=f"{KEY}\n")
    assert done.exit_code == 1
    assert "run `pip install 'mmlubench[keyring]'`" in done.output


@pytest.mark.parametrize("name", [KEY, "two words", ""])
def test_a_key_in_the_place_of_its_name_is_refused_and_not_repeated(held, name):
    done = call("set", name, typed="x\n")
    assert done.exit_code == 1
    assert "NAME must be the name of the key's variable" in done.output
    assert KEY not in done.output
    assert not held


@pytest.mark.parametrize(
    ("typed", "said"), [("", "no key was given"), (" \n", "no key was given"), ("a b\n", "holds spaces")]
)
def test_what_is_no_key_is_not_stored(held, typed, said):
    done = call("set", "SOME_KEY", typed=typed)
    assert done.exit_code == 1
    assert said in done.output
    assert not held


def test_a_keyring_that_fails_or_forgets_says_what_else_can_be_done(held, monkeypatch):
    def locked(*_):
        raise RuntimeError(f"locked, and here is the key: {KEY}")

    for broken in (locked, lambda *_: None):
        monkeypatch.setattr(sys.modules["keyring"], "set_password", broken)
        done = call("set", "SOME_KEY", typed=f"{KEY}\n")
        assert done.exit_code == 1
        assert "export SOME_KEY=…, or write it into ./.env." in done.output
        assert KEY not in done.output


def test_check_says_where_a_key_is_found_in_the_order_of_a_run(held, tmp_path, monkeypatch):
    done = call("check", "SOME_KEY")
    assert (done.exit_code, done.output) == (
        1,
        "SOME_KEY: not found in the environment, in ./.env or in the keyring.\n",
    )
    call("set", "SOME_KEY", typed=KEY)
    assert call("check", "SOME_KEY").output == "SOME_KEY: found in the keyring.\n"
    (tmp_path / ".env").write_text(f"SOME_KEY={KEY}\n")
    assert call("check", "SOME_KEY").output == "SOME_KEY: found in ./.env.\n"
    monkeypatch.setenv("SOME_KEY", KEY)
    assert call("check", "SOME_KEY").output == "SOME_KEY: found in the environment.\n"

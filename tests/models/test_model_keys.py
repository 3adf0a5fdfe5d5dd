"""Where keys come from, in which order, and that they go nowhere else."""

import os
import sys
from types import ModuleType
from typing import Any

import pytest

from mmlubench.errors import ModelError
from mmlubench.models.names.keys import find_key, how_to_set


@pytest.fixture(autouse=True)
def no_key_around(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "keyring", None)  # as if the extra were not installed


@pytest.fixture
def keyring(monkeypatch):
    fake: Any = ModuleType("keyring")
    fake.asked = []
    fake.get_password = lambda service, name: fake.asked.append((service, name)) or "from-keyring"
    monkeypatch.setitem(sys.modules, "keyring", fake)
    return fake


def test_no_key_anywhere_is_no_key():
    assert find_key("SOME_KEY", {}) is None


def test_the_environment_goes_first(tmp_path, keyring):
    (tmp_path / ".env").write_text("SOME_KEY=from-file\n")
    assert find_key("SOME_KEY", {"SOME_KEY": "from-env"}) == "from-env"
    assert keyring.asked == []  # some systems ask the user to unlock it


def test_dotenv_goes_before_the_keyring_and_is_not_exported(tmp_path, keyring):
    (tmp_path / ".env").write_text("# mine\nexport SOME_KEY='from-file'\n")
    assert find_key("SOME_KEY", {}) == "from-file"
    assert keyring.asked == []
    assert "SOME_KEY" not in os.environ


def test_the_keyring_is_asked_last_under_our_own_name(keyring):
    assert find_key("SOME_KEY", {}) == "from-keyring"
    assert keyring.asked == [("mmlubench", "SOME_KEY")]


def test_a_keyring_that_fails_is_no_keyring(monkeypatch):
    # A machine without a desktop has the library but no backend: that must not end the run.
    fake: Any = ModuleType("keyring")

    def locked(service, name):
        raise RuntimeError("no recommended backend")

    fake.get_password = locked
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert find_key("SOME_KEY", {}) is None


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_variable_counts_as_not_set(empty, tmp_path):
    (tmp_path / ".env").write_text("SOME_KEY=from-file\n")
    assert find_key("SOME_KEY", {"SOME_KEY": empty}) == "from-file"


def test_blanks_around_a_key_are_cut_off():
    assert find_key("SOME_KEY", {"SOME_KEY": " abc\n"}) == "abc"


@pytest.mark.parametrize("bad", ["two words", "line\nbreak", "schlüssel", "“quoted”"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(bad):
    with pytest.raises(ModelError) as caught:
        find_key("SOME_KEY", {"SOME_KEY": bad})
    assert str(caught.value).startswith("SOME_KEY holds spaces, line breaks or non-ASCII characters")
    assert bad not in str(caught.value)


def test_a_dotenv_that_is_no_text_is_said_so(tmp_path):
    (tmp_path / ".env").write_bytes(b"SOME_KEY=\xff\xfe\n")
    with pytest.raises(
        ModelError, match=r"\./\.env cannot be read .*: it must be a readable UTF-8 text file"
    ):
        find_key("SOME_KEY", {})


def test_the_three_ways_to_set_a_key_are_named():
    said = how_to_set("SOME_KEY")
    assert "export SOME_KEY=" in said
    assert "./.env" in said
    assert "`mmlubench keys set SOME_KEY`" in said

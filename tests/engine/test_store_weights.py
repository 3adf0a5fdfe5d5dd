"""Weights in the store: what a server tells decides whose replies are found, and no reply answers for other weights."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.engine.store.origins import Origins
from mmlubench.engine.store.reply import StoredReply, request_key
from mmlubench.engine.store.sqlite import Store
from mmlubench.engine.store.weights import contradict, difference
from mmlubench.errors import MixedReplies
from mmlubench.models.base import Told
from mmlubench.schema import Completion, Request

MODEL = {"client": "vllm", "model_id": "m", "base_url": "http://x/v1"}
FIRST: Told = {"model": {"root": "/first"}}
SECOND: Told = {"model": {"root": "/second"}}
NOTHING: Told = {}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store.open(path)) as opened:
        yield opened


@pytest.fixture
def mark(store: Store) -> Callable[[Told], str]:
    return lambda told: store.recognise(MODEL, told).mark


def test_the_first_weights_keep_the_plain_keys_and_others_get_keys_of_their_own(
    mark: Callable[[Told], str],
) -> None:
    assert mark(FIRST) == ""
    assert mark(SECOND) != ""
    assert mark(FIRST) == ""
    assert mark({"model": {"root": "/third"}}) not in ("", mark(SECOND))


def test_weights_without_a_mark_change_no_key(store: Store) -> None:
    request = Request("q", ())
    first, second = store.recognise(MODEL, FIRST), store.recognise(MODEL, SECOND)
    assert request_key(first.of(MODEL), request) == request_key(MODEL, request)
    assert request_key(second.of(MODEL), request) != request_key(MODEL, request)


def test_models_do_not_share_their_weights(store: Store) -> None:
    assert store.recognise(MODEL, FIRST).mark == store.recognise({**MODEL, "adapter": "a"}, SECOND).mark == ""


def test_a_server_that_tells_nothing_has_the_weights_that_were_seen_last(mark: Callable[[Told], str]) -> None:
    assert mark(NOTHING) == ""
    mark(FIRST)
    second = mark(SECOND)
    assert mark(NOTHING) == second
    mark(FIRST)
    assert mark(NOTHING) == ""


def test_what_is_told_of_nothing_now_is_not_known_to_be_of_these_weights(store: Store) -> None:
    assert store.recognise(MODEL, FIRST).told == FIRST
    assert store.recognise(MODEL, NOTHING).told is None


def test_a_change_is_told_once_and_in_words(store: Store) -> None:
    store.recognise(MODEL, FIRST)
    changed = store.recognise(MODEL, SECOND)
    assert changed.before == FIRST
    assert difference(SECOND, FIRST) == "model: root /second in place of /first"
    assert store.recognise(MODEL, SECOND).before is None
    assert store.recognise(MODEL, FIRST).before == SECOND


def test_what_a_server_says_commands_no_terminal_and_fills_no_screen() -> None:
    said = difference({"model": {"root": "/b\x1b[31m" + "x" * 500}}, FIRST)
    assert said.isprintable()
    assert len(said) < 200


def test_what_is_told_later_of_the_same_weights_is_added_and_counts_from_then_on(
    mark: Callable[[Told], str],
) -> None:
    mark(FIRST)
    assert mark({"model": {"root": "/first", "sha256": "a"}}) == ""
    assert mark(FIRST) == ""  # its folder cannot be read today
    assert mark({"model": {"root": "/first", "sha256": "b"}}) != ""


def test_weights_that_were_moved_are_the_same(mark: Callable[[Told], str]) -> None:
    mark({"model": {"root": "/old", "sha256": "a"}})
    assert mark({"model": {"root": "/new", "sha256": "a"}}) == ""


def test_what_was_seen_outlives_the_process_and_is_the_same_for_all(path: Path, store: Store) -> None:
    store.recognise(MODEL, FIRST)
    marked = store.recognise(MODEL, SECOND).mark
    with closing(Store.open(path)) as other:
        assert other.recognise(MODEL, FIRST).mark == ""
        assert other.recognise(MODEL, SECOND).mark == marked


def test_a_store_that_was_damaged_still_tells_weights_apart(path: Path) -> None:
    with closing(Store.open(path)) as store:
        store.put(b"k" * 32, StoredReply(Completion("A", "stop"), "m", 1.0))
        store.recognise(MODEL, FIRST)
        marked = store.recognise(MODEL, SECOND).mark
    broken = bytearray(path.read_bytes())
    broken[100:108] = b"\xff" * 8  # the tree of all tables
    path.write_bytes(broken)
    with closing(Store.open(path)) as mended:
        assert "damaged" in mended.notice
        assert mended.get(b"k" * 32) is not None
        assert mended.recognise(MODEL, SECOND).mark == marked
        assert mended.recognise(MODEL, FIRST).mark == ""


def test_a_store_that_was_deleted_meanwhile_still_tells_weights_apart(path: Path) -> None:
    with closing(Store.open(path)) as store:
        store.recognise(MODEL, FIRST)
        path.unlink()
        store.put(b"k" * 32, StoredReply(Completion("A", "stop"), "m", 1.0))
    with closing(Store.open(path)) as anew:
        assert anew.recognise(MODEL, SECOND).mark != ""


def test_a_store_of_an_older_version_gets_the_table(path: Path) -> None:
    with closing(Store.open(path)):
        pass
    with closing(sqlite3.connect(path)) as old:
        old.execute("DROP TABLE weights")
    with closing(Store.open(path)) as store:
        assert store.recognise(MODEL, FIRST).mark == ""


def test_a_row_with_a_flipped_bit_is_none(path: Path, store: Store) -> None:
    store.recognise(MODEL, FIRST)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("""UPDATE weights SET told = CAST('{"model":{"root":"/xirst"}}' AS BLOB)""")
    assert store.recognise(MODEL, SECOND).mark == ""


_facts = st.dictionaries(st.sampled_from(["root", "sha256", "size"]), st.sampled_from(["a", "b"]), max_size=3)
_tellings = st.dictionaries(st.sampled_from(["model", "adapter"]), _facts, max_size=2)


@given(_tellings, _tellings)
def test_who_tells_less_contradicts_less(one: Any, other: Any) -> None:
    assert not contradict(one, one)
    assert not contradict(one, {})
    assert contradict(one, other) == contradict(other, one)
    for part in one:
        fewer = {name: facts for name, facts in one.items() if name != part}
        assert not contradict(fewer, other) or contradict(one, other)


# -- replies of a server that tells nothing ---------------------------------------------------------------------------


def reply(fingerprint: str = "", model: str = "m") -> Completion:
    return Completion(
        "A", "stop", model=model, metadata={"system_fingerprint": fingerprint} if fingerprint else {}
    )


@pytest.mark.parametrize("other", [reply("f2"), reply("f1", "n")], ids=["fingerprint", "model"])
def test_stored_replies_are_mixed_with_no_others(other: Completion) -> None:
    for first, then in [("recalled", "arrived"), ("arrived", "recalled")]:
        origins = Origins("m", refuses=True)
        getattr(origins, first)(reply("f1"))
        with pytest.raises(MixedReplies, match=r"--refresh.*--accept-mixed"):
            getattr(origins, then)(other)


def test_stored_replies_may_differ_and_others_like_one_of_them_arrive() -> None:
    origins = Origins("m", refuses=True)
    for fingerprint in ("f1", "f2"):
        origins.recalled(reply(fingerprint))
    origins.arrived(reply("f2"))
    origins.recalled(reply("f1"))
    with pytest.raises(MixedReplies, match="'f1' and 'f3'"):
        origins.arrived(reply("f3"))


def test_a_server_whose_replies_differ_among_themselves_goes_on() -> None:
    origins = Origins("m", refuses=True)
    for fingerprint in ("f1", "f2", "f1"):
        origins.arrived(reply(fingerprint))


def test_a_reply_without_a_fingerprint_contradicts_none() -> None:
    origins = Origins("m", refuses=True)
    origins.recalled(reply())
    origins.arrived(reply("f1"))
    origins.recalled(reply(model=""))

"""`mmlubench store merge`: the replies of several stores in one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmlubench.cli import main
from mmlubench.engine.store.reply import StoredReply
from mmlubench.engine.store.sqlite import Store
from mmlubench.schema import Completion


def merge(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["store", "merge", *map(str, arguments)])


def filled(path: Path, replies: dict[int, str], at: float = 1000.0) -> Path:
    with closing(Store.open(path)) as store:
        for number, text in replies.items():
            store.put(b"%032d" % number, StoredReply(Completion(text, "stop"), "claude", at))
    return path


def texts(path: Path) -> dict[int, str]:
    with closing(Store.open(path)) as store:
        found = {number: store.get(b"%032d" % number) for number in range(20)}
    return {number: reply.completion.text for number, reply in found.items() if reply is not None}


def test_all_replies_are_in_the_merged_store_and_the_newer_one_counts(tmp_path: Path) -> None:
    old = filled(tmp_path / "old.sqlite", {1: "old", 2: "old"}, at=1000)
    new = filled(tmp_path / "new.sqlite", {2: "new", 3: "new"}, at=2000)
    for number, order in enumerate(((old, new), (new, old))):
        done = merge(*order, "--to", tmp_path / f"all-{number}.sqlite")
        assert done.exit_code == 0
        assert done.output.splitlines()[-1] == f"{tmp_path / f'all-{number}.sqlite'}: 3 answers"
        assert texts(tmp_path / f"all-{number}.sqlite") == {1: "old", 2: "new", 3: "new"}
    assert texts(old) == {1: "old", 2: "old"}
    again = merge(old, "--to", tmp_path / "all-0.sqlite")
    assert again.output.splitlines()[0] == f"{old}: 2 answers, 0 of them new"


def test_a_damaged_reply_takes_the_place_of_none(tmp_path: Path) -> None:
    good = filled(tmp_path / "good.sqlite", {1: "good"}, at=1000)
    bad = filled(tmp_path / "bad.sqlite", {1: "bad", 2: "fine"}, at=2000)
    with closing(sqlite3.connect(bad)) as connection:
        connection.execute("UPDATE replies SET crc = crc + 1 WHERE key = ?", (b"%032d" % 1,))
        connection.commit()
    assert merge(bad, "--to", good).exit_code == 0
    assert texts(good) == {1: "good", 2: "fine"}


def test_what_is_known_of_weights_is_copied_and_two_first_weights_are_kept_apart(tmp_path: Path) -> None:
    identity = {"client": "vllm", "model_id": "m"}
    paths = [tmp_path / f"{name}.sqlite" for name in ("one", "same", "other", "all")]
    for path, digest in zip(paths, ("a", "a", "b"), strict=False):
        with closing(Store.open(path)) as store:
            store.recognise(identity, {"model": {"root": "/m", "sha256": digest * 64}})
    one, same, other, merged = paths
    assert merge(one, same, "--to", merged).exit_code == 0
    with closing(Store.open(merged)) as store:
        assert store.recognise(identity, {"model": {"root": "/m", "sha256": "a" * 64}}).mark == ""
        assert store.recognise(identity, {"model": {"root": "/m", "sha256": "c" * 64}}).mark != ""
    refused = merge(other, "--to", merged)
    assert refused.exit_code == 1
    assert "had other weights there" in refused.output
    assert "keep the two stores apart" in refused.output


@pytest.mark.parametrize("kind", ["none", "itself", "strange"])
def test_what_cannot_be_merged_is_one_sentence(tmp_path: Path, kind: str) -> None:
    target = filled(tmp_path / "all.sqlite", {1: "one"})
    (tmp_path / "strange").write_text("a file of another program, of more than a hundred letters" * 3)
    source = {"none": tmp_path / "nowhere", "itself": target, "strange": tmp_path / "strange"}[kind]
    done = merge(source, "--to", target)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert len(done.output.strip().splitlines()) == 1
    assert texts(target) == {1: "one"}

"""`mmlubench store`: what is kept, and how to be rid of it."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmlubench.cli import main
from mmlubench.engine.store.reply import StoredReply
from mmlubench.engine.store.sqlite import Store
from mmlubench.schema import Completion
from mmlubench.settings import Settings

DAY_S = 86_400


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["store", *map(str, arguments)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """1,200 answers of two models, the older model's 40 days old."""
    path = tmp_path / "store.sqlite"
    now = time.time()
    with closing(Store.open(path)) as store:
        for number in range(1_200):
            label, days = ("old-qwen", 40) if number < 200 else ("claude", 1)
            kept = StoredReply(Completion("ANSWER: B" * 20, "stop"), label, now - days * DAY_S)
            store._pending[b"%032d" % number] = (label, kept.at, b"{}", 0)
        store.flush()
    return path


def rows(path: Path) -> dict[str, int]:
    with closing(Store.open(path)) as store:
        return dict(store.stats()["models"])


def test_stats_tell_how_much_of_which_model_and_from_when(path: Path) -> None:
    done = run("stats", "--store", path)
    assert done.exit_code == 0
    first, second, *models = done.output.splitlines()
    assert first.startswith(f"{path}: 1,200 answers, 0.")
    oldest, newest = (time.localtime(time.time() - days * DAY_S) for days in (40, 1))
    assert second.startswith(time.strftime("from %Y-%m-%d ", oldest))
    assert time.strftime(" to %Y-%m-%d ", newest) in second
    assert [line.split() for line in models] == [["1,000", "claude"], ["200", "old-qwen"]]


def test_stats_of_a_store_without_answers(tmp_path: Path) -> None:
    Store.open(tmp_path / "s").close()
    assert run("stats", "--store", tmp_path / "s").output.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--older-than", "30d"], {"claude": 1_000}),
        (["--older-than", "8w"], {"claude": 1_000, "old-qwen": 200}),
        (["--older-than", "12h"], {}),
        (["--older-than", "1.5h", "--model", "claude"], {"old-qwen": 200}),
        (["--model", "old-qwen"], {"claude": 1_000}),
    ],
)
def test_prune_by_age_by_model_or_both(path: Path, arguments: list[str], left: dict[str, int]) -> None:
    done = run("prune", *arguments, "--store", path)
    assert done.exit_code == 0
    assert rows(path) == left
    kept = sum(left.values())
    assert done.output.startswith(f"{path}: {1_200 - kept:,} answers deleted, {kept:,} left, ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing says which answers to delete: give --older-than AGE, --model NAME, or both."),
        (["--older-than", "30"], "--older-than 30: give a number and s, m, h, d or w, such as 30d."),
        (["--older-than", "-3d"], "--older-than -3d: give a number and s, m, h, d or w, such as 30d."),
    ],
)
def test_a_slip_in_the_arguments_forgets_nothing(path: Path, arguments: list[str], sentence: str) -> None:
    done = run("prune", *arguments, "--store", path)
    assert done.exit_code == 2
    assert sentence in done.output
    assert sum(rows(path).values()) == 1_200


def test_a_model_that_is_not_there_names_those_that_are(path: Path) -> None:
    done = run("prune", "--model", "cluade", "--store", path)
    assert done.exit_code == 1
    assert done.output == f"Error: --model cluade: {path} has answers of claude, old-qwen.\n"


@pytest.mark.parametrize("verb", [["stats"], ["prune", "--older-than", "1d"]])
def test_looking_for_a_store_makes_none(verb: list[str], tmp_path: Path) -> None:
    done = run(*verb, "--store", tmp_path / "none.sqlite")
    assert done.exit_code == 1
    assert (
        done.output
        == f"Error: there is no store at {tmp_path / 'none.sqlite'}; name one with --store PATH.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_it_is_the_one_that_runs_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    path = Settings().store_path
    assert f"there is no store at {path};" in run("stats").output
    Store.open(path).close()
    assert run("stats").output.startswith(f"{path}: 0 answers")


def test_a_damaged_store_is_left_as_it_is_by_a_look_and_repaired_by_what_has_to_write(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[8192:12288] = bytes(4096)
    path.write_bytes(damaged)
    done = run("stats", "--store", path)
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: the store {path} is damaged (")
    assert done.output.endswith("; the next run copies what can be read of it into a new one.\n")
    assert path.read_bytes() == damaged
    done = run("prune", "--older-than", "30d", "--store", path)
    assert done.exit_code == 0
    (aside,) = path.parent.glob("store.sqlite.corrupt-*")
    assert f"it is now {aside.name} beside it" in done.output


@pytest.mark.parametrize("verb", [["stats"], ["prune", "--older-than", "1d"]])
@pytest.mark.parametrize("content", [b"", b"my notes\n", b"no database" * 1000])
def test_a_file_of_another_program_ends_in_a_sentence_and_is_left_as_it_is(
    verb: list[str], content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    done = run(*verb, "--store", path)
    assert done.exit_code == 1
    what = "a file of another program, and is left as it is" if content else "an empty file, and no store"
    assert done.output.startswith(f"Error: {path} is {what}")
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    done = run("stats", "--store", tmp_path)
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: the store {tmp_path} is a folder, and a file is needed")

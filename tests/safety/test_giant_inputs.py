"""A wrong path, a gigabyte of nonsense, a file that unpacks to a hundred: one sentence, and the memory stays small."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from mmlubench import inputs
from mmlubench.datasets.sources import arrow, hendrycks
from mmlubench.errors import DataError
from mmlubench.inputs import LINE_BYTES, TooLarge, load_yaml, read_bytes, read_lines, read_text, sha256

GB = 1_000_000_000
ROOM_MB = 150
#: Runs one statement and tells its error, and by how many MB the memory peaked above what it was before.
PROBE = """
import resource, sys
from pathlib import Path
from mmlubench import datasets, prompts, models
from mmlubench.commands import record
from mmlubench.datasets.sources import arrow
from mmlubench.datasets.sources import hendrycks
from mmlubench.datasets.sources import snapshot
from mmlubench.models.names import keys
from mmlubench.models import mock_replies
from mmlubench.run import archive
import yaml, dotenv, pyarrow.parquet

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

path = Path(sys.argv[1])
before, said = peak(), "nothing"
try:
    exec(sys.argv[2])
except Exception as error:
    said = f"{type(error).__name__}: {error}"
print(round(peak() - before))
print(said)
"""


@pytest.fixture
def probe(tmp_path: Path) -> Callable[..., str]:
    """What a file of this name and size is refused with, in a process whose memory is watched."""

    def run(name: str, statement: str, size: int = GB, begin: bytes = b"") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(begin)
            file.truncate(max(size, len(begin)))  # sparse: it costs no disk
        call = [sys.executable, "-c", PROBE, str(path), statement]
        done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        grown, said = done.stdout.splitlines()
        assert int(grown) < ROOM_MB, done.stdout
        assert path.name in said
        return said

    return run


@pytest.mark.parametrize(
    ("name", "statement", "said"),
    [
        ("models.yaml", "models.resolve('x', models_file=str(path), env={})", "at most 1 MB are read"),
        ("prompt.yaml", "prompts.load_recipe(prompt_file=path)", "at most 1 MB are read"),
        (".env", "keys.find_key('NO_SUCH_KEY', {})", "at most 1 MB are read"),
        ("r.json", "mock_replies.load(str(path))", "at most 128 MB are read); replies as JSON lines"),
        ("r.txt", "mock_replies.load(str(path))", "at most 128 MB are read); replies as JSON lines"),
        (
            "r.jsonl",
            "mock_replies.load(str(path))",
            "line 1 has more than 16 MB, and at most 16 MB are read).",
        ),
        ("data.tar", "datasets.load('mmlu', str(path))", "it has no test split"),
        ("test.parquet", "datasets.load('mmlu', str(path.parent))", "cannot be read as a parquet file"),
        (
            "test/anatomy_test.csv",
            "datasets.load('mmlu', str(path.parents[1]))",
            "it cannot be read (it has 1,000.0 MB, and at most 64 MB are read).",
        ),
        ("snapshot.json", "snapshot.read(path.parent)", "at most 16 MB are read; fetch the data again."),
        ("manifest.json", "archive.read_manifest(path.parent)", "at most 16 MB are read)."),
        ("responses.jsonl", "record.read_replies(path.parent)", "line 1 has more than 16 MB"),
    ],
)
def test_a_gigabyte_of_nonsense_is_one_sentence(
    name: str, statement: str, said: str, probe: Callable[..., str]
) -> None:
    sentence = probe(name, statement)
    assert said in sentence
    assert sentence.split(":")[0] in ("ModelError", "PromptError", "DataError", "UserError")


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("r.jsonl", "mock_replies.load(str(path))"),
        ("data.tar", "hendrycks.read_tar(path)"),
        ("test.parquet", "arrow.read(path)"),
    ],
)
def test_a_file_of_more_than_a_gigabyte_is_not_even_begun(
    name: str, statement: str, probe: Callable[..., str]
) -> None:
    assert "it has 8,000.0 MB, and at most 1,000 MB are read" in probe(name, statement, size=8 * GB)


def test_replies_are_read_line_by_line_and_the_first_wrong_one_ends_it(probe: Callable[..., str]) -> None:
    good = b'{"id": "q/1", "completion": "A"}\n'
    said = probe("r.jsonl", "mock_replies.load(str(path))", begin=good + b"nonsense\n" + b"x" * 10)
    assert (
        said.endswith("r.jsonl, line 2: not valid JSON (unexpected character).")
        or "line 2: not valid JSON" in said
    )


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device that never ends")
def test_what_never_ends_is_given_up() -> None:
    # A device or a pipe does not tell its size beforehand.
    endless = Path("/dev/zero")
    with pytest.raises(TooLarge, match="it has more than 1 MB, and at most 1 MB are read"):
        read_text(endless)
    with pytest.raises(TooLarge, match="line 1 has more than 16 MB"):
        next(read_lines(endless))


# -- small files that unpack to large ones


def test_a_tar_that_unpacks_to_a_gigabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.tar.gz"
    for name, size, most in (("test/anatomy_test.csv", 100_000_000, "64"), ("other/readme", 2 * GB, "1,000")):
        with gzip.open(path, "wb", compresslevel=1) as file:
            member = tarfile.TarInfo(name)
            member.size = size
            file.write(member.tobuf())  # only its announcement: nobody may read on to find that it lies
        with pytest.raises(DataError, match=rf"{name} has [\d,.]+ MB, and at most {most} MB are read"):
            hendrycks.read_tar(path)


def test_a_parquet_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    path = tmp_path / "test.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int8()), pa.array(["x"]))
    table = pa.table({"question": column})
    with ParquetWriter(path, table.schema) as writer:
        for _ in range(130):
            writer.write_table(table)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(
        DataError, match=r"its unpacked content has 1,040\.0 MB, and at most 1,000 MB are read"
    ):
        arrow.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 100_000,
        "a: &a [*a]",
        "a: &a [x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a {x: 1}\n"
        + "".join(
            f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}\n"
            for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
    ],
    ids=["brackets", "dashes", "circle", "laughs", "merges"],
)
def test_a_yaml_file_that_stands_for_more_than_it_holds_is_refused(
    text: str, probe: Callable[..., str]
) -> None:
    said = probe("models.yaml", "models.resolve('x', models_file=str(path), env={})", 0, text.encode())
    assert said.startswith("ModelError: ")
    assert "nested too deeply" in said or "it stands for more than 100,000 values" in said


# -- and what is of a usual size is read as ever


def test_ordinary_files_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("a: 'ä'\r\nb: [1, 2]\r\n".encode())
    assert read_text(path) == "a: 'ä'\nb: [1, 2]\n"
    assert load_yaml(path) == {"a": "ä", "b": [1, 2]}
    assert list(read_lines(path)) == ["a: 'ä'\r\n".encode(), b"b: [1, 2]\r\n"]
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text("")
    assert load_yaml(path) is None
    path.write_text("base: &base {a: 1}\nmine: {<<: *base, b: 2}\n")
    assert load_yaml(path)["mine"] == {"a": 1, "b": 2}


def test_the_limits_are_kept_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert read_bytes(path, 100) == b"x" * 100
    with pytest.raises(TooLarge):
        read_bytes(path, 99)
    monkeypatch.setattr(inputs, "LINE_BYTES", 10)
    path.write_bytes(b"123456789\n123456789\n")
    assert len(list(read_lines(path, 20))) == 2
    with pytest.raises(TooLarge):
        list(read_lines(path, 19))
    path.write_bytes(b"123456789\n1234567890\n")
    with pytest.raises(TooLarge, match="line 2"):
        list(read_lines(path))


def test_the_limits_leave_room_for_what_is_real() -> None:
    # All of MMLU with 9 kB a reply in one JSON object, and a reply of a hundred thousand words on one line.
    assert inputs.JSON_BYTES > 14_042 * 9_000
    assert len(orjson.dumps({"completion": "because " * 100_000})) < LINE_BYTES

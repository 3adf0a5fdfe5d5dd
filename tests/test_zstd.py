"""Compressed logs: read back as they were written, up to where a writer was killed."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench import inputs, jsonl, zstd
from mmlubench.errors import DataError

LINES = [orjson.dumps({"n": n, "text": f"line {n} é " * (n % 7)}) + b"\n" for n in range(400)]


def written(path: Path, *, at_once: int) -> list[int]:
    """Write the lines in frames of so many lines, and return the size of the file after each frame."""
    appender, sizes = jsonl.PackedAppender(path), [0]
    for number, line in enumerate(LINES, 1):
        appender.write(line)
        if number % at_once == 0:
            appender.flush()
            sizes.append(path.stat().st_size)
    appender.close()
    appender.close()
    return sizes


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl.zst"
    written(path, at_once=150)
    assert path.stat().st_size < len(b"".join(LINES)) / 3
    assert list(inputs.read_lines(path)) == LINES
    assert [line["n"] for line in jsonl.read(path)] == list(range(400))


def test_it_is_found_by_the_name_of_the_plain_file_unless_that_is_there(tmp_path: Path) -> None:
    plain = tmp_path / "requests.jsonl"
    written(tmp_path / "requests.jsonl.zst", at_once=400)
    assert [line["n"] for line in jsonl.read(plain)] == list(range(400))
    plain.write_bytes(b'{"n": "plain"}\n')
    assert [line["n"] for line in jsonl.read(plain)] == ["plain"]
    with pytest.raises(FileNotFoundError):
        next(jsonl.read(tmp_path / "others.jsonl"))


@given(share=st.floats(0, 1), at_once=st.sampled_from([1, 30, 200]))
def test_a_writer_that_is_killed_loses_at_most_the_last_frame(
    tmp_path_factory: pytest.TempPathFactory, share: float, at_once: int
) -> None:
    path = tmp_path_factory.mktemp("killed") / "requests.jsonl.zst"
    sizes = written(path, at_once=at_once)
    kept = int(share * path.stat().st_size)
    path.write_bytes(path.read_bytes()[:kept])
    whole = max(number for number, size in enumerate(sizes) if size <= kept)
    found = [line["n"] for line in jsonl.read(path)]
    assert found == list(range(len(found)))
    assert len(found) >= min(whole * at_once, len(LINES))


def test_lines_wait_for_a_second_or_64_kb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(jsonl, "monotonic", lambda: now)
    path = tmp_path / "requests.jsonl.zst"
    appender = jsonl.PackedAppender(path)
    appender.write(LINES[0])
    assert path.read_bytes() == b""
    now = 101.0
    appender.write(LINES[1])
    assert list(inputs.read_lines(path)) == LINES[:2]
    appender.write(b"x" * jsonl.BUFFER_BYTES + b"\n")
    assert len(list(inputs.read_lines(path))) == 3
    appender.close()


def test_an_empty_log_is_one_without_lines(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl.zst"
    jsonl.PackedAppender(path).close()
    assert path.read_bytes() == b""
    assert list(jsonl.read(path)) == []


def test_a_file_that_is_damaged_or_no_log_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl.zst"
    path.write_bytes(b'{"n": 1}\n')
    with pytest.raises(OSError, match="ZSTD"):
        list(jsonl.read(path))
    path.write_bytes(zstd.frame(b"no JSON\n"))
    with pytest.raises(DataError, match="not JSON"):
        list(jsonl.read(path))


def test_what_is_unpacked_counts_for_the_limit_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl.zst"
    path.write_bytes(zstd.frame(b"{}\n" * 1000))
    with pytest.raises(inputs.TooLarge):
        list(inputs.read_lines(path, 2000))
